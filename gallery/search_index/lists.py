"""Lists, counts and sums of pictures, at a cost that does not grow with the library.

Querysets come in, as whoever asks has them: with the actor's access, filters and an order. The answers are those that
the database would give. The columns give them where they can; of pictures that have no row, which are few, and of all
that the columns do not know, the database is asked. Pictures that are shown come from the database by their ids, from
the same queryset, which judges once more who may see them.
"""

import threading
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Any

import numpy as np
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Q

from gallery.models import AccessState, Album, Image, ImageQuerySet, IndexState
from gallery.models.conditions import HasNoRow
from gallery.models.cursor import Part, Wanted, from_database, keys_of, part_of
from gallery.models.image import LibraryStatistics
from gallery.models.picture_colours import counted_colours
from gallery.vectors.columns.counting import Tally
from gallery.vectors.columns.ordering import ROW, Order
from gallery.vectors.row_mask import RowMask

from . import database_lists
from .column_loading import load_waiting
from .column_masks import ColumnMasks, Seen, Waiting
from .column_query import SEARCHABLE, NotInColumns, PlaceOrder, gives_models, is_turned_round, orders_of, place_order_of
from .columns_keeper import ColumnsKeeper
from .commit_mark import CommitMark
from .database_lists import OwnerTotals
from .image_columns import CODES, NAMES_BY_CODE, STATUSES, UNKNOWN_CODE, microseconds, moment_of, place_in_album
from .known_columns import Known
from .merging import Ordered, from_columns, merged, value_of
from .periods import Moment, Period, PeriodCount, starts_of, zone_of

__all__ = ["Lists", "Moment", "OwnerTotals", "Period", "PeriodCount"]

ATTEMPTS = 3  # at pictures that others change meanwhile
MOST_WAITING = 1_000  # pictures without a row that are read beside those of the columns
MOST_WAITING_AT_REST = 5_000  # the same, where nothing has changed since they were last asked about
MOST_BESIDE = 10_000  # of more, so many are brought into the order of those that have one


@dataclass(frozen=True)
class Present:
    """The columns, and the pictures that have no row in them; None where these are many."""

    known: Known
    waiting: Waiting | None


@dataclass(frozen=True)
class Look:
    """What was seen at a mark, and whether that is all that is to be had in memory."""

    mark: CommitMark
    present: Present | None
    is_all: bool


