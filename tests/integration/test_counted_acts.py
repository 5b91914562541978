"""How often somebody may do something: periods, amounts, many at once, and what a refusal costs."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery.models import ActKind, CountedAct
from tests.in_threads import at_once

SEARCH, BYTES = ActKind.PICTURE_SEARCH, ActKind.UPLOADED_BYTES
wait = CountedAct.objects.seconds_to_wait


def begun_ago(**ago: float) -> None:
    CountedAct.objects.update(began_at=timezone.now() - timedelta(**ago))


def test_acts_are_let_through_up_to_the_limit(db):
    assert [wait(SEARCH, "a", limit=2) == 0 for _ in range(4)] == [True, True, False, False]
    assert wait(SEARCH, "b", limit=2) == 0


def test_wait_lasts_until_the_period_is_over(db):
    wait(SEARCH, "a", limit=1)
    wait(BYTES, "a", limit=1)
    begun_ago(seconds=50.5)

    assert wait(SEARCH, "a", limit=1) == 10
    assert wait(BYTES, "a", limit=1) == 3_550


@pytest.mark.parametrize(("kind", "seconds"), [(SEARCH, 60), (BYTES, 3_600)])
def test_period_that_is_over_begins_anew(db, kind, seconds):
    wait(kind, "a", limit=1)
    begun_ago(seconds=seconds)

    assert CountedAct.objects.counted(kind, "a") == 0
    assert wait(kind, "a", limit=1) == 0
    assert CountedAct.objects.counted(kind, "a") == 1


def test_amounts_are_counted_and_the_one_that_reaches_the_limit_is_let_through(db):
    assert wait(BYTES, "a", limit=100, amount=99) == 0
    assert wait(BYTES, "a", limit=100, amount=1_000) == 0
    assert wait(BYTES, "a", limit=100, amount=1) > 0
    assert CountedAct.objects.counted(BYTES, "a") == 1_099


def test_amounts_may_be_as_large_as_disks(db):
    wait(BYTES, "a", limit=10**15, amount=10**13)

    assert CountedAct.objects.counted(BYTES, "a") == 10**13


def test_no_limit_counts_nothing(db):
    assert wait(SEARCH, "a", limit=0) == 0
    assert not CountedAct.objects.exists()


def test_refusal_reads_one_row_and_writes_nothing(db):
    wait(SEARCH, "a", limit=1)

    with CaptureQueriesContext(connection) as asked:
        wait(SEARCH, "a", limit=1)

    assert [query["sql"].split()[0] for query in asked.captured_queries] == ["SELECT"]


@pytest.mark.parametrize("begins", ["nobody was here", "a period is over", "a period runs"])
def test_as_many_as_the_limit_says_are_let_through_at_once(transactional_db, begins):
    if begins != "nobody was here":
        wait(SEARCH, "a", limit=5)
        begun_ago(seconds=60 if begins == "a period is over" else 1)

    waits = at_once(8, lambda _number: wait(SEARCH, "a", limit=5))

    let_through = 4 if begins == "a period runs" else 5
    assert waits.count(0) == let_through
    assert CountedAct.objects.get().count == 5


def test_what_no_period_needs_goes_when_another_begins(db):
    wait(BYTES, "a", limit=1)
    begun_ago(hours=1)
    over = [act.count for act in CountedAct.objects.over()]

    wait(BYTES, "b", limit=1)

    assert over == [1]
    assert CountedAct.objects.get().count == 1
    assert not CountedAct.objects.over().exists()
