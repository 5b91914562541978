"""What a queryset of images asks, read from its WHERE tree, so that columns can answer instead of the database.

Nobody writes a condition twice: `models` say what is asked, here it is only understood. Whatever is not raises
NotInColumns, and the database is asked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models import F, Lookup, OrderBy, QuerySet
from django.db.models.expressions import Col, NegatedExpression
from django.db.models.query import ModelIterable
from django.db.models.sql import Query
from django.db.models.sql.constants import LOUTER
from django.db.models.sql.datastructures import Join
from django.db.models.sql.where import AND, OR, NothingNode, WhereNode

from gallery.models import Album, AlbumImage, Image, SearchStatus, Tag
from gallery.models.conditions import (
    Among,
    Coloured,
    HasNoRow,
    HasPixels,
    ImageIds,
    IsSquare,
    Mentioning,
    Named,
    OfFoldedText,
    ShownIn,
    Tagged,
    TaggedAny,
    TaggedSomehow,
)
from gallery.models.name_order import NameOrder
from gallery.vectors.columns.columns import Columns
from gallery.vectors.columns.comparing import Comparison, compared
from gallery.vectors.columns.ordering import ROW, Order
from gallery.vectors.columns.table import Numbers
from gallery.vectors.columns.truth import Booleans, Truth
from gallery.vectors.row_mask import RowMask

from .image_columns import CODES, MOMENTS, NUMBERS, STATUSES, UNKNOWN_CODE, microseconds

Condition = Callable[[Columns], Truth]
MOST_UNFOLDED = 1_000  # rows that the database is asked about beside the columns
FEW_ROWS = 1_000  # that a statement may name
SEARCHABLE, FAILED = STATUSES.index(SearchStatus.SEARCHABLE), STATUSES.index(SearchStatus.FAILED)
ASKED_OF_DATABASE = {"md5", "sha256", "original_name", "description"}
COMPARISONS: dict[str, Comparison] = {"exact": "eq", "lt": "lt", "lte": "le", "gt": "gt", "gte": "ge"}
PLACE_KEYS = ["albumimage__position", "albumimage__pk"]
ORDERED_BY = {"id", *NUMBERS} - {"is_folded", "status", "colours"}
MAY_BE_NULL = {"taken_at", "trashed_at", "embedding_row"}
KEYS_OF_NAME = (NameOrder("original_name"), NameOrder(F("original_name")))


class NotInColumns(Exception):
    """The database must be asked: this is no failure."""


def condition_of(images: QuerySet[Image]) -> Condition:
    """Return what is asked, to be evaluated on columns. Raises NotInColumns, as its evaluation may, too.

    Tags and albums that it names are looked up when it is evaluated.
    """
    query = images.query
    _require_plain(query)
    places = _album_places(query)
    _require_no_other_joins(query, places)
    return _node(query.where)


@dataclass(frozen=True)
class PlaceOrder:
    """The order of one album's places."""

    album_id: int
    is_descending: bool


def orders_of(keys: Sequence[OrderBy]) -> list[Order]:
    """Return what pictures are ordered by, the last of it their id. Raises NotInColumns."""
    orders = [_order(key) for key in keys]
    if not orders or orders[-1].column != "id":
        raise NotInColumns
    return orders


def place_order_of(images: QuerySet[Image], keys: Sequence[OrderBy]) -> PlaceOrder | None:
    """Return the album whose order this is, None if it is that of none."""
    names = [_name_of(key.expression) for key in keys if isinstance(key.expression, F)]
    if names != PLACE_KEYS or keys[0].descending != keys[1].descending:
        return None
    places = _album_places(images.query)
    return None if places is None else PlaceOrder(places.rhs, keys[0].descending)


def gives_models(images: QuerySet[Image]) -> bool:
    """Say whether a queryset gives images, not values of them."""
    return issubclass(images._iterable_class, ModelIterable)


def is_turned_round(images: QuerySet[Image]) -> bool:
    """Say whether a queryset's order is not what its keys say, as after `reverse()`."""
    return not images.query.standard_ordering or bool(images.query.extra_order_by)