class Lists:
    """Reads of pictures that pages, REST and the admin share."""

    def __init__(self, keeper: ColumnsKeeper, masks: ColumnMasks) -> None:
        self._keeper = keeper
        self._masks = masks
        self._last = threading.local()  # what each connection saw, while nothing changes

    def of_one_moment(self) -> "Lists":
        """Return lists that read once how new all is, for the several answers of one page."""
        lists = _ListsOfOneMoment(self._keeper, self._masks)
        lists._last = self._last
        return lists

    def count(self, images: ImageQuerySet) -> int:
        try:
            seen = self._seen(images)
        except NotInColumns:
            return images.count()
        return seen.mask.count + (images.filter(seen.beside).count() if seen.beside is not None else 0)

    def count_of(self, images: ImageQuerySet, others: ImageQuerySet) -> int:
        """Return how many of these images are among the others.

        Where those are all of a kind, their mask is made once, whatever images are counted.
        """
        try:
            seen, of_others = self._seen(images), self._seen(others)
        except NotInColumns:
            return (images & others).count()
        both = RowMask(seen.mask.bits & of_others.mask.bits, seen.mask.row_count)
        return both.count + ((images & others).filter(seen.beside).count() if seen.beside is not None else 0)

    def part_of(
        self, images: ImageQuerySet, *, size: int, cursor: str | None, narrowed_by: Iterable[str], start: int = 0
    ) -> Part[Image]:
        """Return what `models.cursor.part_of` does, and raise what it raises."""
        find = partial(self._find, images)
        return part_of(images, size=size, cursor=cursor, narrowed_by=narrowed_by, start=start, find=find)

    def slice_of(self, images: ImageQuerySet, *, start: int, stop: int) -> list[Image]:
        """Return the pictures `start` up to `stop` in the queryset's order, with what it selects beside them."""
        return self._find(images, Wanted(images, keys_of(images), None, start, stop))

    def statistics(self, images: ImageQuerySet) -> LibraryStatistics:
        try:
            seen = self._seen(images)
            formats = self._formats(seen)
        except NotInColumns:
            return images.statistics()
        beside = images.filter(seen.beside).statistics() if seen.beside is not None else NO_PICTURES
        formats.update(beside.formats)
        tallies = seen.columns.totals(seen.mask, "status", "size_bytes")
        searchable, pending, failed = (tallies.get(code, Tally(0)).rows for code in range(len(STATUSES)))
        return LibraryStatistics(
            images=seen.mask.count + beside.images,
            size_bytes=sum(tally.total for tally in tallies.values()) + beside.size_bytes,
            searchable=searchable + beside.searchable,
            failed=failed + beside.failed,
            pending=pending + beside.pending,
            formats=dict(sorted(formats.items(), key=lambda item: (-item[1], item[0]))),
        )

    def owner_totals(self, images: ImageQuerySet) -> dict[int, OwnerTotals]:
        """Return what each owner has of these pictures, by the owner's id; owners of none are left out."""
        try:
            seen = self._seen(images)
        except NotInColumns:
            return database_lists.owner_totals(images)
        tallies = seen.columns.totals(seen.mask, "owner", "size_bytes")
        totals = {owner: OwnerTotals(tally.rows, tally.total) for owner, tally in tallies.items()}
        waiting = {} if seen.beside is None else database_lists.owner_totals(images.filter(seen.beside))
        for owner, more in waiting.items():
            one = totals.get(owner, OwnerTotals(0, 0))
            totals[owner] = OwnerTotals(one.images + more.images, one.size_bytes + more.size_bytes)
        return totals

    def tag_counts(self, images: ImageQuerySet, among: Collection[int] | None = None) -> dict[int, int]:
        """Return how many of these pictures carry each tag, or each of some, by its id; tags of none are left out."""
        try:
            seen = self._seen(images)
        except NotInColumns:
            return database_lists.tag_counts(images, among)
        found = _tag_counts(seen, among)
        if seen.beside is not None:
            found.update(database_lists.tag_counts(images.filter(seen.beside), among))
        return dict(found)

    def colour_counts(self, images: ImageQuerySet) -> dict[str, int]:
        """Return how many of these pictures have each colour; colours of none are left out."""
        try:
            seen = self._seen(images)
        except NotInColumns:
            return database_lists.colour_counts(images)
        found = counted_colours(seen.columns.counts(seen.mask, "colours"))
        if seen.beside is not None:
            found.update(database_lists.colour_counts(images.filter(seen.beside)))
        return dict(found)

    def album_counts(self, images: ImageQuerySet, albums: Collection[int]) -> dict[int, int]:
        """Return how many of these pictures each of these albums shows, 0 where none."""
        try:
            seen = self._seen(images)
        except NotInColumns:
            found = Counter(database_lists.album_counts(images, albums))
        else:
            found = _shown_counts(seen, albums)
            if seen.beside is not None:
                found.update(database_lists.album_counts(images.filter(seen.beside), albums))
        return {album: found[album] for album in albums}

    def extremes(self, images: ImageQuerySet, moment: Moment) -> tuple[datetime, datetime] | None:
        """Return the first and the last of these moments, None where there is none."""
        try:
            seen = self._seen(images)
        except NotInColumns:
            return database_lists.extremes(images, moment)
        numbers = seen.columns.extremes(seen.mask, moment)
        found = [moment_of(number) for number in numbers or ()]
        if seen.beside is not None:
            found += database_lists.extremes(images.filter(seen.beside), moment) or ()
        return (min(found), max(found)) if found else None

    def periods(self, images: ImageQuerySet, moment: Moment, period: Period) -> list[PeriodCount]:
        """Return the years, months or days in which there are pictures, ascending; those without a moment are left out.

        `created_at` is counted in the present time zone, `taken_at` by the wall clock.
        """
        try:
            seen = self._seen(images)
        except NotInColumns:
            return database_lists.periods(images, moment, period)
        found = _periods(seen, moment, period)
        if seen.beside is None:
            return found
        counts = Counter({one.start: one.images for one in found})
        counts.update(
            {one.start: one.images for one in database_lists.periods(images.filter(seen.beside), moment, period)}
        )
        return [PeriodCount(start, counts[start]) for start in sorted(counts)]

    # Inside

    def _seen(self, images: ImageQuerySet) -> Seen:
        """Return what a queryset gives by the columns. Raises NotInColumns.

        Who waits is read first: who is embedded meanwhile is then on both sides, and left out of this one.
        """
        if images.db != DEFAULT_DB_ALIAS:
            raise NotInColumns
        present = self._read()
        if present is None:
            raise NotInColumns
        if present.waiting is None:
            return Seen(present.known.columns, self._masks.mask_of(images, present.known), Q(HasNoRow()))
        return self._masks.with_waiting(images, present.known, present.waiting)

    def _read(self) -> Present | None:
        """Return what there is now, from memory where nobody has committed anything since; None without columns."""
        if connection.in_atomic_block:
            return None
        mark = CommitMark.now()
        last: Look | None = getattr(self._last, "look", None)
        is_at_rest = last is not None and last.mark == mark
        if last is not None and is_at_rest and last.is_all:
            return last.present
        present = self._newest(MOST_WAITING_AT_REST if is_at_rest else MOST_WAITING)
        is_all = present is not None and (is_at_rest or present.waiting is not None)
        self._last.look = Look(mark, present, is_all)
        return present

    def _newest(self, most_waiting: int) -> Present | None:
        without_row = Image.objects.without_row().order_by().values_list("pk", flat=True)
        ids = list(without_row[: most_waiting + 1])
        are_many = len(ids) > most_waiting
        waiting = load_waiting([] if are_many else ids)
        access, state = AccessState.objects.current(), IndexState.objects.current()
        known = self._keeper.current(access, epoch=state.epoch, index_version=state.version)
        if known is None:
            return None
        return Present(known, None if are_many else Waiting.beside(known, waiting))

    def _find(self, images: ImageQuerySet, wanted: Wanted[Image]) -> list[Image]:
        """Return the wanted pictures. Where one of them has gone since, all is looked up once more."""
        for _attempt in range(ATTEMPTS):
            try:
                ids = self._ids(images, wanted)
            except NotInColumns:
                break
            found = {image.pk: image for image in wanted.rows.order_by().filter(pk__in=ids)} if ids else {}
            if len(found) == len(ids):
                return [found[pk] for pk in ids]
        return from_database(wanted)

    def _ids(self, images: ImageQuerySet, wanted: Wanted[Image]) -> list[int]:
        if not gives_models(images) or is_turned_round(images):
            raise NotInColumns
        if (place := place_order_of(images, wanted.keys)) is not None:
            return self._ids_of_album(images, wanted, place)
        orders = orders_of(wanted.keys)
        seen = self._seen(images)
        statuses = seen.columns.counts(seen.mask, "status") if any(one.column == ROW for one in orders) else {}
        if statuses.keys() - {SEARCHABLE}:  # these have no row to be ordered by
            raise NotInColumns
        after = None if wanted.after is None else list(map(_of_cursor, wanted.after, orders))
        beside = _beside(seen, wanted, orders)
        first = max(0, wanted.start - len(beside))
        size = wanted.stop - first
        rows = seen.columns.ordered(seen.mask, orders, start=first, size=size, after=after)
        if not beside:
            return list(map(int, seen.columns.ids_of(rows)))
        both = merged([*from_columns(seen.columns, rows, orders), *beside], orders)
        return [one.image_id for one in both[wanted.start - first : wanted.stop - first]]

    def _ids_of_album(self, images: ImageQuerySet, wanted: Wanted[Image], place: PlaceOrder) -> list[int]:
        seen = self._seen(images)
        if seen.beside is not None and images.filter(seen.beside).exists():
            raise NotInColumns
        after = None if wanted.after is None else place_in_album(*wanted.after)
        rows = seen.columns.in_link_order(
            "album",
            place.album_id,
            seen.mask,
            descending=place.is_descending,
            after=after,
            start=wanted.start,
            size=wanted.stop - wanted.start,
        )
        return list(map(int, seen.columns.ids_of(rows)))

    def _formats(self, seen: Seen) -> Counter[str]:
        counts = seen.columns.counts(seen.mask, "format")
        if UNKNOWN_CODE in counts:
            raise NotInColumns
        return Counter({NAMES_BY_CODE["format"][code]: count for code, count in counts.items()})


