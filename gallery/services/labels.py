"""What a person says about an image, checked before it is stored."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gallery.errors import DescriptionTooLong, InvalidVisibility
from gallery.models import Visibility
from gallery.models.image import MAX_DESCRIPTION_CHARACTERS, MAX_NAME_CHARACTERS
from gallery.text.folding import folded
from gallery.text.plain_text import plain_text
from gallery.text.tag_names import parse_tags

UNDECODED = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Labels:
    """What a person says about a picture, checked."""

    description: str = ""
    tags: tuple[str, ...] = ()
    visibility: str = Visibility.PRIVATE
    gives_whole_original: bool | None = None  # None: as the owner's account says
    takes_embedded_words: bool = False  # whether what the file itself says is joined to this


def check_labels(
    *,
    description: str = "",
    tags: str | Iterable[str] = (),
    visibility: str = Visibility.PRIVATE,
    gives_whole_original: bool | None = None,
    takes_embedded_words: bool = False,
) -> Labels:
    """Raises DescriptionTooLong, InvalidTag, TooManyTags, InvalidVisibility."""
    description = plain_text(description).strip()
    if len(description) > MAX_DESCRIPTION_CHARACTERS:
        raise DescriptionTooLong(length=len(description), limit=MAX_DESCRIPTION_CHARACTERS)
    if visibility not in Visibility.values:
        raise InvalidVisibility(value=visibility, choices=", ".join(Visibility.values))
    return Labels(description, tuple(parse_tags(tags)), visibility, gives_whole_original, takes_embedded_words)


def clean_name(name: str, *, fallback: str) -> str:
    """Return a name fit for showing and downloading: no folders, nothing dangerous, at most 255 characters.

    Bytes of a file system or a form that are no text (surrogates of `os.fsdecode`) become U+FFFD.
    """
    base = UNDECODED.sub("\ufffd", name).replace("\\", "/").rsplit("/", 1)[-1]
    base = plain_text(base.replace("\t", "")).replace("\n", "").strip()
    if not folded(base.strip(".")):
        return fallback
    if len(base) <= MAX_NAME_CHARACTERS:
        return base
    stem, dot, suffix = base.rpartition(".")
    if not stem or len(suffix) > 10:
        return base[:MAX_NAME_CHARACTERS]
    return stem[: MAX_NAME_CHARACTERS - len(suffix) - 1] + dot + suffix