# The query


def _require_plain(query: Query) -> None:
    is_odd = query.combinator or query.is_sliced or query.distinct or query.group_by or query.select_for_update
    if query.model is not Image or is_odd or query.extra or query.extra_tables:
        raise NotInColumns


def _album_places(query: Query) -> Lookup[Any] | None:
    """Return which album `in_album` asks for, if its two conditions are of those that all must be true."""
    if query.where.connector != AND or query.where.negated:
        return None
    lookups = [leaf for leaf in query.where.leaves() if isinstance(leaf, Lookup)]
    of_album, of_owner = filter(_is_of_places, lookups), filter(_is_of_their_owner, lookups)
    found = [*of_album, *of_owner]
    is_in_album = len(found) == 2 and _is_of_places(found[0]) and _is_of_their_owner(found[1])
    children: list[Any] = query.where.children
    return found[0] if is_in_album and all(one in children for one in found) else None


def _require_no_other_joins(query: Query, places: Lookup[Any] | None) -> None:
    """Refuse what may leave pictures out or double them without a condition that says so."""
    for alias, join in query.alias_map.items():
        if not query.alias_refcount[alias] or not isinstance(join, Join):
            continue
        field: Any = join.join_field
        is_optional = field.one_to_one and join.join_type == LOUTER
        is_certain = field.many_to_one and not field.null
        if not (is_optional or is_certain or (places is not None and places.lhs.alias == alias)):
            raise NotInColumns


def _is_of_places(lookup: Lookup[Any]) -> bool:
    is_album = isinstance(lookup.lhs, Col) and lookup.lhs.target is AlbumImage._meta.get_field("album")
    return is_album and lookup.lookup_name == "exact" and isinstance(lookup.rhs, int)


def _is_of_their_owner(lookup: Lookup[Any]) -> bool:
    """Say whether a lookup asks that an album's owner is the image's."""
    columns = lookup.lhs, lookup.rhs
    if lookup.lookup_name != "exact" or not all(isinstance(column, Col) for column in columns):
        return False
    return [column.target for column in columns] == [model._meta.get_field("owner") for model in (Album, Image)]


# The tree


def _node(node: Any) -> Condition:
    if isinstance(node, WhereNode):
        return _branch(node)
    if isinstance(node, NothingNode):
        return lambda columns: columns.everywhere(False)
    if isinstance(node, NegatedExpression):
        inside = _expression(node.expression)
        return lambda columns: ~inside(columns)
    return _lookup(node) if isinstance(node, Lookup) else _expression(node)


def _branch(node: WhereNode) -> Condition:
    parts = [_node(child) for child in node.children]
    if node.connector not in (AND, OR):
        raise NotInColumns
    is_and, is_negated = node.connector == AND, node.negated

    def evaluate(columns: Columns) -> Truth:
        truth = columns.everywhere(is_and) if not parts else parts[0](columns)
        for part in parts[1:]:
            truth = truth & part(columns) if is_and else truth | part(columns)
        return ~truth if is_negated else truth

    return evaluate


def _lookup(lookup: Lookup[Any]) -> Condition:
    if lookup.bilateral_transforms:
        raise NotInColumns
    if _is_of_places(lookup):
        return _in_album(lookup.rhs)
    if _is_of_their_owner(lookup):  # which is asked of each place anyway
        return lambda columns: columns.everywhere(True)
    if not isinstance(lookup.lhs, Col):
        return _as_said(lookup)
    if lookup.lhs.target.model is not Image:
        raise NotInColumns
    return _on_column(lookup.lhs.target.name, lookup)


def _as_said(lookup: Lookup[Any]) -> Condition:
    """A condition of its own class is said to be true or false."""
    if lookup.lookup_name != "exact" or not isinstance(lookup.rhs, bool):
        raise NotInColumns
    inside = _expression(lookup.lhs)
    return inside if lookup.rhs else lambda columns: ~inside(columns)


