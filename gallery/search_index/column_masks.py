"""Which rows a queryset allows, by the columns, kept and brought up to date by the rows that changed."""

import hashlib
import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from django.core.exceptions import EmptyResultSet
from django.db.models import Q

from gallery.models import ImageQuerySet
from gallery.models.conditions import Fingerprint
from gallery.vectors.columns.columns import Columns
from gallery.vectors.columns.table import Table
from gallery.vectors.row_mask import RowMask
from gallery.vectors.unit_vectors import Rows

from .column_query import Condition, condition_of
from .known_columns import MOST_TOUCHED, Known

MASKS_WITH_WAITING = 16  # 125 kB each, in each thread
MASKS_KEPT = 256  # 125 kB each at a million rows
LONG_CHARACTERS = 1_000  # of a parameter: keys must not be larger than masks


@dataclass(frozen=True)
class KeptMask:
    """A mask, and the serial of the columns that it is of."""

    serial: int
    mask: RowMask


@dataclass(frozen=True)
class Seen:
    """What a queryset gives: these rows of the columns and, where many pictures have no row, `beside` them these."""

    columns: Columns
    mask: RowMask
    beside: Q | None = None


@dataclass(frozen=True, eq=False)
class Waiting:
    """Pictures that have no row, and columns that have them behind all others."""

    pictures: Table
    columns: Columns
    masks: "OrderedDict[Fingerprint, RowMask]"  # what was asked of them

    @classmethod
    def beside(cls, known: Known, pictures: Table) -> "Waiting":
        """Take those that have no row in these columns."""
        pictures = pictures.take(np.flatnonzero(known.columns.rows_of(pictures.ids) < 0))
        first = known.columns.row_count
        rows = np.arange(first, first + pictures.row_count)
        return cls(pictures, known.columns.changed(rows, pictures), OrderedDict())


class ColumnMasks:
    """Masks by what the database would be asked."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Fingerprint, KeptMask] = OrderedDict()
        self._lock = threading.Lock()

    def mask_of(self, images: ImageQuerySet, known: Known) -> RowMask:
        """Return which rows of the columns are of these images. Raises NotInColumns: only the database can tell."""
        condition = condition_of(images)
        try:
            key = _key_of(images)
        except EmptyResultSet:
            return RowMask.of_rows(np.empty(0, dtype=np.int64), known.columns.row_count)
        kept = self._get(key)
        if kept is not None and kept.serial == known.serial:
            return _alone(kept.mask)
        touched = None if kept is None or kept.serial > known.serial else known.touched_since(kept.serial)
        if kept is None or touched is None or len(touched) > MOST_TOUCHED:
            mask = known.columns.where(condition(known.columns))
        else:
            mask = _patched(kept.mask, touched, known.columns, condition)
        self._put(key, KeptMask(known.serial, _alone(mask)))
        return mask

    def with_waiting(self, images: ImageQuerySet, known: Known, waiting: Waiting) -> Seen:
        """Return the same of the columns with those that wait. Raises NotInColumns."""
        mask = self.mask_of(images, known)
        if not waiting.pictures.row_count:
            return Seen(waiting.columns, mask)
        try:
            key = _key_of(images)
        except EmptyResultSet:
            return Seen(waiting.columns, mask.extended(mask.rows, waiting.columns.row_count))
        with_them = waiting.masks.get(key)
        if with_them is None:
            beside = Columns.of(waiting.pictures)
            allowed = beside.where(condition_of(images)(beside)).rows + known.columns.row_count
            with_them = mask.extended(allowed, waiting.columns.row_count)
            waiting.masks[key] = with_them
            while len(waiting.masks) > MASKS_WITH_WAITING:
                waiting.masks.pop(next(iter(waiting.masks)), None)
        return Seen(waiting.columns, with_them)

    def forget(self, images: ImageQuerySet) -> None:
        with suppress(EmptyResultSet), self._lock:
            self._kept.pop(_key_of(images), None)

    def _get(self, key: Fingerprint) -> KeptMask | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
            return kept

    def _put(self, key: Fingerprint, kept: KeptMask) -> None:
        with self._lock:
            self._kept[key] = kept
            self._kept.move_to_end(key)
            while len(self._kept) > MASKS_KEPT:
                self._kept.popitem(last=False)


def _key_of(images: ImageQuerySet) -> Fingerprint:
    """Return what a mask is kept by: of a long parameter, such as the ids that a meaning found, only a digest.

    Raises EmptyResultSet where the database need not be asked.
    """
    sql, parameters = images.fingerprint()
    return sql, tuple(_digest(each) if _is_long(each) else each for each in parameters)


def _is_long(parameter: object) -> bool:
    return isinstance(parameter, str) and len(parameter) > LONG_CHARACTERS


def _digest(parameter: str) -> bytes:
    return hashlib.sha256(parameter.encode("utf-8", "surrogatepass")).digest()


def _alone(mask: RowMask) -> RowMask:
    """Return the same without what was made of it: its rows are 64 times as large as its bits."""
    return RowMask(mask.bits, mask.row_count)


def _patched(mask: RowMask, rows: Rows, columns: Columns, condition: Condition) -> RowMask:
    """Return the mask with these rows judged again."""
    if not len(rows):
        return mask.extended(rows, columns.row_count)
    some = Columns.of(columns.take(rows))
    allowed = some.where(condition(some)).rows
    return (
        mask.extended(np.empty(0, dtype=np.int64), columns.row_count)
        .without(rows)
        .extended(rows[allowed], columns.row_count)
    )
