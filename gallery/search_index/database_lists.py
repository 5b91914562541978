"""Lists, counts and sums of pictures as the database gives them: what columns must agree with, to the letter."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min, QuerySet, Sum
from django.db.models.functions import TruncDay, TruncMonth, TruncYear

from gallery.models import AlbumImage, Image, PictureColours
from gallery.models.picture_colours import counted_colours

from .periods import Moment, Period, PeriodCount, zone_of


@dataclass(frozen=True, slots=True)
class OwnerTotals:
    """How many pictures somebody has, and how large they are together."""

    images: int
    size_bytes: int


TRUNCATE = {"year": TruncYear, "month": TruncMonth, "day": TruncDay}


def owner_totals(images: QuerySet[Image]) -> dict[int, OwnerTotals]:
    owners = images.order_by().values_list("owner").annotate(images=Count("pk"), size_bytes=Sum("size_bytes"))
    return {owner: OwnerTotals(count, size) for owner, count, size in owners}


def tag_counts(images: QuerySet[Image], among: Collection[int] | None = None) -> dict[int, int]:
    links = Image.tags.through.objects.filter(image__in=images.order_by())
    links = links if among is None else links.filter(tag__in=among)
    return dict(links.values_list("tag").annotate(images=Count("pk")).order_by())


def colour_counts(images: QuerySet[Image]) -> dict[str, int]:
    looks = PictureColours.objects.filter(image__in=images.order_by()).order_by()
    return dict(counted_colours(dict(looks.values_list("colours").annotate(images=Count("pk")))))


def album_counts(images: QuerySet[Image], albums: Collection[int]) -> dict[int, int]:
    places = AlbumImage.objects.shown().filter(album__in=albums, image__in=images.order_by())
    return dict(places.values_list("album").annotate(images=Count("pk")).order_by())


def extremes(images: QuerySet[Image], moment: Moment) -> tuple[datetime, datetime] | None:
    found = images.order_by().aggregate(first=Min(moment), last=Max(moment))
    return None if found["first"] is None else (found["first"], found["last"])


def periods(images: QuerySet[Image], moment: Moment, period: Period) -> list[PeriodCount]:
    known = images.filter(**{f"{moment}__isnull": False}).order_by()
    starts = known.annotate(period_start=TRUNCATE[period](moment, tzinfo=zone_of(moment))).values_list("period_start")
    return [PeriodCount(*row) for row in starts.annotate(images=Count("pk")).order_by("period_start")]
