"""What the filters and phrases of a search ask of an image: `gallery.retrieval.language` has the table of them."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from operator import or_
from typing import Any, Final

from django.apps import apps
from django.db.models import F, OuterRef, Q, QuerySet

from gallery.encoders.offline.colours import COLOURS
from gallery.errors import NobodySignedIn, UnknownAlbum
from gallery.retrieval.language import ME
from gallery.retrieval.language import format as spelled
from gallery.retrieval.tree import Comparison, Field, Filter, NameWithGaps, NumberRange, Phrase, State
from gallery.text.chinese import written_otherwise
from gallery.text.folding import folded
from gallery.text.tag_names import folded_tag

from .access import NOTHING, Visibility, is_offered_as, is_shown_in_one_of, may_see_album
from .actor import Actor
from .conditions import Among, Coloured, HasNoRow, HasPixels, ImageIds, IsSquare, Tagged, TaggedAny, TaggedSomehow
from .folded_text import has_first_line, has_in_first_line, is_named, mentions
from .moments import ADDED, TAKEN
from .user import User

MAX_ID_DIGITS: Final = 18  # what a 64-bit id can hold for certain
MD5: Final = re.compile("[0-9a-fA-F]{32}")
SAME_PERCENT: Final = 5  # numbers of pixels and bytes that differ by less are the same
LOOKUPS: Final = {
    Comparison.EQUALS: "exact",
    Comparison.LESS: "lt",
    Comparison.AT_MOST: "lte",
    Comparison.GREATER: "gt",
    Comparison.AT_LEAST: "gte",
}


def carries_tag(key: str) -> Q:
    """Return the condition that an image carries a tag like this key: `cafe` is found on a `Café`, 貓 on a 猫."""
    return Q(Tagged(_tag_links(), folded_names=sorted(map(folded_tag, written_otherwise(key)))))


def filter_q(asked: Filter, *, by: Actor) -> Q:
    """Return the condition that a filter is true of an image, for whoever asks.

    Owners, favourites, albums by their titles, and what is written in pictures, are looked up at once. Raises
    UnknownAlbum for an album that they may not see, NobodySignedIn where what is their own is meant and they have no
    account.
    """
    return _CONDITIONS[asked.field](asked, by)


def phrase_q(asked: Phrase, *, by: Actor) -> Q:
    """Return the condition that a phrase stands in an image's name, description, tags or albums that they may see, or
    is written in the picture.
    """
    titled = _visible_albums(by).filter(
        _any_of(has_in_first_line("folded_text", text) for text in _foldings(asked.text))
    )
    return labelled_q(asked.text) | is_shown_in_one_of(titled) | _is_read_in(asked.text)


def labelled_q(text: str) -> Q:
    """Return the condition that a text stands in an image's name, description or tags."""
    tags = _objects("Tag").filter(_any_of(Q(folded_name__contains=each) for each in _foldings(text)))
    return mentions(text) | Q(TaggedAny(_tag_links(), tags=tags))


def identified_q(text: str) -> Q:
    """Return the condition that a text is an image's id or the MD5 of its file."""
    is_id = text.isascii() and text.isdecimal() and len(text) <= MAX_ID_DIGITS
    return (Q(pk=int(text)) if is_id else NOTHING) | (Q(md5=text.lower()) if MD5.fullmatch(text) else NOTHING)


# Who, where


def _is_tagged(asked: Filter, _by: Actor) -> Q:
    return carries_tag(str(asked.value))


def _is_in_album(asked: Filter, by: Actor) -> Q:
    title = str(asked.value)
    alike = _any_of(has_first_line("folded_text", text) for text in _foldings(title))
    found = sorted(_visible_albums(by).filter(alike).values_list("pk", flat=True))
    if not found:
        raise UnknownAlbum(title=title)
    return is_shown_in_one_of(_objects("Album").filter(pk__in=found))


def _is_of_owner(asked: Filter, by: Actor) -> Q:
    """Two accounts whose names fold alike are not one owner; letter case is no difference, as where they sign in."""
    if asked.value == ME:
        return Q(owner=_user_of(by, asked))
    name = User.normalize_username(str(asked.value)).casefold()
    alike = User.objects.filter(folded_username=folded(name)).values_list("pk", "username")
    return Q(owner__in=sorted(pk for pk, username in alike if username.casefold() == name))


def _user_of(by: Actor, asked: Filter) -> User:
    if by.user is None:
        raise NobodySignedIn(filter=spelled(asked))
    return by.user


def _visible_albums(by: Actor) -> QuerySet[Any]:
    albums: QuerySet[Any] = _objects("Album").filter(may_see_album(by))
    return albums


# What is written


def _is_named(asked: Filter, _by: Actor) -> Q:
    gaps = asked.value
    return is_named(gaps.pieces if isinstance(gaps, NameWithGaps) else ("", str(gaps), ""))


def _has_text(asked: Filter, _by: Actor) -> Q:
    return _is_read_in(str(asked.value))


