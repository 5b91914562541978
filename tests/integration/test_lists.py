"""Counts and parts of lists, for whoever asks with a queryset."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from gallery.models import Album, AlbumImage, Image, Tag, User, Visibility
from gallery.search_index import search_index
from gallery.search_index.lists import OwnerTotals, PeriodCount
from gallery.search_index.periods import Period
from tests.conftest import acting

PERIODS: tuple[Period, ...] = ("year", "month")


def test_lists_count_tags_of_what_the_actor_may_see(alice: User, bob: User, upload: Callable[..., Image]) -> None:
    upload(alice, "coffee.png", tags="drink", visibility=Visibility.PUBLIC)
    upload(alice, "chelsea.png", tags="drink, cat")
    seen = Image.objects.visible_to(acting(bob))
    counts = search_index().lists.tag_counts(seen)
    assert {Tag.objects.get(pk=pk).name: count for pk, count in counts.items()} == {"drink": 1}


def test_lists_count_an_album_without_pictures(alice: User, upload: Callable[..., Image]) -> None:
    album, empty = Album.objects.create(owner=alice, title="full"), Album.objects.create(owner=alice, title="empty")
    AlbumImage.objects.create(album=album, image=upload(alice, "coffee.png"))
    counts = search_index().lists.album_counts(Image.objects.all(), [album.pk, empty.pk])
    assert counts == {album.pk: 1, empty.pk: 0}


def test_lists_count_months_by_the_wall_clock(alice: User, upload: Callable[..., Image]) -> None:
    image = upload(alice, "coffee.png")
    Image.objects.filter(pk=image.pk).update(taken_at=datetime(2023, 1, 31, 23, 30, tzinfo=UTC))
    months = search_index().lists.periods(Image.objects.all(), "taken_at", "month")
    assert months == [PeriodCount(datetime(2023, 1, 1, tzinfo=UTC), 1)]


@pytest.mark.parametrize("most_places", [0, 1_000_000])
def test_lists_total_what_each_owner_has(  # noqa: PLR0917 -- fixtures
    alice: User, bob: User, charlie: User, upload: Callable[..., Image], monkeypatch: Any, most_places: int
) -> None:
    monkeypatch.setattr("gallery.vectors.columns.counting.FEW_ROWS", 0)
    monkeypatch.setattr("gallery.vectors.columns.counting.MOST_PLACES", most_places)
    mine = [upload(alice, name) for name in ("coffee.png", "chelsea.png")]
    yours = upload(bob, "rocket.jpg")

    totals = search_index().lists.owner_totals(Image.objects.exclude(pk=mine[0].pk))

    assert totals == {alice.pk: OwnerTotals(1, mine[1].size_bytes), bob.pk: OwnerTotals(1, yours.size_bytes)}


def test_lists_of_one_moment_read_once_how_new_all_is(
    alice: User, upload: Callable[..., Image], django_assert_num_queries: Any
) -> None:
    upload(alice, "coffee.png")
    lists = search_index().lists.of_one_moment()
    lists.count(Image.objects.all())

    with django_assert_num_queries(0):
        counted = lists.count(Image.objects.all()), lists.statistics(Image.objects.live()).images
    upload(alice, "chelsea.png")

    assert counted == (1, 1)
    assert lists.count(Image.objects.all()) == 1
    assert search_index().lists.count(Image.objects.all()) == 2


@pytest.mark.parametrize("few_rows", [0, 8_000])
def test_periods_begin_by_the_clock_of_their_zone(
    alice: User, upload: Callable[..., Image], monkeypatch: pytest.MonkeyPatch, few_rows: int
) -> None:
    monkeypatch.setattr("gallery.vectors.columns.counting.FEW_ROWS", few_rows)
    utc = ["2023-12-31T22:59:59", "2023-12-31T23:00:00", "2024-02-29T12:00:00", "2025-06-30T21:59:59"]
    names = ["coffee.png", "chelsea.png", "rocket.jpg", "page.png"]
    for name, moment in zip(names, utc, strict=True):
        image = upload(alice, name)
        Image.objects.filter(pk=image.pk).update(created_at=datetime.fromisoformat(f"{moment}+00:00"))
    berlin = ZoneInfo("Europe/Berlin")

    with timezone.override(berlin):
        lists = search_index().lists
        years, months = (lists.periods(Image.objects.all(), "created_at", period) for period in PERIODS)

    assert years == [
        PeriodCount(datetime(year, 1, 1, tzinfo=berlin), count) for year, count in ((2023, 1), (2024, 2), (2025, 1))
    ]
    assert [(one.start.isoformat(), one.images) for one in months] == [
        ("2023-12-01T00:00:00+01:00", 1),
        ("2024-01-01T00:00:00+01:00", 1),
        ("2024-02-01T00:00:00+01:00", 1),
        ("2025-06-01T00:00:00+02:00", 1),
    ]