class _ListsOfOneMoment(Lists):
    """Answers as the library was when the first of them was asked for. Pictures that are shown are read as they are."""

    def __init__(self, keeper: ColumnsKeeper, masks: ColumnMasks) -> None:
        super().__init__(keeper, masks)
        self._seen_of: dict[ImageQuerySet, Seen] = {}

    def _seen(self, images: ImageQuerySet) -> Seen:
        """Return the same answer where the very same is asked again: a mask's fingerprint costs more than a count."""
        if images not in self._seen_of:
            self._seen_of[images] = super()._seen(images)
        return self._seen_of[images]

    def _read(self) -> Present | None:
        return self._present

    @cached_property
    def _present(self) -> Present | None:
        return super()._read()


NO_PICTURES = LibraryStatistics(images=0, size_bytes=0, searchable=0, failed=0, pending=0, formats={})


def _periods(seen: Seen, moment: Moment, period: Period) -> list[PeriodCount]:
    numbers = seen.columns.extremes(seen.mask, moment)
    if numbers is None:
        return []
    first, last = map(moment_of, numbers)
    starts = starts_of(first, last, period, zone_of(moment))
    counts = seen.columns.counts_between(seen.mask, moment, [microseconds(start) for start in starts[1:]])
    return [PeriodCount(start, count) for start, count in zip(starts, counts, strict=True) if count]


