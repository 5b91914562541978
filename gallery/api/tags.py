"""The tags in use."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from gallery.models import Image, Tag

from .authentication import actor_of
from .negotiation import AlwaysJSON
from .serializers import TagSerializer


class TagViewSet(GenericViewSet[Tag]):
    queryset = Tag.objects.none()
    serializer_class = TagSerializer
    content_negotiation_class = AlwaysJSON

    def get_queryset(self) -> QuerySet[Tag]:
        return Tag.objects.used_on(Image.objects.visible_to(actor_of(self.request)))

    @extend_schema(summary="List the tags of the pictures that you may see, commonest first")
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
