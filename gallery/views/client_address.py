from ipaddress import ip_address

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
