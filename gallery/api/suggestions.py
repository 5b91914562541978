"""What may be typed next in the search box."""

from typing import Any

from django.utils.translation import gettext, ngettext, pgettext
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from gallery.imaging.formats import LABELS
from gallery.retrieval.language import MAX_CHARACTERS
from gallery.retrieval.language.fields import FieldName
from gallery.retrieval.tree import Field, Filter, State
from gallery.search_labels import COLOURS, FIELDS, STATES
from gallery.services.suggestions import Suggestion, SuggestionKind, suggestions_for

from .authentication import actor_of
from .negotiation import AlwaysJSON
from .serializers import TextField

WITHOUT_CONTROLS = r"^[^\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]*$"


@extend_schema_field({"type": "string", "maxLength": MAX_CHARACTERS, "pattern": WITHOUT_CONTROLS})
class TypedField(TextField):
    pass


class SuggestionsAddressSerializer(serializers.Serializer[Any]):
    q = TypedField(trim_whitespace=False, help_text="The text of the search box, which need not be a whole query.")
    at = serializers.IntegerField(
        required=False, min_value=0, help_text="Where the caret stands, in code points; without it at the end."
    )


class SuggestionSerializer(serializers.Serializer[Suggestion]):
    kind = serializers.ChoiceField(choices=list(SuggestionKind))
    start = serializers.IntegerField(help_text="What it replaces in `q`: from this code point")
    end = serializers.IntegerField(help_text="up to this one, exclusive.")
    text = serializers.CharField(help_text="What stands there then, in the language of the search box.")
    label = serializers.SerializerMethodField(  # type: ignore[assignment]  # every field has something of that name
        help_text="What it is called."
    )
    detail = serializers.SerializerMethodField(help_text="What it is, in the language of the reader; may be empty.")
    count = serializers.IntegerField(
        allow_null=True, help_text="How many pictures that you may see a tag or an owner has, where that is known."
    )
    page = serializers.SerializerMethodField(help_text="Of a search that you saved or asked before: its results.")

    def get_label(self, suggestion: Suggestion) -> str:
        return suggestion.name or suggestion.text.strip()

    def get_detail(self, suggestion: Suggestion) -> str:
        return detail_of(suggestion)

    @extend_schema_field({"type": "string", "format": "uri", "nullable": True})
    def get_page(self, suggestion: Suggestion) -> str | None:
        if suggestion.kept is None:
            return None
        return f"{reverse('search', request=self.context['request'])}?{suggestion.kept.query}"


class SuggestionsSerializer(serializers.Serializer[Any]):
    suggestions = SuggestionSerializer(many=True)


class SuggestionsView(APIView):
    """Everybody may ask; what is suggested is of what one may see."""

    permission_classes = [AllowAny]
    content_negotiation_class = AlwaysJSON

    @extend_schema(
        summary="What may be typed next in the search box",
        parameters=[SuggestionsAddressSerializer],
        responses=SuggestionsSerializer,
    )
    def get(self, request: Request) -> Response:
        form = SuggestionsAddressSerializer(data=request.query_params)
        form.is_valid(raise_exception=True)
        typed = form.validated_data.get("q", "")
        found = suggestions_for(typed, at=form.validated_data.get("at", len(typed)), by=actor_of(request))
        answer = SuggestionsSerializer({"suggestions": found}, context={"request": request})
        return Response(answer.data)


def detail_of(suggestion: Suggestion) -> str:
    """Return what a suggestion is, in the language of the reader."""
    if suggestion.kept is not None:
        return gettext("Saved search") if suggestion.kept.is_saved else gettext("Recent search")
    if suggestion.count is not None:
        counted = ngettext("%(count)s picture", "%(count)s pictures", suggestion.count)
        return counted % {"count": suggestion.count}
    if suggestion.kind is SuggestionKind.DATE:
        return suggestion.text.strip()
    if suggestion.asked is not None and suggestion.kind is SuggestionKind.VALUE:
        return _value(suggestion.asked)
    return "" if suggestion.field is None else _field(suggestion.field)


def _value(asked: Filter) -> str:
    if isinstance(asked.value, State):
        return str(STATES[asked.value])
    return str(COLOURS[str(asked.value)]) if asked.field is Field.COLOUR else LABELS[str(asked.value)]


def _field(field: FieldName) -> str:
    if field is FieldName.BEFORE:
        return pgettext("date", "Before")
    return pgettext("date", "After") if field is FieldName.AFTER else str(FIELDS[Field(field)])
