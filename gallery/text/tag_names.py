"""Names of tags: one spelling for readers, one key for equality, one folded name to be found by."""

import re
import unicodedata
from collections.abc import Iterable

from gallery.errors import InvalidTag, TooManyTags

from .folding import folded
from .plain_text import plain_text

MAX_TAG_CHARACTERS = 64
MAX_TAGS_PER_IMAGE = 50
# White space, and what nobody sees and only means something between two letters: pages and keyboards leave it at ends.
UNSEEN_AT_ENDS = re.compile(r"^[\s\u00ad\u200b-\u200d\u2060]+|[\s\u00ad\u200b-\u200d\u2060]+$")
SEPARATORS = re.compile(r"[,，、;；\n]+")


def tag_key(name: str) -> str:
    """Return what makes two tags the same: NFC, case folded, single spaces."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def folded_tag(name: str) -> str:
    """Return what a tag is found by: a looser equality than its key. Never empty for a name that has a key."""
    return folded(name) or tag_key(name)


def tag_names(text: str) -> list[str]:
    """Return the names of a text with commas between them, of any length; a name that nobody sees is none."""
    names = (" ".join(UNSEEN_AT_ENDS.sub("", part).split()) for part in SEPARATORS.split(plain_text(text)))
    return [name for name in names if folded(name)]


def parse_tags(text: str | Iterable[str]) -> list[str]:
    """Return the tags of a comma-separated text (or of a list of such texts), each once, in order.

    Chinese commas and semicolons separate too. Raises InvalidTag, TooManyTags.
    """
    texts = [text] if isinstance(text, str) else list(text)
    names: dict[str, str] = {}
    for name in (name for piece in texts for name in tag_names(piece)):
        if len(name) > MAX_TAG_CHARACTERS:
            raise InvalidTag(tag=name, length=len(name), limit=MAX_TAG_CHARACTERS)
        names.setdefault(tag_key(name), name)
    if len(names) > MAX_TAGS_PER_IMAGE:
        raise TooManyTags(count=len(names), limit=MAX_TAGS_PER_IMAGE)
    return list(names.values())
