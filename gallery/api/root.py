"""Where everything is."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from .negotiation import AlwaysJSON

ADDRESSES = {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}}


class RootView(APIView):
    content_negotiation_class = AlwaysJSON

    @extend_schema(summary="Where everything is", responses={200: ADDRESSES})
    def get(self, request: Request) -> Response:
        names = {
            "images": "image-list",
            "search": "search",
            "facets": "search-facets",
            "suggestions": "suggestions",
            "albums": "album-list",
            "jobs": "job-list",
            "saved_searches": "saved-search-list",
            "tags": "tag-list",
            "stats": "stats",
            "account": "account",
            "schema": "schema",
            "docs": "docs",
        }
        return Response({key: reverse(f"api:{name}", request=request) for key, name in names.items()})
