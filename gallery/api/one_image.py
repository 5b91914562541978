"""A picture that is asked for by itself."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from gallery.encoders.abilities import Thing
from gallery.models import Image, RecognisedThings

from .serializers import ImageSerializer


class ThingSerializer(serializers.Serializer[Thing]):
    name = serializers.CharField(help_text="In English.")
    confidence = serializers.FloatField(min_value=0, max_value=1)
    box = serializers.ListField(
        child=serializers.FloatField(min_value=0, max_value=1),
        min_length=4,
        max_length=4,
        help_text="Left, top, width and height as shares of the picture.",
    )
    colours = serializers.ListField(
        child=serializers.CharField(), help_text="Of the middle of the box, the most first."
    )


class OneImageSerializer(ImageSerializer):
    """With what is not told in lists."""

    things = serializers.SerializerMethodField(
        help_text="What was recognised in it, the surest first; null while that is unknown."
    )

    @extend_schema_field(ThingSerializer(many=True, allow_null=True))
    def get_things(self, image: Image) -> list[dict[str, Any]] | None:
        things = RecognisedThings.objects.told_of(image)
        return None if things is None else [thing.as_json() for thing in things]


class UploadedSerializer(OneImageSerializer):
    """A picture that was uploaded."""

    warnings = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="What the file says and was not taken over, in sentences; missing where that is nothing.",
    )
