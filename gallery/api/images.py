"""The pictures: list, upload, one of them, its files and what resembles it."""

from dataclasses import replace
from typing import Any, cast

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiRequest, extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from gallery.conf import gallery
from gallery.forms.sent_fields import check_file_fields, check_files, check_once
from gallery.image_access import deletable_image_or_403, editable_image_or_403, visible_image_or_404
from gallery.imaging import THUMBNAIL_MIME_TYPE, THUMBNAIL_SIZES_PX
from gallery.media_responses import original_response, thumbnail_response
from gallery.models import Image, ImageQuerySet, User
from gallery.retrieval.request import parse_top
from gallery.rooms import Room, in_room
from gallery.services.curation import delete_forever, relabel, retry_failed
from gallery.services.favourites import add_favourite, remove_favourite
from gallery.services.ingest import accept_upload
from gallery.services.labels import Labels, check_labels
from gallery.services.search import find_similar

from .authentication import actor_of
from .descriptions import described, described_image, described_results, described_upload
from .filters import ImageListFilter
from .negotiation import AlwaysJSON
from .one_image import OneImageSerializer, UploadedSerializer
from .pagination import ImageListPagination
from .parameters import ETAG, ID, LOCATION
from .parsers import FormWithFilesParser
from .result_serializers import ResultPageSerializer
from .schema_answers import CONFLICT, GONE, NOT_MODIFIED
from .schema_fields import PICTURE_FILE
from .search_serializers import TopSerializer
from .serializers import (
    ImageChangeFormSerializer,
    ImageChangeSerializer,
    ImageSerializer,
    UploadSerializer,
)

SIZE = OpenApiParameter("size", OpenApiTypes.INT, OpenApiParameter.PATH, enum=sorted(THUMBNAIL_SIZES_PX))
SHA256 = OpenApiParameter("sha256", OpenApiTypes.STR, OpenApiParameter.PATH, pattern="^[0-9a-f]{64}$")


