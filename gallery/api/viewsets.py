"""The endpoints. Each one is: check the form, ask a queryset or a service, describe."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

from django.db.models import QuerySet
from django.http import FileResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from gallery.conf import gallery
from gallery.errors import NotSearchable, Phrase, gettext_noop
from gallery.imaging import MIME_TYPES, SHOWN_BY_BROWSERS, THUMBNAIL_MIME_TYPE, THUMBNAIL_SIZES_PX
from gallery.models import Album, Image, ImageQuerySet, Tag, User
from gallery.services.curation import delete_forever, relabel, retry_failed
from gallery.services.embedding.encoder_in_use import current_encoder_name
from gallery.services.ingest import accept_upload
from gallery.services.labels import Labels, check_labels
from gallery.services.media import open_original, open_thumbnail
from gallery.services.query import DEFAULT_TOP, Query, parse, parse_top
from gallery.services.query_pictures import query_by_file
from gallery.services.search import ResultPage, find_images, similar_images
from gallery.text.tag_names import parse_tags, tag_key

from .filters import ImageFilter
from .serializers import (
    AlbumSerializer,
    ImageChangeSerializer,
    ImageSerializer,
    ResultPageSerializer,
    ResultSerializer,
    RetrySerializer,
    SearchSerializer,
    StatisticsSerializer,
    TagSerializer,
    UploadSerializer,
    editable_ids,
)

ID = "[0-9]{1,18}"  # what a 64-bit id can hold
TOP = OpenApiParameter("top", OpenApiTypes.INT, default=DEFAULT_TOP, description="How many results, from 1.")
TAG = OpenApiParameter("tag", OpenApiTypes.STR, many=True, description="Only pictures with all of these tags.")


class AlwaysJSON(DefaultContentNegotiation):
    """Answers in JSON whatever is accepted, also when the answer is an error of a picture's address.

    It leaves `?format=` to the filter of that name, too.
    """

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, str(renderer.media_type)


def described(images: Sequence[Image], request: Request) -> list[dict[str, Any]]:
    context = {"request": request, "editable_ids": editable_ids(images, request.user)}
    return [ImageSerializer(image, context=context).data for image in images]


def described_results(page: ResultPage, request: Request, *, milliseconds: float) -> dict[str, Any]:
    images = [result.image for result in page.results]
    context = {
        "request": request,
        "editable_ids": editable_ids(images, request.user),
        "found": {result.image.pk: result for result in page.results},
    }
    return {
        "encoder": page.encoder,
        "searched": page.searched,
        "results": [ResultSerializer(image, context=context).data for image in images],
        "milliseconds": round(milliseconds, 2),
    }


class ImageViewSet(GenericViewSet[Image]):
    queryset = Image.objects.none()
    serializer_class = ImageSerializer
    filterset_class = ImageFilter
    content_negotiation_class = AlwaysJSON
    lookup_value_regex = ID

    def get_queryset(self) -> ImageQuerySet:
        return Image.objects.visible_to(self.request.user).for_listing()

    def get_parsers(self) -> list[Any]:
        """An upload is a form; a change may be JSON as well."""
        is_upload = self.action_map.get(str(self.request.method).lower()) == "create" if self.request else False
        return [MultiPartParser()] if is_upload else super().get_parsers()

    @extend_schema(summary="List pictures, newest first")
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(described(page or [], request))

    @extend_schema(
        summary="Upload a picture",
        description="The same bytes again answer 200 with the picture as it is; its labels are not changed.",
        request={"multipart/form-data": UploadSerializer},
        responses={201: ImageSerializer, 200: ImageSerializer},
    )
    def create(self, request: Request) -> Response:
        form = UploadSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = dict(form.validated_data)
        file = given.pop("file")
        owner = cast(User, request.user)  # ReadOrSignedIn let nobody else in
        upload = accept_upload(file, owner=owner, name=file.name, labels=check_labels(**given))
        [body] = described([get_object_or_404(self.get_queryset(), pk=upload.image.pk)], request)
        if not upload.created:
            return Response(body)
        return Response(body, status=status.HTTP_201_CREATED, headers={"Location": body["urls"]["self"]})

    @extend_schema(summary="One picture")
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(described([self.get_object()], request)[0])

    @extend_schema(summary="Change a picture's labels", request=ImageChangeSerializer, responses=ImageSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        image = self._editable_object()
        form = ImageChangeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        changes = form.validated_data
        relabel(image, _changed_labels(image, changes), name=changes.get("original_name"))
        return Response(described([self.get_object()], request)[0])

    @extend_schema(summary="Delete a picture for good", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        image = self.get_object()
        if not Image.objects.deletable_by(request.user).filter(pk=image.pk).exists():
            raise PermissionDenied
        delete_forever(Image.objects.filter(pk=image.pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Pictures that look alike", parameters=[TOP], filters=False, responses=ResultPageSerializer)
    @action(detail=True, pagination_class=None)
    def similar(self, request: Request, pk: str) -> Response:
        image = self.get_object()
        top = parse_top(request.query_params.get("top"), limit=gallery().max_results)
        page = similar_images(image, user=request.user, top=top)
        if page is None:
            raise NotSearchable(image_id=image.pk, status=_status_phrase(image))
        return Response(described_results(page, request, milliseconds=page.milliseconds))

    @extend_schema(
        summary="Try again to make a failed picture searchable",
        description="What is wrong with the picture itself fails again: see `status` and `embed_error` of the answer.",
        request=None,
        filters=False,
        responses=ImageSerializer,
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def retry(self, request: Request, pk: str) -> Response:
        image = self._editable_object()
        retry_failed(Image.objects.filter(pk=image.pk))
        return Response(described([self.get_object()], request)[0])

    @extend_schema(summary="The uploaded file", filters=False, responses={(200, "image/*"): OpenApiTypes.BINARY})
    @action(detail=True, pagination_class=None)
    def original(self, request: Request, pk: str) -> HttpResponseBase:
        image = self.get_object()
        etag = f'"{image.sha256}"'
        unchanged = get_conditional_response(request._request, etag=etag)
        if unchanged is not None:
            return _revalidated(unchanged, etag)
        response = FileResponse(
            open_original(image),
            as_attachment=image.format not in SHOWN_BY_BROWSERS,
            filename=image.original_name,
            content_type=MIME_TYPES[image.format],
        )
        return _revalidated(response, etag)

    @extend_schema(
        summary="A small version (WebP)",
        filters=False,
        parameters=[OpenApiParameter("size", OpenApiTypes.INT, OpenApiParameter.PATH, enum=sorted(THUMBNAIL_SIZES_PX))],
        responses={(200, THUMBNAIL_MIME_TYPE): OpenApiTypes.BINARY},
    )
    @action(detail=True, pagination_class=None, url_path="thumbnail/(?P<size>[0-9]{1,5})", url_name="thumbnail")
    def thumbnail(self, request: Request, pk: str, size: str) -> HttpResponseBase:
        image = self.get_object()
        if int(size) not in THUMBNAIL_SIZES_PX:
            raise NotFound
        etag = f'"{image.sha256}-{int(size)}"'
        unchanged = get_conditional_response(request._request, etag=etag)
        if unchanged is not None:
            return _revalidated(unchanged, etag)
        response = FileResponse(open_thumbnail(image, int(size)), content_type=THUMBNAIL_MIME_TYPE)
        return _revalidated(response, etag)

    def get_object(self) -> Image:
        """What may not be seen does not exist. The filters are for lists."""
        return get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])

    def _editable_object(self) -> Image:
        image = self.get_object()
        if not editable_ids([image], self.request.user):
            raise PermissionDenied
        return image


def _changed_labels(image: Image, changes: dict[str, Any]) -> Labels:
    """Return the labels that a change leads to; what it does not name stays."""
    labels = check_labels(
        description=changes.get("description", image.description),
        tags=changes.get("tags", ()),
        visibility=changes.get("visibility", image.visibility),
    )
    return labels if "tags" in changes else replace(labels, tags=tuple(tag.name for tag in image.tags.all()))


def _revalidated(response: HttpResponseBase, etag: str) -> HttpResponseBase:
    """Bytes never change, but who may see them does: every use asks again."""
    response.headers["ETag"] = etag
    patch_cache_control(response, private=True, no_cache=True)
    return response


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


class AlbumViewSet(GenericViewSet[Album]):
    queryset = Album.objects.none()
    serializer_class = AlbumSerializer
    content_negotiation_class = AlwaysJSON
    lookup_value_regex = ID

    def get_queryset(self) -> QuerySet[Album]:
        user = self.request.user
        albums = Album.objects.visible_to(user).with_counts(Image.objects.visible_to(user))
        return albums.select_related("owner").order_by("title", "pk")

    @extend_schema(summary="List the albums that are yours or shared with you")
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(summary="One album")
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(summary="An album's pictures, in order", responses=ImageSerializer(many=True))
    @action(detail=True)
    def images(self, request: Request, pk: str) -> Response:
        album = self.get_object()
        images: QuerySet[Any] = Image.objects.visible_to(request.user).for_listing().in_album(album)
        return self.get_paginated_response(described(self.paginate_queryset(images) or [], request))


class TagViewSet(GenericViewSet[Tag]):
    queryset = Tag.objects.none()
    serializer_class = TagSerializer
    content_negotiation_class = AlwaysJSON

    def get_queryset(self) -> QuerySet[Tag]:
        return Tag.objects.used_on(Image.objects.visible_to(self.request.user))

    @extend_schema(summary="List the tags of the pictures that you may see, commonest first")
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class StatisticsView(APIView):
    content_negotiation_class = AlwaysJSON

    @extend_schema(summary="Count the pictures that you may see", responses=StatisticsSerializer)
    def get(self, request: Request) -> Response:
        user = request.user
        mine = Image.objects.live().filter(owner=user).statistics() if isinstance(user, User) else None
        totals = Image.objects.visible_to(user).statistics()
        return Response(totals | {"encoder": current_encoder_name(), "mine": mine})


class RetryView(APIView):
    content_negotiation_class = AlwaysJSON

    @extend_schema(
        summary="Try again to make all your failed pictures searchable",
        request=None,
        responses=RetrySerializer,
    )
    def post(self, request: Request) -> Response:
        mine = Image.objects.library_of(request.user)
        tried = retry_failed(mine)
        return Response({"tried": tried, "mine": mine.statistics()})


class RootView(APIView):
    content_negotiation_class = AlwaysJSON

    @extend_schema(summary="Where everything is", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        names = {
            "images": "image-list",
            "search": "search",
            "albums": "album-list",
            "tags": "tag-list",
            "stats": "stats",
            "schema": "schema",
            "docs": "docs",
        }
        return Response({key: reverse(f"api:{name}", request=request) for key, name in names.items()})


def _status_phrase(image: Image) -> Phrase:
    return Phrase(gettext_noop("failed") if image.search_status == "failed" else gettext_noop("pending"))
