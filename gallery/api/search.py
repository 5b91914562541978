"""Searching, by a text or a picture."""

import time
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gallery.conf import gallery
from gallery.services.query import Query, parse, parse_top
from gallery.services.query_pictures import query_by_file
from gallery.services.search import find_images
from gallery.text.tag_names import parse_tags, tag_key

from .descriptions import described_results
from .negotiation import AlwaysJSON
from .parameters import TAG, TOP
from .serializers import ResultPageSerializer, SearchSerializer


class SearchView(APIView):
    """A search is a read, whatever its method: everyone may, among the pictures that they may see."""

    permission_classes = [AllowAny]
    content_negotiation_class = AlwaysJSON

    @extend_schema(
        summary="Search with a text",
        parameters=[OpenApiParameter("q", OpenApiTypes.STR, required=True, description="What it shows."), TOP, TAG],
        responses=ResultPageSerializer,
    )
    def get(self, request: Request) -> Response:
        given = request.query_params
        return self._answer(
            {"text": given.get("q", ""), "top": given.get("top"), "tags": given.getlist("tag")}, request
        )

    @extend_schema(
        summary="Search with a text or a picture",
        request={"application/json": SearchSerializer, "multipart/form-data": SearchSerializer},
        responses=ResultPageSerializer,
    )
    def post(self, request: Request) -> Response:
        form = SearchSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return self._answer(form.validated_data, request)

    def _answer(self, given: dict[str, Any], request: Request) -> Response:
        started = time.perf_counter()
        top = parse_top(given.get("top"), limit=gallery().max_results)
        query = _query(given).narrowed(tag_keys=tuple(tag_key(name) for name in parse_tags(given.get("tags") or ())))
        page = find_images(query, user=request.user, top=top)
        elapsed = (time.perf_counter() - started) * 1000
        return Response(described_results(page, request, milliseconds=elapsed))


def _query(given: dict[str, Any]) -> Query:
    text, picture = given.get("text") or "", given.get("image")
    if picture is None:
        return parse(text, max_characters=gallery().max_query_characters)
    if text:
        raise ValidationError({"image": [_("Give a text or a picture, not both.")]})
    return query_by_file(picture)
