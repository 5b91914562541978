"""What a file says of its picture becomes labels, beside what a person says and never in its place."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gallery.errors import InvalidTag, Phrase, StoredError, WordsLeftOut, gettext_noop
from gallery.imaging import Embedded
from gallery.models import Visibility
from gallery.models.image import MAX_DESCRIPTION_CHARACTERS
from gallery.text.tag_names import MAX_TAG_CHARACTERS, MAX_TAGS_PER_IMAGE, parse_tags, tag_key

from .labels import Labels

UNREADABLE = gettext_noop("its %(blocks)s cannot be read, or not to the end")
CUT = gettext_noop("its description is longer than %(limit)s characters and was cut")
NOT_TAGS = gettext_noop("%(count)s of its keywords are left out: a picture has at most %(limit)s tags")
TOO_LONG = gettext_noop("%(count)s of its keywords are left out: a tag has at most %(limit)s characters")


@dataclass(frozen=True, slots=True)
class WordedLabels:
    """Labels with the words of a file, and what of these was left out."""

    labels: Labels
    left_out: tuple[StoredError, ...] = ()


def with_embedded_words(labels: Labels, embedded: Embedded) -> WordedLabels:
    """Join what a file says to what a person said, if the labels ask for it.

    A description that was given stays alone. Tags are joined: those that were given come first. Names of people do not
    become tags of a picture that anybody may see.
    """
    reasons = _unreadable(embedded)
    if not labels.takes_embedded_words:
        return WordedLabels(labels, _told(reasons))
    text = embedded.description if not labels.description else ""
    if len(text) > MAX_DESCRIPTION_CHARACTERS:
        reasons.append(Phrase(CUT, limit=MAX_DESCRIPTION_CHARACTERS))
    people = () if labels.visibility == Visibility.PUBLIC else embedded.people
    tags, tag_reasons = _joined(labels.tags, (*embedded.keywords, *people))
    description = labels.description or text[:MAX_DESCRIPTION_CHARACTERS].strip()
    return WordedLabels(replace(labels, description=description, tags=tags), _told([*reasons, *tag_reasons]))


def _unreadable(embedded: Embedded) -> list[Phrase]:
    return [Phrase(UNREADABLE, blocks=", ".join(embedded.unreadable))] if embedded.unreadable else []


def _joined(given: tuple[str, ...], keywords: Iterable[str]) -> tuple[tuple[str, ...], list[Phrase]]:
    names = {tag_key(name): name for name in given}
    too_long = 0
    for keyword in keywords:
        try:
            for name in parse_tags(keyword):
                names.setdefault(tag_key(name), name)
        except InvalidTag:
            too_long += 1
    reasons = [Phrase(TOO_LONG, count=too_long, limit=MAX_TAG_CHARACTERS)] if too_long else []
    if (beyond := len(names) - MAX_TAGS_PER_IMAGE) > 0:
        reasons.append(Phrase(NOT_TAGS, count=beyond, limit=MAX_TAGS_PER_IMAGE))
    return tuple(names.values())[:MAX_TAGS_PER_IMAGE], reasons


def _told(reasons: Iterable[Phrase]) -> tuple[StoredError, ...]:
    return tuple(StoredError.of(WordsLeftOut(reason=reason)) for reason in reasons)