class ImageViewSet(GenericViewSet[Image]):
    queryset = Image.objects.none()
    serializer_class = ImageSerializer
    filterset_class = ImageListFilter
    pagination_class = ImageListPagination
    content_negotiation_class = AlwaysJSON
    lookup_value_regex = ID

    def get_queryset(self) -> ImageQuerySet:
        return Image.objects.visible_to(actor_of(self.request)).for_listing()

    def get_parsers(self) -> list[Any]:
        """An upload is a form; a change may be JSON as well."""
        is_upload = self.action_map.get(str(self.request.method).lower()) == "create" if self.request else False
        return [FormWithFilesParser()] if is_upload else super().get_parsers()

    @extend_schema(summary="List pictures, newest first")
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(described(page or [], request))

    @extend_schema(
        summary="Upload a picture",
        description=(
            "The same bytes again answer 200 with the picture as it is; its labels are not changed. "
            "A picture in the trash is restored with all that was written about it."
        ),
        request={"multipart/form-data": OpenApiRequest(UploadSerializer, encoding={"file": PICTURE_FILE})},
        parameters=[LOCATION],
        responses={201: UploadedSerializer, 200: UploadedSerializer, 409: CONFLICT},
    )
    @in_room(Room.UPLOAD)
    def create(self, request: Request) -> Response:
        check_files(request.FILES, field="file")
        check_once(request.data, fields=UploadSerializer().fields, repeatable=["tags"])
        form = UploadSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given = dict(form.validated_data)
        file, takes_words = given.pop("file"), given.pop("embedded_words", gallery().embedded_words)
        labels = check_labels(**given, takes_embedded_words=takes_words)
        owner = cast(User, request.user)  # ReadOrSignedIn let nobody else in
        upload = accept_upload(file, owner=owner, name=file.name, labels=labels, by=actor_of(request))
        body = described_upload(upload, request)  # not asked for again: it may be deleted by now
        if not upload.created:
            return Response(body)
        return Response(body, status=status.HTTP_201_CREATED, headers={"Location": body["urls"]["self"]})

    @extend_schema(summary="One picture", responses=OneImageSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(described_image(self.get_object(), request))

    @extend_schema(
        summary="Change a picture's labels",
        request={
            "application/json": ImageChangeSerializer,
            "multipart/form-data": ImageChangeFormSerializer,
            "application/x-www-form-urlencoded": ImageChangeFormSerializer,
        },
        responses=OneImageSerializer,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        image = editable_image_or_403(actor_of(request), pk)
        check_file_fields(request.FILES, field=None)
        check_once(request.data, fields=ImageChangeSerializer().fields, repeatable=["tags"])
        form = ImageChangeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        changes = form.validated_data
        name = changes.get("original_name")
        relabel(image, _changed_labels(image, changes), name=name, by=actor_of(request))
        return Response(described_image(self.get_object(), request))

    @extend_schema(summary="Delete a picture for good", responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        image = deletable_image_or_403(actor_of(request), pk)
        delete_forever(Image.objects.filter(pk=image.pk), by=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Give a picture a star of your own", filters=False, request=None, responses={204: None})
    @action(detail=True, methods=["put"], pagination_class=None)
    def favourite(self, request: Request, pk: str) -> Response:
        add_favourite(visible_image_or_404(actor_of(request), pk), by=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Take your star away", filters=False, request=None, responses={204: None})
    @favourite.mapping.delete
    def no_favourite(self, request: Request, pk: str) -> Response:
        remove_favourite(visible_image_or_404(actor_of(request), pk), by=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Pictures that look alike",
        parameters=[TopSerializer],
        filters=False,
        responses={200: ResultPageSerializer, 409: CONFLICT},
    )
    @action(detail=True, pagination_class=None)
    @in_room(Room.TEXT_SEARCH)
    def similar(self, request: Request, pk: str) -> Response:
        image = self.get_object()
        top = parse_top(request.query_params.get("top"), limit=gallery().max_results)
        page = find_similar(image, by=actor_of(request), top=top)
        return Response(described_results(page, request, milliseconds=page.milliseconds))

    @extend_schema(
        summary="Try again to make a failed picture searchable",
        description="A worker tries it in a moment. What is wrong with the picture itself fails again: see `status`.",
        request=None,
        filters=False,
        responses=OneImageSerializer,
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def retry(self, request: Request, pk: str) -> Response:
        image = editable_image_or_403(actor_of(request), pk)
        retry_failed(Image.objects.filter(pk=image.pk), by=actor_of(request))
        return Response(described_image(self.get_object(), request))

    @extend_schema(
        summary="The original",
        description="The stored bytes where `original_is_whole`; else the same picture without position, serial "
        "numbers and other metadata, in its own format or, where that cannot be stripped, as JPEG, WebP or PNG.",
        filters=False,
        parameters=[ETAG],
        responses={(200, "image/*"): OpenApiTypes.BINARY, 304: NOT_MODIFIED, 409: CONFLICT, 410: GONE},
    )
    @action(detail=True, pagination_class=None)
    @in_room(Room.DOWNLOAD)
    def original(self, request: Request, pk: str) -> HttpResponseBase:
        return original_response(request._request, self.get_object(), by=actor_of(request))

    @extend_schema(
        summary="A small version (WebP)",
        filters=False,
        parameters=[SIZE, ETAG],
        responses={(200, THUMBNAIL_MIME_TYPE): OpenApiTypes.BINARY, 304: NOT_MODIFIED, 410: GONE},
    )
    @action(detail=True, pagination_class=None, url_path="thumbnail/(?P<size>[0-9]{1,5})", url_name="thumbnail")
    @in_room(Room.FILES)
    def thumbnail(self, request: Request, pk: str, size: str) -> HttpResponseBase:
        return thumbnail_response(request._request, self.get_object(), int(size))

    @extend_schema(
        summary="A small version (WebP), to be kept for good",
        description="`urls.thumbnails` of a picture gives its addresses: other bytes have another one.",
        filters=False,
        parameters=[SIZE, SHA256, ETAG],
        responses={(200, THUMBNAIL_MIME_TYPE): OpenApiTypes.BINARY, 304: NOT_MODIFIED, 410: GONE},
    )
    @in_room(Room.FILES)
    def thumbnail_content(self, request: Request, pk: int, size: int, sha256: str) -> HttpResponseBase:
        return thumbnail_response(request._request, self.get_object(), size, sha256=sha256)

    def get_object(self) -> Image:
        """What may not be seen does not exist. The filters are for lists."""
        return visible_image_or_404(actor_of(self.request), self.kwargs["pk"])


def _changed_labels(image: Image, changes: dict[str, Any]) -> Labels:
    """Return the labels that a change leads to; what it does not name stays."""
    labels = check_labels(
        description=changes.get("description", image.description),
        tags=changes.get("tags", ()),
        visibility=changes.get("visibility", image.visibility),
        gives_whole_original=changes.get("gives_whole_original", image.gives_whole_original),
    )
    return labels if "tags" in changes else replace(labels, tags=tuple(tag.name for tag in image.tags.all()))
