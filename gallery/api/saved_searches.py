"""The saved searches of whoever asks."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.viewsets import GenericViewSet

from gallery.forms.saved_search import query_to_keep, searched
from gallery.models import SavedSearch
from gallery.models.saved_search import MAX_NAME_CHARACTERS
from gallery.services.saved_searches import delete_search, rename_search, save_search

from .authentication import actor_of
from .negotiation import AlwaysJSON
from .parameters import ID
from .parsers import JSONObjectParser
from .permissions import SignedIn
from .schema_fields import NOT_BLANK, SEARCH_ADDRESS
from .serializers import TextField

MAX_QUERY_CHARACTERS = 20_000


class SavedSearchSerializer(serializers.Serializer[SavedSearch]):
    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    query = serializers.CharField(help_text="What stands behind the ? of its results' page: q=red+car&order=newest.")
    created_at = serializers.DateTimeField()
    page = serializers.SerializerMethodField(help_text="The page with its results.")

    def get_page(self, saved: SavedSearch) -> str:
        return f"{reverse('search', request=self.context['request'])}?{saved.query}"


@extend_schema_field({"type": "string", "maxLength": MAX_NAME_CHARACTERS, "pattern": NOT_BLANK})
class SearchNameField(TextField):
    pass


class SavedSearchNameSerializer(serializers.Serializer[SavedSearch]):
    name = SearchNameField(required=True, allow_blank=False, max_length=MAX_NAME_CHARACTERS)


@extend_schema_field({"type": "string", "format": SEARCH_ADDRESS, "minLength": 1})
class SearchAddressField(TextField):
    pass


class NewSavedSearchSerializer(SavedSearchNameSerializer):
    query = SearchAddressField(
        required=True,
        allow_blank=False,
        max_length=MAX_QUERY_CHARACTERS,
        help_text="What stands behind the ? of a results page: q=red+car&order=newest.",
    )

    def validate_query(self, value: str) -> str:
        form = searched(value.removeprefix("?"))
        if not form.is_asked or not form.is_valid():
            raise serializers.ValidationError(form.sentences)
        return query_to_keep(form)


class SavedSearchViewSet(GenericViewSet[SavedSearch]):
    queryset = SavedSearch.objects.none()
    serializer_class = SavedSearchSerializer
    permission_classes = [SignedIn]
    content_negotiation_class = AlwaysJSON
    parser_classes = [JSONObjectParser]
    lookup_value_regex = ID

    def get_queryset(self) -> QuerySet[SavedSearch]:
        return SavedSearch.objects.visible_to(actor_of(self.request)).order_by("-created_at", "-pk")

    @extend_schema(summary="List your saved searches, newest first")
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        summary="Save a search",
        request=NewSavedSearchSerializer,
        responses={status.HTTP_201_CREATED: SavedSearchSerializer},
    )
    def create(self, request: Request) -> Response:
        form = NewSavedSearchSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        given: dict[str, Any] = form.validated_data
        saved = save_search(given["query"], name=given["name"], by=actor_of(request))
        return Response(self.get_serializer(saved).data, status.HTTP_201_CREATED)

    @extend_schema(summary="One of your saved searches")
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(summary="Rename a saved search", request=SavedSearchNameSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        saved = self.get_object()
        form = SavedSearchNameSerializer(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        rename_search(saved, name=form.validated_data.get("name", saved.name), by=actor_of(request))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(summary="Delete a saved search", responses={status.HTTP_204_NO_CONTENT: None})
    def destroy(self, request: Request, pk: str) -> Response:
        delete_search(self.get_object(), by=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
