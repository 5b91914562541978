"""What a list of everybody's pictures can be narrowed to beyond one's own, and the names of old."""

from itertools import chain

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import NotAuthenticated

from gallery.errors import ImageSearchError
from gallery.forms.image_filter import ORDER_BY_KEY, ImageFilter, TagsFilter, WordsFilter
from gallery.models import ImageQuerySet
from gallery.models.image import MAX_DESCRIPTION_CHARACTERS

from .authentication import actor_of
from .schema_fields import TAG_LIST, WITHOUT_NUL

MD5_CHARACTERS = 32
KEYS = [key for key in ORDER_BY_KEY if not key.startswith("-")]
TAGS_HELP = "Only pictures with all of these tags; repeat it, or separate them with commas."


@extend_schema_field(TAG_LIST | {"description": TAGS_HELP})
class DescribedTagsFilter(TagsFilter):
    """The same, with what the schema cannot see by itself."""


@extend_schema_field({"type": "string", "maxLength": MAX_DESCRIPTION_CHARACTERS, "pattern": WITHOUT_NUL})
class DescribedWordsFilter(WordsFilter):
    """The same."""


@extend_schema_field({"type": "string", "maxLength": MD5_CHARACTERS, "pattern": WITHOUT_NUL})
class MD5Filter(filters.CharFilter):  # type: ignore[misc]  # the library has no types
    """The picture with this MD5, in letters of any case."""

    def filter(self, images: ImageQuerySet, md5: str) -> ImageQuerySet:
        return images.filter(md5=md5.lower()) if md5 else images


class OrderingFilter(filters.OrderingFilter):  # type: ignore[misc]  # the library has no types
    def filter(self, images: ImageQuerySet, keys: list[str] | None) -> ImageQuerySet:
        return images  # the last step: see `order_keys`


class ImageListFilter(ImageFilter):
    q = DescribedWordsFilter(max_length=MAX_DESCRIPTION_CHARACTERS, help_text="Part of the name or the description.")
    tag = DescribedTagsFilter()
    owner = filters.ChoiceFilter(
        choices=[("me", "me")], method="filter_owner", help_text="`me`: only pictures of your own."
    )
    md5 = MD5Filter(max_length=MD5_CHARACTERS)
    ordering = OrderingFilter(
        fields=[(key, key) for key in KEYS],
        help_text="Keys, separated with commas; `order` has a name for one.",
    )

    def is_valid(self) -> bool:
        """Raises our own error where there is one behind the form's: it says more to programs."""
        is_valid: bool = super().is_valid()
        for problem in chain(*self.form.errors.as_data().values()):
            if isinstance(problem.__cause__, ImageSearchError):
                raise problem.__cause__
        return is_valid

    def order_keys(self) -> list[str]:
        given = self.form.cleaned_data
        keys = [key for key in given.get("ordering") or [] if key]  # a comma with nothing beside it is no key
        return super().order_keys() if given.get("order") or not keys else keys

    def filter_owner(self, queryset: ImageQuerySet, name: str, value: str) -> ImageQuerySet:
        actor = actor_of(self.request)
        if actor.user is None:
            raise NotAuthenticated
        return queryset.owned_by(actor)
