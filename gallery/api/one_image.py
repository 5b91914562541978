"""A picture that is asked for by itself."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from gallery.encoders.abilities import Thing
from gallery.error_messages import stored_sentence
from gallery.models import Image, RecognisedText, RecognisedThings
from gallery.models.recognised_text import TextRead
from gallery.reading import Line

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


class LineSerializer(serializers.Serializer[Line]):
    text = serializers.CharField()
    confidence = serializers.FloatField(min_value=0, max_value=1)
    box = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(min_value=0, max_value=1), min_length=2, max_length=2),
        min_length=4,
        max_length=4,
        help_text="Its four corners, x and y as shares of the picture, clockwise from the upper left.",
    )


class OneImageSerializer(ImageSerializer):
    """With what is not told in lists."""

    things = serializers.SerializerMethodField(
        help_text="What was recognised in it, the surest first; null while that is unknown."
    )

    text = serializers.SerializerMethodField(
        help_text="The lines that are written in it, from above to below; null while nobody has read it, or could."
    )
    text_error = serializers.SerializerMethodField(
        help_text="Why that could not be read, to those who may change it; else null."
    )

    @extend_schema_field(LineSerializer(many=True, allow_null=True))
    def get_text(self, image: Image) -> list[dict[str, Any]] | None:
        read = self._read(image)
        return None if read is None or read.error is not None else [line.as_json() for line in read.lines]

    def get_text_error(self, image: Image) -> str | None:
        read = self._read(image)
        is_told = read is not None and read.error is not None and image.pk in self.context["editable_ids"]
        return stored_sentence(read.error) if read is not None and is_told else None

    def _read(self, image: Image) -> TextRead | None:
        row: RecognisedText | None = getattr(image, "recognised_text", None)  # asked of the database once
        return None if row is None else row.read

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
