"""What may stand in the search box next, while somebody is typing: only of what that one may see."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from django.utils import timezone
from django.utils.translation import get_language

from gallery.models import Actor
from gallery.retrieval.language import ME, completions
from gallery.retrieval.language.caret import Beginning, TypedFilter, TypedWords, typed_at
from gallery.retrieval.language.fields import FieldName
from gallery.retrieval.tree import Comparison, Field, Filter, Period, State
from gallery.text.emoji_names import has_chinese
from gallery.text.folding import folded
from gallery.text.tag_names import tag_key, tag_names

from .saved_searches import SearchKept, searches_beginning
from .suggested_names import Name, albums_beginning, owners_beginning, tags_beginning

MOST: Final = 10
MOST_CHOICES: Final = 12  # of a field with a few values: all of them
MOST_OF_A_KIND: Final = 4
HINTS: Final = (FieldName.TAG, FieldName.TAKEN, FieldName.COLOUR)
LATIN_LETTERS: Final = 2  # of a word before it may be the beginning of something else
LETTERS_OF_DAYS: Final = 3


class SuggestionKind(StrEnum):
    FIELD = "field"
    VALUE = "value"
    TAG = "tag"
    ALBUM = "album"
    OWNER = "owner"
    DATE = "date"
    SEARCH = "search"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`text` in place of the code points `start` up to `end` of what is typed.

    `name` is what that is called where it does not say so itself; `field` what a field asks, `asked` the filter with a
    value; `count` how many pictures one may see have a tag or an owner, where that is known; `kept` a search that was
    asked or saved before, which may ask for more than a text.
    """

    kind: SuggestionKind
    start: int
    end: int
    text: str
    name: str = ""
    field: FieldName | None = None
    asked: Filter | None = None
    count: int | None = None
    kept: SearchKept | None = None


def suggestions_for(text: str, *, at: int, by: Actor) -> tuple[Suggestion, ...]:
    """Return what may follow where the caret stands, at so many code points, the likeliest first.

    Raises QueryTooLong, QueryWithControlCharacters.
    """
    typed = typed_at(text, at)
    today = timezone.localdate()
    if typed is None:
        return ()
    if isinstance(typed, TypedFilter):
        found = _of_filter(typed, by, today)
    elif not text.strip():
        found = _at_first(len(text), by)
    else:
        found = _of_words(text, typed, by, today)
    most = MOST_CHOICES if isinstance(typed, TypedFilter) and typed.field in completions.CHOSEN else MOST
    return tuple(_useful(text, found))[:most]


def _useful(text: str, found: Iterable[Suggestion]) -> Iterator[Suggestion]:
    """Leave out what changes nothing, and set apart what would stand right behind a letter."""
    for each in found:
        follows_word = each.start > 0 and text[each.start - 1].isalnum()
        if each.kept is not None or text[each.start : each.end] != each.text:
            yield replace(each, text=f" {each.text}") if follows_word else each


def _at_first(length: int, by: Actor) -> Iterator[Suggestion]:
    """Before anything is typed: what one searched for, and fields that there are."""
    for kept in searches_beginning("", by=by):
        yield _search(kept, length)
    in_chinese = (get_language() or "").startswith("zh")
    for field in HINTS:
        yield _field(field, completions.spelling_of(field, in_chinese=in_chinese), Beginning(0, ""), length)


# Behind a field


def _of_filter(typed: TypedFilter, by: Actor, today: date) -> Iterator[Suggestion]:
    field = typed.field
    in_chinese = has_chinese(typed.spelling)
    if field is FieldName.TAG:
        *before, beginning = _split_tags(typed.value)
        for name in tags_beginning([beginning], by=by, most=MOST):
            yield _named(SuggestionKind.TAG, typed, _tags_text(typed.spelling, [*before, name.value]), name)
    elif field is FieldName.ALBUM:
        for name in albums_beginning([typed.value], by=by, most=MOST):
            text = typed.spelling + completions.value_text(_equals(Field.ALBUM, name.value))
            yield _named(SuggestionKind.ALBUM, typed, text, name)
    elif field is FieldName.OWNER:
        yield from _owners(typed, by, in_chinese=in_chinese)
    elif field in completions.CHOSEN:
        for spelling, asked in completions.choices_called(field, typed.value, in_chinese=in_chinese).items():
            if by.user is not None or asked.value is not State.FAVOURITE:
                yield _of_value(SuggestionKind.VALUE, typed, spelling, asked)
    elif field in completions.DATES:
        for days, period in completions.days_called(typed.value, today, in_chinese=in_chinese).items():
            yield _days(typed, days, period)
    elif not typed.value:
        for example in completions.NUMBERS.get(field, ()):
            yield _of_value(SuggestionKind.VALUE, typed, example, None)


def _split_tags(value: str) -> list[str]:
    """Return the tags that stand before a comma, and what is typed behind it."""
    names = [tag_key(name) for name in tag_names(value)]
    ends_open = value.rstrip().endswith((",", "，"))
    return [*names, ""] if ends_open or not names else names