def _is_read_in(text: str) -> Q:
    """The images are looked up at once, whoever may see them: it is asked of each beside this."""
    found: ImageIds = _objects("FoldedRecognisedText").mentioning(text)
    return Q(Among("pk", images=found)) if len(found.ids) else NOTHING


# What it is


def _has_format(asked: Filter, _by: Actor) -> Q:
    return Q(format=asked.value)


def _has_colour(asked: Filter, _by: Actor) -> Q:
    bits = 1 << COLOURS.index(str(asked.value))
    return Q(Coloured(_objects("PictureColours").filter(image=OuterRef("pk")), bits=bits))


def _is_in_state(asked: Filter, by: Actor) -> Q:
    if asked.value == State.FAVOURITE:
        _user_of(by, asked)
        return Q(Among("pk", images=ImageIds(_objects("Favourite").of(by).image_ids())))
    return state_q(State(str(asked.value)))


def state_q(state: State) -> Q:
    """Return the condition that an image is in a state which is the same for everybody: all but FAVOURITE."""
    return _STATES[state]()


def _is_untagged() -> Q:
    return ~Q(TaggedSomehow(_tag_links()))


_STATES: Final[Mapping[State, Callable[[], Q]]] = {
    State.PORTRAIT: lambda: Q(height_px__gt=F("width_px")),
    State.LANDSCAPE: lambda: Q(width_px__gt=F("height_px")),
    State.SQUARE: lambda: Q(IsSquare()),
    State.PRIVATE: lambda: is_offered_as(Visibility.PRIVATE),
    State.SHARED: lambda: is_offered_as(Visibility.SHARED),
    State.PUBLIC: lambda: is_offered_as(Visibility.PUBLIC),
    State.PENDING: lambda: Q(HasNoRow()) & Q(embed_error=""),
    State.FAILED: lambda: Q(HasNoRow()) & ~Q(embed_error=""),
    State.ANIMATED: lambda: Q(frame_count__gt=1),
    State.UNTAGGED: _is_untagged,
}


# How large


def _has_side(asked: Filter, _by: Actor) -> Q:
    return _compared(f"{asked.field}_px", asked.comparison, asked.value)


def _has_size(asked: Filter, _by: Actor) -> Q:
    return _compared("size_bytes", *_with_tolerance(asked))


def _has_pixels(asked: Filter, _by: Actor) -> Q:
    comparison, value = _with_tolerance(asked)
    if isinstance(value, NumberRange):
        return Q(HasPixels("gte", value.least)) & Q(HasPixels("lte", value.most))
    return Q(HasPixels(LOOKUPS[comparison], value))


def _compared(column: str, comparison: Comparison, value: Any) -> Q:
    if isinstance(value, NumberRange):
        return Q((f"{column}__gte", value.least), (f"{column}__lte", value.most))
    return Q((f"{column}__{LOOKUPS[comparison]}", value))


def _with_tolerance(asked: Filter) -> tuple[Comparison, Any]:
    value: Any = asked.value
    if asked.comparison is not Comparison.EQUALS:
        return asked.comparison, value
    least, most = -(-value * (100 - SAME_PERCENT) // 100), value * (100 + SAME_PERCENT) // 100
    return Comparison.WITHIN, NumberRange(least, most)


# When


def _was_taken(asked: Filter, _by: Actor) -> Q:
    return TAKEN.on_days_of(asked)


def _was_added(asked: Filter, _by: Actor) -> Q:
    return ADDED.on_days_of(asked)


def _was_taken_else_added(asked: Filter, _by: Actor) -> Q:
    return TAKEN.on_days_of(asked) | (Q(taken_at__isnull=True) & ADDED.on_days_of(asked))


_CONDITIONS: Final[Mapping[Field, Callable[[Filter, Actor], Q]]] = {
    Field.TAG: _is_tagged,
    Field.ALBUM: _is_in_album,
    Field.OWNER: _is_of_owner,
    Field.NAME: _is_named,
    Field.TEXT: _has_text,
    Field.FORMAT: _has_format,
    Field.COLOUR: _has_colour,
    Field.IS: _is_in_state,
    Field.WIDTH: _has_side,
    Field.HEIGHT: _has_side,
    Field.PIXELS: _has_pixels,
    Field.SIZE: _has_size,
    Field.TAKEN: _was_taken,
    Field.ADDED: _was_added,
    Field.DATE: _was_taken_else_added,
}


# Within


def _foldings(text: str) -> list[str]:
    """Return what a text is found as: folded, in the characters that Chinese is written in."""
    return sorted({spelling for spelling in map(folded, written_otherwise(text)) if spelling})


def _any_of(conditions: Iterable[Q]) -> Q:
    return reduce(or_, conditions, NOTHING)


def _tag_links() -> QuerySet[Any]:
    links: QuerySet[Any] = apps.get_model("gallery", "Image").tags.through.objects.filter(image=OuterRef("pk"))
    return links


def _objects(name: str) -> Any:
    return apps.get_model("gallery", name)._default_manager
