"""Walking a list by where one is in its order, not by how many rows came before.

A cursor holds what the list is ordered by of one row that was shown, so rows that come and go elsewhere move nothing,
and that very row may be gone. It is signed: nobody makes one up, and none holds more than its row has shown.
Django REST framework's own cursors know neither orders by several columns nor empty values.
"""

import hashlib
import json
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, Signer
from django.db.models import F, Model, OrderBy, Q, QuerySet

from gallery.errors import CursorOfAnotherList, InvalidCursor

M = TypeVar("M", bound=Model)
R = TypeVar("R")
SALT = "gallery.cursor.1"  # a cursor of another version is not read
MAX_CHARACTERS = 3_000  # of a file name of 255 emoji there are some 1,500


@dataclass(frozen=True, slots=True)
class Part(Generic[R]):
    """Rows of a list in its order, and the cursors of the parts beside it, None at an end."""

    rows: list[R]
    next: str | None
    previous: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    """What a list is ordered by, of the row that the wanted part follows, or, going back, comes before."""

    values: list[Any]
    is_back: bool


class _Compact:
    """JSON without escapes: addresses are short."""

    def dumps(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat).encode()

    def loads(self, content: bytes) -> Any:
        return json.loads(content)


@dataclass(frozen=True, slots=True)
class Wanted(Generic[M]):
    """The rows `start` up to `stop` of `rows`, which are those behind a place in the order of `keys`.

    `after` is what the row of that place has in each of the keys; None: the list's beginning. Each row is to have what
    it has in the keys as `key_name(0)`, `key_name(1)`...
    """

    rows: QuerySet[M]
    keys: list[OrderBy]
    after: list[Any] | None
    start: int
    stop: int


def from_database(wanted: Wanted[M]) -> list[M]:
    return list(wanted.rows[wanted.start : wanted.stop])


def part_of(
    rows: QuerySet[M],
    *,
    size: int,
    cursor: str | None,
    narrowed_by: Iterable[str],
    start: int = 0,
    find: Callable[[Wanted[M]], list[M]] = from_database,
) -> Part[M]:
    """Return the part that a cursor names; without one, that behind the first `start` rows.

    `rows` has an order whose last key is unique. `narrowed_by` are the words of the request that say which rows these
    are: with the order they bind the cursors to this list. `find` gets them. Raises InvalidCursor, CursorOfAnotherList.
    """
    keys = keys_of(rows)
    keyed = rows.annotate(**{key_name(place): key.expression for place, key in enumerate(keys)})
    list_id = _list_id(keys, narrowed_by)
    place = None if cursor is None else _place(cursor, keyed, list_id)
    if place is not None and place.is_back:
        keys = [_reversed(key) for key in keys]
        keyed = keyed.order_by(*keys)
    if place is not None:
        keyed, start = keyed.filter(_comes_after(place.values, keys)), 0
    after = place.values if place is not None else None
    found = find(Wanted(keyed, keys, after, start, start + size + 1))
    shown, has_more = found[:size], len(found) > size
    has_next, has_previous = has_more, start > 0 or place is not None
    if place is not None and place.is_back:
        shown.reverse()
        has_next, has_previous = True, has_more

    def cursor_at(row: M, *, is_back: bool) -> str:
        values = [getattr(row, key_name(number)) for number in range(len(keys))]
        return _signed(list_id, is_back, values)

    return Part(
        shown,
        next=cursor_at(shown[-1], is_back=False) if shown and has_next else None,
        previous=cursor_at(shown[0], is_back=True) if shown and has_previous else None,
    )


def part_of_list(
    rows: Sequence[R], order: Sequence[str], *, size: int, cursor: str | None, narrowed_by: Iterable[str]
) -> Part[R]:
    """Return the part that a cursor names of rows that are at hand, in this order; without one the first.

    `order` names their attributes, a dash in front turns one round; none is None. Raises what `part_of` does.
    """
    keys, names = [_key(name) for name in order], [name.removeprefix("-") for name in order]
    list_id = _list_id(keys, narrowed_by)
    place = None if cursor is None else _signed_place(cursor, list_id, of=len(keys))
    start = 0
    if place is not None:
        start = bisect_left(rows, True, key=lambda row: _is_at_or_after(_values(row, names), place, keys))
    is_back, is_onward = (False, False) if place is None else (place.is_back, not place.is_back)
    start, stop = (max(0, start - size), start) if is_back else (start, start + size)
    shown = list(rows[start:stop])

    def cursor_at(row: R, *, is_back: bool) -> str:
        return _signed(list_id, is_back, _values(row, names))

    return Part(
        shown,
        next=cursor_at(shown[-1], is_back=False) if shown and (is_back or stop < len(rows)) else None,
        previous=cursor_at(shown[0], is_back=True) if shown and (is_onward or start > 0) else None,
    )


