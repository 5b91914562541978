"""Lists, counts and sums of pictures, at a cost that does not grow with the library.

Querysets come in, as whoever asks has them: with the actor's access, filters and an order. The answers are those that
the database would give.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from django.db.models import Count, Max, Min, Sum
from django.db.models.functions import TruncDay, TruncMonth, TruncYear

from gallery.models import AlbumImage, Image, ImageQuerySet
from gallery.models.cursor import Part, part_of
from gallery.models.image import LibraryStatistics

Moment = Literal["created_at", "taken_at"]
Period = Literal["year", "month", "day"]
TRUNCATE = {"year": TruncYear, "month": TruncMonth, "day": TruncDay}


@dataclass(frozen=True, slots=True)
class OwnerTotals:
    """How many pictures somebody has, and how large they are together."""

    images: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PeriodCount:
    """How many pictures there are of a year, a month or a day that begins at `start`."""

    start: datetime
    images: int


class Lists:
    """Reads of pictures that pages, REST and the admin share."""

    def count(self, images: ImageQuerySet) -> int:
        return images.count()

    def part_of(
        self, images: ImageQuerySet, *, size: int, cursor: str | None, narrowed_by: Iterable[str], start: int = 0
    ) -> Part[Image]:
        """Return what `models.cursor.part_of` does, and raise what it raises."""
        return part_of(images, size=size, cursor=cursor, narrowed_by=narrowed_by, start=start)

    def slice_of(self, images: ImageQuerySet, *, start: int, stop: int) -> list[Image]:
        """Return the pictures `start` up to `stop` in the queryset's order, with what it selects beside them."""
        return list(images[start:stop])

    def statistics(self, images: ImageQuerySet) -> LibraryStatistics:
        return images.statistics()

    def owner_totals(self, images: ImageQuerySet) -> dict[int, OwnerTotals]:
        """Return what each owner has of these pictures, by the owner's id; owners of none are left out."""
        owners = images.order_by().values_list("owner").annotate(images=Count("pk"), size_bytes=Sum("size_bytes"))
        return {owner: OwnerTotals(count, size) for owner, count, size in owners}

    def tag_counts(self, images: ImageQuerySet) -> dict[int, int]:
        """Return how many of these pictures carry each tag, by its id; tags of none are left out."""
        links = Image.tags.through.objects.filter(image__in=images.order_by())
        return dict(links.values_list("tag").annotate(images=Count("pk")).order_by())

    def album_counts(self, images: ImageQuerySet, albums: Collection[int]) -> dict[int, int]:
        """Return how many of these pictures each of these albums shows, 0 where none."""
        places = AlbumImage.objects.shown().filter(album__in=albums, image__in=images.order_by())
        found = dict(places.values_list("album").annotate(images=Count("pk")).order_by())
        return {album: found.get(album, 0) for album in albums}

    def extremes(self, images: ImageQuerySet, moment: Moment) -> tuple[datetime, datetime] | None:
        """Return the first and the last of these moments, None where there is none."""
        found = images.order_by().aggregate(first=Min(moment), last=Max(moment))
        return None if found["first"] is None else (found["first"], found["last"])

    def periods(self, images: ImageQuerySet, moment: Moment, period: Period) -> list[PeriodCount]:
        """Return the years, months or days in which there are pictures, ascending; those without a moment are left out.

        `created_at` is counted in the present time zone, `taken_at` by the wall clock.
        """
        known = images.filter(**{f"{moment}__isnull": False}).order_by()
        zone = UTC if moment == "taken_at" else None  # None: the present one
        starts = known.annotate(period_start=TRUNCATE[period](moment, tzinfo=zone)).values_list("period_start")
        return [PeriodCount(*row) for row in starts.annotate(images=Count("pk")).order_by("period_start")]
