"""What the API shows of a search."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from gallery.models import Image
from gallery.retrieval.reasons import ReasonKind
from gallery.services.search import Result

from .serializers import ImageSerializer


class WhySerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=list(ReasonKind))
    detail = serializers.CharField(
        allow_blank=True,
        help_text="What was recognised, the sentence or picture asked with, or what has the words.",
    )


class ResultSerializer(ImageSerializer):
    """A picture that was found. The context also holds `found`: what the search says about each id."""

    score = serializers.SerializerMethodField(
        help_text="Cosine similarity to what is asked, -1 to 1; null where a query only filters."
    )
    confident = serializers.SerializerMethodField(help_text="Whether it is taken for what was meant.")

    why = serializers.SerializerMethodField(help_text="What of the search is true of it, and how that shows.")

    @extend_schema_field(WhySerializer(many=True))
    def get_why(self, image: Image) -> list[dict[str, str]]:
        return [{"kind": str(each.kind), "detail": each.detail} for each in self._result(image).why]

    def get_score(self, image: Image) -> float | None:
        score = self._result(image).score
        return None if score is None else round(score, 6)

    def get_confident(self, image: Image) -> bool:
        return self._result(image).confident

    def _result(self, image: Image) -> Result:
        found: dict[int, Result] = self.context["found"]
        return found[image.pk]


class ResultPageSerializer(serializers.Serializer[Any]):
    encoder = serializers.CharField()
    searched = serializers.IntegerField(help_text="How many pictures were compared: all that you may see.")
    total = serializers.IntegerField(help_text="How many pictures were found: all that were compared, up to 10,000.")
    confident_total = serializers.IntegerField(
        help_text="How many of all that were compared are `confident`, up to 10,000."
    )
    total_is_at_least = serializers.BooleanField(help_text="Whether `total` is more than is counted.")
    next = serializers.URLField(allow_null=True, help_text="The address of the next page, null at the end.")
    results = ResultSerializer(many=True)
    suggestion = serializers.CharField(
        allow_null=True, help_text="The text as it was probably meant, if a word of it is misspelt."
    )
    understood = serializers.CharField(
        allow_null=True, help_text="What was searched for in place of the text: the suggestion, where that is clear."
    )
    excluded = serializers.ListField(
        child=serializers.CharField(),
        help_text="What the sentence excludes in words, and what is left out therefore; `as_typed` searches all of it.",
    )
    milliseconds = serializers.FloatField()


class ChoiceSerializer(serializers.Serializer[Any]):
    value = serializers.CharField()
    label = serializers.CharField(  # type: ignore[assignment]  # every field has something of that name
        help_text="The value for people, in their language."
    )
    filter = serializers.CharField(source="filter_text", help_text="The filter, to be added to `q`.")
    count = serializers.IntegerField(help_text="How many of the confident results it would leave.")
    chosen = serializers.BooleanField(source="is_chosen", help_text="Whether the search has it already.")


class FacetSerializer(serializers.Serializer[Any]):
    """The values of a field that most of the confident results have, the most first."""

    field = serializers.CharField()
    choices = ChoiceSerializer(many=True)


class FacetsSerializer(serializers.Serializer[Any]):
    facets = FacetSerializer(many=True)