def numbered_cursor(number: int, *, narrowed_by: Iterable[str]) -> str:
    """Return the cursor of the part behind the first `number` rows of a list that has no order of a database."""
    return _signed(_list_id([], narrowed_by), False, [number])


def number_at(cursor: str, *, narrowed_by: Iterable[str]) -> int:
    """Return how many rows come before the part that a `numbered_cursor` names. Raises what `part_of` does."""
    [number] = _signed_place(cursor, _list_id([], narrowed_by), of=1).values
    return int(number)


def _values(row: Any, names: list[str]) -> list[Any]:
    return [getattr(row, name) for name in names]


def _is_at_or_after(values: list[Any], place: _Place, keys: list[OrderBy]) -> bool:
    """Say whether a row is behind the place; going back, the row of the place itself counts too."""
    for value, of_place, key in zip(values, place.values, keys, strict=True):
        if value != of_place:
            return bool((value > of_place) != key.descending)
    return place.is_back


def _place(cursor: str, keyed: QuerySet[Any], list_id: str) -> _Place:
    place = _signed_place(cursor, list_id, of=len(keys_of(keyed)))
    fields = [keyed.query.annotations[key_name(number)].output_field for number in range(len(place.values))]
    try:
        values = [field.to_python(value) for field, value in zip(fields, place.values, strict=True)]
    except (ValueError, TypeError, ValidationError):
        raise InvalidCursor from None
    return _Place(values, place.is_back)


def _signed_place(cursor: str, list_id: str, *, of: int) -> _Place:
    """Return what a cursor of this list holds, `of` values. Raises InvalidCursor, CursorOfAnotherList."""
    if len(cursor) > MAX_CHARACTERS:
        raise InvalidCursor
    try:
        cursor_list, is_back, values = _signer().unsign_object(cursor, serializer=_Compact)
        is_whole = len(values) == of
    except (BadSignature, ValueError, TypeError):
        raise InvalidCursor from None
    if cursor_list != list_id:
        raise CursorOfAnotherList
    if not is_whole:
        raise InvalidCursor
    return _Place(values, is_back)


def _signed(list_id: str, is_back: bool, values: list[Any]) -> str:
    return _signer().sign_object([list_id, is_back, values], serializer=_Compact)


def _signer() -> Signer:
    return Signer(salt=SALT)


def _list_id(keys: list[OrderBy], narrowed_by: Iterable[str]) -> str:
    words = [*(repr(key) for key in keys), *narrowed_by]
    return hashlib.sha256("\0".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def key_name(place: int) -> str:
    return f"cursor_key_{place}"


def keys_of(rows: QuerySet[Any]) -> list[OrderBy]:
    """Return what the rows are ordered by; a name with a dash in front is Django's short form."""
    return [_key(key) for key in rows.query.order_by or rows.model._meta.ordering]


def _key(key: Any) -> OrderBy:
    if isinstance(key, str):
        return OrderBy(F(key.removeprefix("-")), descending=key.startswith("-"))
    return key if isinstance(key, OrderBy) else OrderBy(key)


def _reversed(key: OrderBy) -> OrderBy:
    turned = key.copy()
    turned.reverse_ordering()
    return turned


def _comes_after(values: list[Any], keys: list[OrderBy]) -> Q:
    """Return the condition of the rows behind one with these values: equal in the first keys, behind in the next."""
    ways = []
    equal = Q()
    for place, (value, key) in enumerate(zip(values, keys, strict=True)):
        if (behind := _is_behind(place, value, key)) is not None:
            ways.append(equal & behind)
        equal &= Q((f"{key_name(place)}__isnull", True)) if value is None else Q((key_name(place), value))
    return _bound(values[0], keys[0]) & reduce(or_, ways)


def _is_behind(place: int, value: Any, key: OrderBy) -> Q | None:
    """Return the condition that one key is behind a value; None where nothing can be."""
    name = key_name(place)
    if value is None:
        return Q((f"{name}__isnull", False)) if key.nulls_first else None
    behind = Q((f"{name}__lt" if key.descending else f"{name}__gt", value))
    return behind | Q((f"{name}__isnull", True)) if key.nulls_last else behind


def _bound(value: Any, key: OrderBy) -> Q:
    """Return what is true of all rows behind anyway, and lets the database begin there in its index."""
    if value is None or key.nulls_last:
        return Q()
    return Q((f"{key_name(0)}__lte" if key.descending else f"{key_name(0)}__gte", value))