def _beside(seen: Seen, wanted: Wanted[Image], orders: Sequence[Order]) -> list[Ordered]:
    """Return the first of many pictures that have no row. Raises NotInColumns where these are not enough."""
    if seen.beside is None:
        return []
    found = wanted.rows.filter(seen.beside).values_list("pk", *(key.expression for key in wanted.keys))
    first = list(found[: min(wanted.stop, MOST_BESIDE + 1)])
    if len(first) > MOST_BESIDE:
        raise NotInColumns
    return [Ordered(pk, tuple(map(value_of, values, orders))) for pk, *values in first]


def _of_cursor(value: Any, order: Order) -> int | str | None:
    if order.column in CODES:
        return CODES[order.column].get(value, UNKNOWN_CODE)
    if value is None or isinstance(value, str):
        return value
    return microseconds(value) if isinstance(value, datetime) else int(value)


def _tag_counts(seen: Seen, among: Collection[int] | None) -> Counter[int]:
    """All links are counted, also for some tags: that is quicker than to look for theirs."""
    tags, counts = seen.columns.link_counts(seen.mask, "tag")
    wanted = counts > 0
    if among is not None:
        wanted &= np.isin(tags, np.array(sorted(among), dtype=np.int64))
    return Counter(dict(zip(tags[wanted].tolist(), counts[wanted].tolist(), strict=True)))


def _shown_counts(seen: Seen, albums: Collection[int]) -> Counter[int]:
    """Count an album's pictures in the mask: those of its owner."""
    owners = dict(Album.objects.filter(pk__in=albums).order_by().values_list("pk", "owner"))
    rows, keys = seen.columns.links_of("album", list(owners))
    allowed = (seen.mask.bits[rows >> 3] >> (rows & 7).astype(np.uint8)) & 1 == 1
    rows, keys = rows[allowed], keys[allowed]
    owner_of_album = np.array([owners[key] for key in keys.tolist()], dtype=np.int64)
    return Counter(keys[seen.columns.numbers_of("owner", rows) == owner_of_album].tolist())