def _expression(expression: Any) -> Condition:
    understood = _UNDERSTOOD.get(type(expression))
    if understood is None:
        raise NotInColumns
    return understood(expression)


# Conditions on columns


def _on_column(field: str, lookup: Lookup[Any]) -> Condition:
    if field in ("embedding_row", "embed_error"):
        return _of_status(field, lookup)
    if field in ASKED_OF_DATABASE:
        return _asked_of_database(lookup)
    if field != "id" and field not in NUMBERS:
        raise NotInColumns
    kind, value = lookup.lookup_name, lookup.rhs
    if kind == "isnull":
        return (lambda columns: columns.is_null(field)) if value else (lambda columns: ~columns.is_null(field))
    if kind == "in" and not isinstance(value, Query):
        numbers = [_number(field, one) for one in value if one is not None]
        return lambda columns: columns.is_in(field, numbers)
    if kind == "range" and field not in CODES:
        first, last = (_number(field, one) for one in value)
        return lambda columns: columns.compare(field, "ge", first) & columns.compare(field, "le", last)
    if kind in COMPARISONS and (kind == "exact" or field not in CODES):
        return _compared(field, COMPARISONS[kind], value)
    raise NotInColumns


def _compared(field: str, comparison: Comparison, value: Any) -> Condition:
    if isinstance(value, Col):
        other = value.target.name
        if value.target.model is not Image or field in CODES or other in CODES or other not in {"id", *NUMBERS}:
            raise NotInColumns
        return lambda columns: columns.compare_columns(field, comparison, other)
    number = _number(field, value)
    return lambda columns: columns.compare(field, comparison, number)


def _of_status(field: str, lookup: Lookup[Any]) -> Condition:
    """Whoever has a row has no error, whoever has an error has failed."""
    if field == "embedding_row" and lookup.lookup_name == "isnull":
        comparison: Comparison = "ne" if lookup.rhs else "eq"
        return lambda columns: columns.compare("status", comparison, SEARCHABLE)
    if field == "embed_error" and lookup.lookup_name == "exact" and lookup.rhs == "":
        return lambda columns: columns.compare("status", "ne", FAILED)
    raise NotInColumns


def _asked_of_database(lookup: Lookup[Any]) -> Condition:
    """Ask about one condition alone, where it is about the text of one field that is never null."""
    if not isinstance(lookup.rhs, str):
        raise NotInColumns

    def evaluate(columns: Columns) -> Truth:
        images = Image.objects.order_by()
        images.query.where.add(lookup, AND)
        if columns.row_count <= FEW_ROWS:
            images = images.filter(pk__in=columns.ids_of(columns.live.rows).tolist())
        found = columns.rows_of(images.ids())
        return Truth.of_mask(RowMask.of_rows(found[found >= 0], columns.row_count))

    return evaluate


def _number(field: str, value: Any) -> int:
    """Return what a value is in a column. Raises NotInColumns for what none of its numbers is."""
    if field in CODES and isinstance(value, str):
        code = CODES[field].get(str(value), UNKNOWN_CODE)
        if code == UNKNOWN_CODE:
            raise NotInColumns
        return code
    if field in MOMENTS and isinstance(value, datetime) and value.tzinfo is not None:
        return microseconds(value)
    if field in CODES or field in MOMENTS or not isinstance(value, int) or abs(value) >= 2**62:
        raise NotInColumns
    return int(value)


def _tagged(tags: QuerySet[Tag]) -> Condition:
    return lambda columns: columns.linked("tag", list(tags.order_by().values_list("pk", flat=True)))


def _among(images: ImageIds) -> Condition:
    def evaluate(columns: Columns) -> Truth:
        found = columns.rows_of(images.ids)
        return Truth.of_mask(RowMask.of_rows(found[found >= 0], columns.row_count))

    return evaluate


