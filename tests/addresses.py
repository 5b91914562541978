"""Every address that the site answers at."""

from collections.abc import Iterator, Mapping

from django.urls import get_resolver
from django.urls.resolvers import URLResolver


def every_address(values: Mapping[str, object]) -> list[str]:
    """Return one path for each pattern of the site, its parameters filled with `values`."""
    return sorted({f"/{path}" for path in _addresses(get_resolver(), "", values)})


def _addresses(resolver: URLResolver, prefix: str, values: Mapping[str, object]) -> Iterator[str]:
    for name in resolver.reverse_dict:
        for possibilities, _pattern, _defaults, _converters in resolver.reverse_dict.getlist(name):
            for template, parameters in possibilities:
                yield prefix + template % {parameter: values[parameter] for parameter in parameters}
    for inner_prefix, inner in resolver.namespace_dict.values():
        yield from _addresses(inner, prefix + inner_prefix, values)