def _tags_text(spelling: str, keys: list[str]) -> str:
    """Return the filter of these tags; between brackets, so that a dash before it excludes all, where one is quoted."""
    values = [completions.value_text(_equals(Field.TAG, key)) for key in dict.fromkeys(keys)]
    if len(values) > 1 and any(value.startswith('"') for value in values):
        return f"({' '.join(spelling + value for value in values)})"
    return spelling + ",".join(values)


def _owners(typed: TypedFilter, by: Actor, *, in_chinese: bool) -> Iterator[Suggestion]:
    me = "我" if in_chinese else ME
    beginning = folded(typed.value)
    if by.user is not None and (me.startswith(beginning) or folded(by.user.username).startswith(beginning)):
        yield _of_value(SuggestionKind.OWNER, typed, me, _equals(Field.OWNER, ME))
    for name in owners_beginning(typed.value, by=by, most=MOST):
        text = typed.spelling + completions.value_text(_equals(Field.OWNER, name.value))
        yield _named(SuggestionKind.OWNER, typed, text, name)


def _days(typed: TypedFilter, name: str, period: Period) -> Suggestion:
    """Before a period is before its first day, after it after its last."""
    if typed.field is FieldName.BEFORE:
        asked = Filter(Field.DATE, Comparison.LESS, period.first)
    elif typed.field is FieldName.AFTER:
        asked = Filter(Field.DATE, Comparison.GREATER, period.last)
    else:
        asked = Filter(Field(typed.field), Comparison.WITHIN, period)
    return _of_value(SuggestionKind.DATE, typed, completions.value_text(asked), asked, name=name)


def _of_value(
    kind: SuggestionKind, typed: TypedFilter, value: str, asked: Filter | None, *, name: str = ""
) -> Suggestion:
    return Suggestion(kind, typed.place.start, typed.place.end, typed.spelling + value, name, typed.field, asked)


def _named(kind: SuggestionKind, typed: TypedFilter, text: str, name: Name) -> Suggestion:
    return Suggestion(kind, typed.place.start, typed.place.end, text, count=name.count, field=typed.field)


# In place of words


def _of_words(text: str, typed: TypedWords, by: Actor, today: date) -> Iterator[Suggestion]:
    if typed.end == len(text) and typed.beginnings:
        for kept in searches_beginning(text, by=by):
            yield _search(kept, len(text))
    begun = {each.text: each for each in typed.beginnings if folded(each.text)}
    for beginning in begun.values():
        yield from _days_of_words(beginning, typed.end, today)
    if names := [each for each in begun if has_chinese(each) or len(each) >= LATIN_LETTERS]:
        for name in tags_beginning(names, by=by, most=MOST_OF_A_KIND):
            yield _filter_of(SuggestionKind.TAG, FieldName.TAG, name, begun[name.beginning], typed.end)
        for name in albums_beginning(names, by=by, most=MOST_OF_A_KIND // 2):
            yield _filter_of(SuggestionKind.ALBUM, FieldName.ALBUM, name, begun[name.beginning], typed.end)
    for each in typed.beginnings[-1:]:
        if each.text in names:
            for field, spelling in completions.fields_called(each.text).items():
                yield _field(field, spelling, each, typed.end)


def _days_of_words(beginning: Beginning, end: int, today: date) -> Iterator[Suggestion]:
    in_chinese = has_chinese(beginning.text)
    if not in_chinese and len(beginning.text) < LETTERS_OF_DAYS:
        return
    spelling = completions.spelling_of(FieldName.TAKEN, in_chinese=in_chinese)
    for name, period in list(completions.days_called(beginning.text, today).items())[:MOST_OF_A_KIND]:
        asked = Filter(Field.TAKEN, Comparison.WITHIN, period)
        text = f"{spelling}:{completions.value_text(asked)}"
        yield Suggestion(SuggestionKind.DATE, beginning.start, end, text, name, FieldName.TAKEN, asked)


def _filter_of(kind: SuggestionKind, field: FieldName, name: Name, beginning: Beginning, end: int) -> Suggestion:
    spelling = completions.spelling_of(field, in_chinese=has_chinese(beginning.text))
    text = f"{spelling}:{completions.value_text(_equals(Field(field), name.value))}"
    return Suggestion(kind, beginning.start, end, text, count=name.count, field=field)


def _field(field: FieldName, spelling: str, beginning: Beginning, end: int) -> Suggestion:
    return Suggestion(SuggestionKind.FIELD, beginning.start, end, f"{spelling}:", field=field)


def _search(kept: SearchKept, length: int) -> Suggestion:
    return Suggestion(SuggestionKind.SEARCH, 0, length, kept.text, kept.name, kept=kept)


def _equals(field: Field, value: str) -> Filter:
    return Filter(field, Comparison.EQUALS, value)
