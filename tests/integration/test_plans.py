"""What the database reads for the questions that pages ask of it: what it answers with, and not the library.

On SQLite the work is counted in steps of its machine, on PostgreSQL in rows read from the table of images. Both are
asked without statistics, as a library is after it was filled, and with them.
"""

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from gallery.forms.image_filter import ordered
from gallery.models import Actor, Album, AlbumImage, Image, Tag, User, Visibility
from gallery.models.actor import AnyUser
from tests.conftest import acting
from tests.integration.test_models import image_row
from tests.integration.test_table_statistics import forget

IMAGES = 3_000
WITHOUT_ROW = 30
STEPS_OF_AN_IMAGE = 3  # at least, of whoever goes through all of them
FEW = IMAGES // 5
BY_OWNER = {"those that one may change, by their ids"}  # any owner's pictures are taken for a few
IN_ORDER = {"newest first", "oldest first", "the library", "those of new rows"}  # and those not in the trash for few
OF_WORKERS = {"what is old in the trash"}  # PostgreSQL takes a third of all for that
NEED_STATISTICS = {"sqlite": BY_OWNER, "postgresql": BY_OWNER | IN_ORDER | OF_WORKERS}
START = datetime(2020, 1, 1, tzinfo=UTC)
VISIBILITIES = [Visibility.PUBLIC, Visibility.SHARED, *[Visibility.PRIVATE] * 4]


@pytest.fixture
def library(alice, bob, staff) -> None:
    """Pictures of alice, many of them in albums that she shares with bob, and a few of bob."""
    forget()
    owners = [bob if number % 100 == 0 else alice for number in range(IMAGES)]
    images = Image.objects.bulk_create(
        image_row(
            owner,
            created_at=START + timedelta(minutes=number),
            visibility=VISIBILITIES[number % len(VISIBILITIES)],
            trashed_at=START if number % 200 == 7 else None,
            embedding_row=None if number % (IMAGES // WITHOUT_ROW) == 3 else number,
        )
        for number, owner in enumerate(owners)
    )
    albums = Album.objects.bulk_create(Album(owner=alice, title=f"{number}") for number in range(40))
    memberships = Album.members.through
    memberships.objects.bulk_create(memberships(album=album, user=bob) for album in albums)
    places = zip(itertools.cycle(albums), images[:2_000], strict=False)
    AlbumImage.objects.bulk_create(AlbumImage(album=album, image=image) for album, image in places)
    tags = Tag.objects.named(f"tag {number}" for number in range(50))
    links = Image.tags.through
    links.objects.bulk_create(links(image=image, tag=tags[image.pk % 50]) for image in images)


def steps_of(rows: QuerySet) -> int:
    """Return how many steps SQLite's machine takes, in hundreds rounded down."""
    counted = 0

    def count() -> None:
        nonlocal counted
        counted += 100

    connection.connection.set_progress_handler(count, 100)
    list(rows)
    connection.connection.set_progress_handler(None, 0)
    return counted


def rows_read_of(rows: QuerySet) -> int:
    """Return how many images and places in albums PostgreSQL reads."""
    try:
        sql, parameters = rows.query.sql_with_params()
    except EmptyResultSet:  # it is not even asked
        return 0
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", parameters)
        plan = cursor.fetchone()[0]
    return sum(map(rows_read, nodes(json.loads(plan) if isinstance(plan, str) else plan)))


def nodes(plan: list | dict) -> Iterator[dict]:
    """Yield every step of a plan."""
    if isinstance(plan, list):
        for each in plan:
            yield from nodes(each["Plan"])
        return
    yield plan
    for each in plan.get("Plans", []):
        yield from nodes(each)


def rows_read(node: dict) -> int:
    if node.get("Relation Name") not in (Image._meta.db_table, AlbumImage._meta.db_table):
        return 0
    return (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]


def goes_through_all(rows: QuerySet) -> bool:
    if connection.vendor == "sqlite":
        return steps_of(rows) > IMAGES * STEPS_OF_AN_IMAGE
    return rows_read_of(rows) > FEW


def questions(actor: Actor) -> dict[str, QuerySet]:
    """What is asked of one actor's pictures at every page, beside the columns or in their place."""
    some = list(Image.objects.order_by("pk").values_list("pk", flat=True)[:: IMAGES // 30])
    seen = Image.objects.visible_to(actor)
    return {
        "some by their ids": seen.filter(pk__in=some),
        "one by its id": seen.filter(pk=some[3]),
        "those that one may change, by their ids": Image.objects.editable_by(actor).live().filter(pk__in=some),
        "newest first": ordered(seen, ["-created_at"])[:20],
        "oldest first": ordered(seen, ["created_at"])[:20],
        "without a row, newest first": ordered(seen.without_row(), ["-created_at"])[:20],
        "without a row, by name": ordered(seen.without_row(), ["name"])[:20],
        "which have no row": seen.without_row().order_by().values_list("pk"),
        "failed": ordered(seen.failed(), ["-created_at"])[:20],
        "waiting": seen.pending()[:20],
        "the trash": Image.objects.in_trash_of(actor).order_by("-trashed_at", "-pk")[:20],
        "which are in the trash": Image.objects.in_trash_of(actor).order_by().values_list("pk"),
        "the library": ordered(Image.objects.library_of(actor), ["-created_at"])[:20],
        "that of a new picture": Image.objects.owned_by(actor).filter(md5="0" * 32),
    }


def questions_of_workers() -> dict[str, QuerySet]:
    last = Image.objects.order_by("-pk")[0].pk
    return {
        "the queue": Image.objects.pending()[:16],
        "the queue from somewhere on": Image.objects.pending().filter(pk__gt=last // 2)[:16],
        "the next epoch's queue": Image.objects.not_in_next_epoch()[:16],
        "what is old in the trash": Image.objects.trashed_before(START + timedelta(days=1)).order_by()[:200],
        "those of a content": Image.objects.filter(sha256__in=["0" * 64, "1" * 64]),
        "those of new rows": Image.objects.filter(embedding_row__gte=IMAGES - 50).order_by(),
    }


def all_questions() -> dict[str, QuerySet]:
    asking: dict[str, AnyUser] = {user.username: user for user in User.objects.all()}
    asking["a visitor"] = AnonymousUser()
    return {
        **{f"{name}: {what}": rows for name, user in asking.items() for what, rows in questions(acting(user)).items()},
        **questions_of_workers(),
        "unused tags": Tag.objects.unused(),
    }


@pytest.mark.usefixtures("library")
def test_no_question_goes_through_the_library_without_statistics():
    going = [name for name, rows in all_questions().items() if goes_through_all(rows)]

    assert [name for name in going if name.split(": ")[-1] not in NEED_STATISTICS[connection.vendor]] == []


@pytest.mark.usefixtures("library")
def test_no_question_goes_through_the_library_with_statistics():
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    connection.close()  # SQLite reads them once for each connection

    assert [name for name, rows in all_questions().items() if goes_through_all(rows)] == []
