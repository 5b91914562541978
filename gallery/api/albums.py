"""The albums and their pictures."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from gallery.models import Album, Image

from .authentication import actor_of
from .descriptions import described, described_albums
from .negotiation import AlwaysJSON
from .pagination import ImageListPagination
from .parameters import ID
from .serializers import AlbumSerializer, ImageSerializer


class AlbumViewSet(GenericViewSet[Album]):
    queryset = Album.objects.none()
    serializer_class = AlbumSerializer
    content_negotiation_class = AlwaysJSON
    lookup_value_regex = ID

    def get_queryset(self) -> QuerySet[Album]:
        return Album.objects.visible_to(actor_of(self.request)).select_related("owner").order_by("title", "pk")

    @extend_schema(summary="List the albums that are yours or shared with you")
    def list(self, request: Request) -> Response:
        albums = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response(described_albums(albums, request))

    @extend_schema(summary="One album")
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(described_albums([self.get_object()], request)[0])

    @extend_schema(summary="An album's pictures, in order", responses=ImageSerializer(many=True))
    @action(detail=True, pagination_class=ImageListPagination)
    def images(self, request: Request, pk: str) -> Response:
        album = self.get_object()
        images: QuerySet[Any] = Image.objects.visible_to(actor_of(request)).for_listing().in_album(album)
        return self.get_paginated_response(described(self.paginate_queryset(images) or [], request))
