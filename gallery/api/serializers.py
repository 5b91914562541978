"""What the API takes and gives. Checking labels and pictures is the services' work; here is only the form."""

from collections.abc import Collection, Iterable
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.reverse import reverse
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from gallery.error_messages import stored_sentence
from gallery.imaging import THUMBNAIL_SIZES_PX
from gallery.media_responses import thumbnail_address
from gallery.models import Actor, Album, Favourite, Image, SearchStatus, Tag, Visibility
from gallery.models.access import gets_whole_original, may_choose_original, others_get_whole_original
from gallery.models.image import MAX_DESCRIPTION_CHARACTERS, MAX_NAME_CHARACTERS

from .authentication import actor_of
from .schema_fields import NOT_BLANK, TAGS_OR_LIST, WITHOUT_NUL

storable = ProhibitSurrogateCharactersValidator()


def editable_ids(images: Iterable[Image], actor: Actor) -> set[int]:
    """Return the ids of those of these pictures that the actor may change, in one query."""
    ids = [image.pk for image in images]
    return set(Image.objects.editable_by(actor).filter(pk__in=ids).values_list("pk", flat=True))


def context_of(images: Collection[Image], request: Request) -> dict[str, Any]:
    """Return what ImageSerializer needs for these pictures, in two queries."""
    actor = actor_of(request)
    favourite_ids = Favourite.objects.among([image.pk for image in images], actor)
    return {"request": request, "editable_ids": editable_ids(images, actor), "favourite_ids": favourite_ids}


# Given


class ImageUrlsSerializer(serializers.Serializer[Image]):
    self = serializers.URLField()
    page = serializers.URLField(help_text="The page for people.")
    original = serializers.URLField()
    thumbnails = serializers.DictField(child=serializers.URLField(), help_text="By longest side in pixels.")


class ImageSerializer(serializers.Serializer[Image]):
    """A picture. The context is that of `context_of`."""

    id = serializers.IntegerField(source="pk")
    md5 = serializers.CharField()
    sha256 = serializers.CharField()
    name = serializers.CharField(source="original_name")
    description = serializers.CharField()
    tags = serializers.SerializerMethodField()
    format = serializers.CharField()
    width_px = serializers.IntegerField()
    height_px = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    frame_count = serializers.IntegerField()
    taken_at = serializers.CharField(
        source="taken_text",
        allow_null=True,
        help_text="The clock on the photographer's wall in ISO 8601, with its offset where that is known.",
    )
    rating = serializers.IntegerField(
        allow_null=True, min_value=1, max_value=5, help_text="Stars that the file had when it came."
    )
    created_at = serializers.DateTimeField()
    visibility = serializers.ChoiceField(choices=Visibility.choices)
    owner = serializers.CharField(source="owner.username")
    status = serializers.ChoiceField(choices=SearchStatus.choices, source="search_status")
    embed_error = serializers.SerializerMethodField(
        help_text="Why it is not searchable; null for those who may not change the picture."
    )
    original_is_whole = serializers.SerializerMethodField(
        help_text="Whether you get the stored bytes, which md5, sha256 and size_bytes describe, as original."
    )
    others_get_whole_original = serializers.SerializerMethodField(
        help_text="Whether those who see it, but for its owner, get the stored bytes."
    )
    gives_whole_original = serializers.SerializerMethodField(
        help_text="Its owner's choice; null: as the account says. Null for everybody but the owner, too."
    )
    is_favourite = serializers.SerializerMethodField(help_text="Whether you gave it a star.")
    urls = serializers.SerializerMethodField()

    def get_is_favourite(self, image: Image) -> bool:
        return image.pk in self.context["favourite_ids"]

    def get_original_is_whole(self, image: Image) -> bool:
        return gets_whole_original(actor_of(self.context["request"]), image)

    def get_others_get_whole_original(self, image: Image) -> bool:
        return others_get_whole_original(image)

    def get_gives_whole_original(self, image: Image) -> bool | None:
        return image.gives_whole_original if may_choose_original(actor_of(self.context["request"]), image) else None

    def get_tags(self, image: Image) -> list[str]:
        return [tag.name for tag in image.tags.all()]

    def get_embed_error(self, image: Image) -> str | None:
        return stored_sentence(image.failure) if image.pk in self.context["editable_ids"] else None

    @extend_schema_field(ImageUrlsSerializer)
    def get_urls(self, image: Image) -> dict[str, Any]:
        request: Request = self.context["request"]
        thumbnails = {
            str(size): request.build_absolute_uri(thumbnail_address(image, size, namespace="api:"))
            for size in THUMBNAIL_SIZES_PX
        }
        return {
            "self": reverse("api:image-detail", args=[image.pk], request=request),
            "page": request.build_absolute_uri(image.get_absolute_url()),
            "original": reverse("api:image-original", args=[image.pk], request=request),
            "thumbnails": thumbnails,
        }


