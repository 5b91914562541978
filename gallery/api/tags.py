"""The tags in use."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from gallery.models import Tag
from gallery.services.tags import used_tags

from .authentication import actor_of
from .negotiation import AlwaysJSON
from .pagination import TagListPagination
from .serializers import TagSerializer


class TagViewSet(GenericViewSet[Tag]):
    queryset = Tag.objects.none()
    serializer_class = TagSerializer
    pagination_class = TagListPagination
    content_negotiation_class = AlwaysJSON

    @extend_schema(summary="List the tags of the pictures that you may see, commonest first")
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(used_tags(by=actor_of(request)))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)