def _shown_in(albums: QuerySet[Album]) -> Condition:
    """An album shows the pictures of its owner."""

    def evaluate(columns: Columns) -> Truth:
        owners = dict(albums.order_by().values_list("pk", "owner"))
        rows, keys = columns.links_of("album", sorted(owners))
        keys_known = np.array(sorted(owners), dtype=np.int64)
        owner_of_key = np.array([owners[key] for key in keys_known.tolist()], dtype=np.int64)
        of_its_owner = columns.numbers_of("owner", rows) == owner_of_key[np.searchsorted(keys_known, keys)]
        return Truth.of_mask(RowMask.of_rows(rows[of_its_owner], columns.row_count))

    return evaluate


def _in_album(album_id: int) -> Condition:
    return _shown_in(Album.objects.filter(pk=album_id))


def _of_folded_text(asked: OfFoldedText, judge: Condition) -> Condition:
    """Pictures whose text is yet to be folded are few: the database is asked about them."""

    def evaluate(columns: Columns) -> Truth:
        folded = columns.compare("is_folded", "eq", 1)
        unfolded = columns.where(~folded)
        if unfolded.count > MOST_UNFOLDED:
            raise NotInColumns
        found = folded & judge(columns)
        if not unfolded.count:
            return found
        ids = columns.ids_of(unfolded.rows).tolist()
        matching = Image.objects.filter(asked.condition, pk__in=ids).order_by().values_list("pk", flat=True)
        return found | columns.is_in("id", list(matching))

    return evaluate


def _mentioning(text: str) -> Condition:
    return lambda columns: columns.contains("folded_name", text) | columns.contains("folded_description", text)


def _is_square(columns: Columns) -> Truth:
    least, most = IsSquare.PARTS

    def judge(width_px: Numbers, height_px: Numbers) -> Booleans:
        shorter, longer = np.minimum(width_px, height_px), np.maximum(width_px, height_px)
        square: Booleans = shorter.astype(np.int64) * most >= longer.astype(np.int64) * least
        return square

    return columns.judged(["width_px", "height_px"], judge)


def _coloured(asked: Coloured) -> Condition:
    return lambda columns: columns.judged(["colours"], lambda colours: (colours & asked.bits) != 0)


def _has_pixels(asked: HasPixels) -> Condition:
    comparison = COMPARISONS[asked.lookup]

    def judge(width_px: Numbers, height_px: Numbers) -> Booleans:
        return compared(width_px.astype(np.int64) * height_px, comparison, asked.number)

    return lambda columns: columns.judged(["width_px", "height_px"], judge)


_UNDERSTOOD: dict[type, Callable[[Any], Condition]] = {
    Tagged: lambda asked: _tagged(Tag.objects.filter(folded_name__in=asked.folded_names)),
    TaggedAny: lambda asked: _tagged(asked.tags),
    TaggedSomehow: lambda _asked: lambda columns: columns.linked_at_all("tag"),
    ShownIn: lambda asked: _shown_in(asked.albums),
    Mentioning: lambda asked: _of_folded_text(asked, _mentioning(asked.folded)),
    Named: lambda asked: _of_folded_text(asked, lambda columns: columns.matches("folded_name", asked.pieces)),
    Among: lambda asked: _among(asked.images),
    HasNoRow: lambda _asked: lambda columns: columns.compare("status", "ne", SEARCHABLE),
    Coloured: _coloured,
    IsSquare: lambda _asked: _is_square,
    HasPixels: _has_pixels,
}


# Orders


def _name_of(field: Any) -> str:
    """Return the name that an F stands for, of which the stubs know nothing."""
    return str(field.name)


def _order(key: OrderBy) -> Order:
    """What may be null needs to say where that comes: databases differ."""
    if any(key.expression == of_name for of_name in KEYS_OF_NAME):
        return Order("name", descending=key.descending)
    if not isinstance(key.expression, F):
        raise NotInColumns
    name = "id" if _name_of(key.expression) == "pk" else _name_of(key.expression)
    if name in MAY_BE_NULL and not (key.nulls_first or key.nulls_last):
        raise NotInColumns
    if name not in ORDERED_BY and name != "embedding_row":
        raise NotInColumns
    column = ROW if name == "embedding_row" else name
    return Order(column, descending=key.descending, nulls_last=bool(key.nulls_last))