class AlbumSerializer(serializers.Serializer[Album]):
    """An album. The context holds `request` and `image_counts`, a number for each album's id."""

    id = serializers.IntegerField(source="pk")
    title = serializers.CharField()
    description = serializers.CharField()
    owner = serializers.CharField(source="owner.username")
    created_at = serializers.DateTimeField()
    image_count = serializers.SerializerMethodField(help_text="Pictures in it that you may see.")
    urls = serializers.SerializerMethodField()

    def get_image_count(self, album: Album) -> int:
        counts: dict[int, int] = self.context["image_counts"]
        return counts[album.pk]

    def get_urls(self, album: Album) -> dict[str, str]:
        request = self.context["request"]
        return {
            "self": reverse("api:album-detail", args=[album.pk], request=request),
            "images": reverse("api:album-images", args=[album.pk], request=request),
        }


class TagSerializer(serializers.Serializer[Tag]):
    name = serializers.CharField()
    images = serializers.IntegerField(source="image_count", help_text="Pictures with it that you may see.")


class TotalsSerializer(serializers.Serializer[Any]):
    images = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    formats = serializers.DictField(child=serializers.IntegerField())
    searchable = serializers.IntegerField()
    pending = serializers.IntegerField()
    failed = serializers.IntegerField()


class StatisticsSerializer(TotalsSerializer):
    encoder = serializers.CharField()
    mine = TotalsSerializer(allow_null=True, help_text="Your own pictures; null for anonymous visitors.")


class RetrySerializer(serializers.Serializer[Any]):
    tried = serializers.IntegerField(help_text="Failed pictures that were tried again.")
    mine = TotalsSerializer(help_text="Your own pictures afterwards; those that wait are tried in the background.")


# Taken


@extend_schema_field(TAGS_OR_LIST)
class TagsField(serializers.Field[list[str], Any, Any, Any]):
    """Tags as a list, as a comma-separated text, or as a form field that is repeated."""

    default_error_messages = {"not_texts": _("Tags must be a text or a list of texts.")}

    def get_value(self, dictionary: Any) -> Any:
        if isinstance(dictionary, QueryDict):
            name = self.field_name or ""
            return dictionary.getlist(name) if name in dictionary else serializers.empty
        return super().get_value(dictionary)

    def to_internal_value(self, data: Any) -> list[str]:
        texts = [data] if isinstance(data, str) else data
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            self.fail("not_texts")
        for text in texts:
            storable(text)
        return texts


class TextField(serializers.CharField):
    """Text whose length and content a service judges, with a sentence that is better than the framework's."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_blank": True, "required": False} | kwargs)

    def to_internal_value(self, data: Any) -> str:
        """A number in JSON is no text."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field(
    {"type": "string", "minLength": 1, "maxLength": MAX_DESCRIPTION_CHARACTERS, "pattern": WITHOUT_NUL}
)
class DescriptionField(TextField):
    pass


@extend_schema_field(serializers.ChoiceField(choices=Visibility.choices))
class VisibilityField(TextField):
    pass


@extend_schema_field({"type": "string", "maxLength": MAX_NAME_CHARACTERS, "pattern": NOT_BLANK})
class NameField(TextField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_blank": False, "max_length": MAX_NAME_CHARACTERS} | kwargs)


class SwitchField(serializers.BooleanField):
    """Yes or no; a form that lacks it says neither."""

    default_empty_html = serializers.empty


class TruthField(serializers.BooleanField):
    """True or false; what is not sent is left out, in a form too, where the framework would take it for a value."""

    IN_FORMS: dict[str, bool | None] = {"true": True, "false": False}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False} | kwargs)

    def get_value(self, dictionary: Any) -> Any:
        if isinstance(dictionary, QueryDict) and self.field_name not in dictionary:
            return serializers.empty
        return super().get_value(dictionary)

    def to_internal_value(self, data: Any) -> bool | None:  # type: ignore[override]
        """A text in JSON is no truth."""
        if isinstance(self.parent.initial_data, QueryDict) and str(data).lower() in self.IN_FORMS:
            return self.IN_FORMS[str(data).lower()]
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class OriginalChoiceField(TruthField):
    """True, false or null."""

    IN_FORMS = TruthField.IN_FORMS | {"null": None, "": None}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_null": True} | kwargs)


class LabelsSerializer(serializers.Serializer[Image]):
    description = DescriptionField(help_text=f"At most {MAX_DESCRIPTION_CHARACTERS} characters.")
    tags = TagsField(required=False, help_text="A list, or separated with commas.")
    visibility = VisibilityField(help_text=f"One of {', '.join(Visibility.values)}.")
    gives_whole_original = OriginalChoiceField(
        help_text="Whether others get the file as it is; null: as the account says. Only its owner changes it."
    )


class UploadSerializer(LabelsSerializer):
    file = serializers.FileField(allow_empty_file=True)
    embedded_words = SwitchField(
        required=False,
        help_text="Whether title, caption and keywords in the file become description and tags where you send none, "
        "and beside the tags that you send. By default as the site is set.",
    )


class ImageChangeSerializer(LabelsSerializer):
    original_name = NameField()
    name = NameField(source="original_name", help_text="The same, as it is read.")


class ImageChangeFormSerializer(LabelsSerializer):
    """As in JSON, but for a name that is left empty, which is none."""

    original_name = NameField(allow_blank=True)
    name = NameField(allow_blank=True, help_text="The same, as it is read.")
