from ipaddress import IPv4Address, ip_address, ip_network

from django.http import HttpRequest
from rest_framework.throttling import BaseThrottle


def client_address(request: HttpRequest) -> str | None:
    """Return whom failed sign-ins are counted against: behind IMAGESEARCH_PROXY_COUNT proxies, as the API's limit.

    A visitor can write what he likes in front of X-Forwarded-For; what is no address counts as the proxy's own.
    """
    counted = BaseThrottle().get_ident(request)  # type: ignore[arg-type]  # it reads META only
    for address in (counted, request.META.get("REMOTE_ADDR")):
        try:
            return str(ip_address(address or ""))
        except ValueError:
            continue
    return None  # a Unix socket has none


def counted_client(request: HttpRequest) -> str | None:
    """Return whose sign-ups and mails are counted together: an address, of IPv6 the network that one customer gets."""
    address = client_address(request)
    if address is None or isinstance(ip_address(address), IPv4Address):
        return address
    return str(ip_network(f"{address.partition('%')[0]}/64", strict=False))
