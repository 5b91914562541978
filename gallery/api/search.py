"""Searching, by a text, a picture or both."""

import time
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiRequest, extend_schema
from rest_framework.parsers import FormParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gallery.client_address import counted_client
from gallery.conf import gallery
from gallery.forms.sent_fields import check_files, check_once
from gallery.retrieval.request import SearchRequest, with_box
from gallery.rooms import Room, in_room
from gallery.services.facets import facets_of
from gallery.services.limits import asking_with, searching_with_picture
from gallery.services.query_pictures import brought_picture
from gallery.services.search import find_images

from .authentication import actor_of
from .descriptions import described_results
from .negotiation import AlwaysJSON
from .parameters import TAG
from .parsers import FormWithFilesParser, PictureJSONParser
from .result_serializers import FacetSerializer, FacetsSerializer, ResultPageSerializer
from .schema_answers import CONFLICT, NOT_THERE
from .schema_fields import PICTURE_FILE
from .search_serializers import SearchAddressSerializer, SearchFormSerializer, SearchSerializer, SpellingSerializer


class SearchView(APIView):
    """A search is a read, whatever its method: everyone may, among the pictures that they may see."""

    permission_classes = [AllowAny]
    content_negotiation_class = AlwaysJSON
    parser_classes = [PictureJSONParser, FormWithFilesParser, FormParser]

    @in_room(Room.TEXT_SEARCH)
    @extend_schema(
        summary="Search with a text",
        parameters=[SearchAddressSerializer, TAG],
        responses={200: ResultPageSerializer, 404: NOT_THERE, 409: CONFLICT},
    )
    def get(self, request: Request) -> Response:
        return self._answer(_of_address(request), request)

    @in_room(Room.PICTURE_SEARCH)
    @extend_schema(
        summary="Search with a text, a picture or both",
        request={
            "application/json": SearchSerializer,
            "multipart/form-data": OpenApiRequest(SearchFormSerializer, encoding={"image": PICTURE_FILE}),
        },
        responses={200: ResultPageSerializer, 404: NOT_THERE, 409: CONFLICT},
    )
    def post(self, request: Request) -> Response:
        check_files(request.FILES, field="image")
        check_once(request.data, fields=SearchSerializer().fields, repeatable=["tags"])
        form = SearchSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = {**form.validated_data, "cursor": form.validated_data.get("cursor") or _cursor_in_address(request)}
        if given.get("image") is None:
            return self._answer(given, request)
        started = time.perf_counter()
        with searching_with_picture(by=actor_of(request), client=counted_client(request._request)):
            return _found(_request(given), request, started)

    def _answer(self, given: dict[str, Any], request: Request) -> Response:
        started = time.perf_counter()
        asked = _request(given)
        with asking_with(asked, by=actor_of(request), client=counted_client(request._request)):
            return _found(asked, request, started)


class FacetsView(APIView):
    """What narrows a search, with how many pictures each filter would leave of those that it is confident of."""

    permission_classes = [AllowAny]
    content_negotiation_class = AlwaysJSON

    @in_room(Room.TEXT_SEARCH)
    @extend_schema(
        summary="Filters that narrow a search, counted",
        parameters=[SearchAddressSerializer, TAG],
        responses={200: FacetsSerializer, 409: CONFLICT},
    )
    def get(self, request: Request) -> Response:
        asked = _request(_of_address(request))
        with asking_with(asked, by=actor_of(request), client=counted_client(request._request)):
            return Response({"facets": FacetSerializer(facets_of(asked, by=actor_of(request)), many=True).data})


def _cursor_in_address(request: Request) -> str | None:
    """Return where to go on by the address that `next` gave, to which the same body is sent again."""
    return request.query_params.get("cursor")


def _of_address(request: Request) -> dict[str, Any]:
    given = request.query_params
    spelling = SpellingSerializer(data=given)
    spelling.is_valid(raise_exception=True)
    return {
        "q": given.get("q", ""),
        "words": given.get("words", ""),
        "top": given.get("top"),
        "order": given.get("order"),
        "cursor": given.get("cursor"),
        "tags": given.getlist("tag"),
        **spelling.validated_data,
    }


def _found(asked: SearchRequest, request: Request, started: float) -> Response:
    page = find_images(asked, by=actor_of(request))
    elapsed = (time.perf_counter() - started) * 1000
    return Response(described_results(page, request, milliseconds=elapsed))


def _request(given: dict[str, Any]) -> SearchRequest:
    brought = None if given.get("image") is None else brought_picture(given["image"])
    picture = with_box(brought, given.get("region"))
    return SearchRequest.of(
        query=given.get("q") or "",
        today=timezone.localdate(),
        text=" ".join(filter(None, [given.get("words"), given.get("text")])),
        as_typed=given["as_typed"],
        meanings=[] if picture is None else [picture],
        tags=given.get("tags") or (),
        top=given.get("top"),
        order=given.get("order"),
        cursor=given.get("cursor"),
        max_top=gallery().max_results,
        max_characters=gallery().max_query_characters,
    )
