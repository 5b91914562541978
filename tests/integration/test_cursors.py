"""Walking lists by cursors, while rows come and go: whatever stays all the time is met exactly once."""

import random
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.signing import Signer
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gallery.forms.image_filter import ORDER_BY_KEY, ordered
from gallery.models import Album, AlbumImage, Image, Tag
from gallery.models.cursor import SALT, Part, part_of, part_of_list
from gallery.services.tags import TAG_ORDER, UsedTag
from gallery.views import library as library_view
from gallery.views import paging, trash
from tests.integration.api_client import Api, ids
from tests.integration.test_models import image_row
from tests.waiting import PATIENCE_SECONDS

MORNING = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
ORDERS = [[key] for key in ORDER_BY_KEY] + [["name", "-taken_at"], ["-taken_at", "size_bytes"], ["taken_at", "-name"]]
NAMES = ["b.png", "B.png", "ä.png", "a.png", "猫.png", "Z.png"]


class Library:
    """Rows without files, with values that repeat and are empty often."""

    def __init__(self, owner, seed: int) -> None:
        self.owner, self.random, self.made = owner, random.Random(seed), 0

    def add(self) -> Image:
        self.made += 1
        choose = self.random
        values = {
            "md5": f"{self.made:032x}",
            "sha256": f"{self.made:064x}",
            "original_name": choose.choice(NAMES),
            "size_bytes": choose.randint(1, 3),
            "taken_at": choose.choice([None, None, MORNING, MORNING + timedelta(days=choose.randint(0, 2))]),
            "created_at": MORNING + timedelta(microseconds=choose.randint(0, 3)),
        }
        return Image.objects.bulk_create([image_row(self.owner, **values)])[0]


@pytest.fixture
def library(alice) -> Library:
    return Library(alice, seed=1)


@pytest.mark.parametrize("keys", ORDERS, ids=",".join)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_walk_meets_every_row_once_in_its_order(keys, size, library):
    for _number in range(13):
        library.add()
    rows = ordered(Image.objects.all(), keys)

    assert walked(rows, size) == [image.pk for image in rows]
    assert walked(rows, size, way="previous") == [image.pk for image in rows][::-1]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6), keys=st.sampled_from(ORDERS), size=st.integers(1, 4))
def test_what_stays_is_met_exactly_once_while_others_come_and_go(seed, keys, size, alice):
    Image.objects.all().delete()
    library = Library(alice, seed)
    staying = [library.add().pk for _number in range(9)]
    passing = [library.add().pk for _number in range(9)]

    def come_and_go() -> None:
        for _number in range(library.random.randint(0, 3)):
            passing.append(library.add().pk)
            Image.objects.filter(pk=passing.pop(library.random.randrange(len(passing)))).delete()

    met = walked(ordered(Image.objects.all(), keys), size, between=come_and_go)

    assert sorted(pk for pk in met if pk in staying) == staying
    assert len(met) == len(set(met))


def test_what_stays_is_met_exactly_once_beside_a_writer(alice, library):
    staying = [library.add().pk for _number in range(60)]
    is_over = Event()

    def come_and_go() -> None:
        others = [library.add().pk for _number in range(10)]
        while not is_over.is_set():
            others.append(library.add().pk)
            Image.objects.filter(pk=others.pop(0)).delete()
        connection.close()

    writer = Thread(target=come_and_go)
    writer.start()
    try:
        walks = [walked(ordered(Image.objects.all(), keys), 3) for keys in ORDERS]
    finally:
        is_over.set()
        writer.join(PATIENCE_SECONDS)

    for met in walks:
        assert sorted(pk for pk in met if pk in staying) == staying
        assert len(met) == len(set(met))


def test_api_walks_while_the_last_seen_row_is_deleted(alice, library):
    pictures = [library.add().pk for _number in range(6)]
    api, seen = Api(alice), []

    address = "/api/v1/images/?ordering=-taken_at,name&page_size=2"
    while address:
        page = api.client.get(address).json()
        seen += ids(page)
        Image.objects.filter(pk=seen[-1]).delete()
        library.add()
        address = page["next"]

    assert set(pictures) <= set(seen)
    assert len(seen) == len(set(seen))


def test_api_answers_keep_their_keys_and_go_back(alice, library):
    for _number in range(5):
        library.add()
    api = Api(alice)
    whole = ids(api.json("/images/"))

    first = api.json("/images/", page_size=2)
    second = api.client.get(first["next"]).json()
    third = api.client.get(second["next"]).json()
    back = api.client.get(third["previous"]).json()

    assert list(first) == ["count", "next", "previous", "results"]
    assert (first["count"], first["previous"], third["next"]) == (5, None, None)
    assert ids(first) + ids(second) + ids(third) == whole
    assert ids(back) == ids(second)
    assert ids(api.client.get(back["previous"]).json()) == ids(first)
    assert api.client.get(api.client.get(back["previous"]).json()["next"]).json() == second


def test_page_numbers_keep_working(alice, library):
    for _number in range(5):
        library.add()
    api = Api(alice)

    second = api.json("/images/", page=2, page_size=2)

    assert parse_qs(urlsplit(second["next"]).query)["page"] == ["3"]
    assert ids(second) == ids(api.json("/images/"))[2:4]


def test_tags_albums_and_album_pictures_are_walked(alice, library):
    album = Album.objects.create(owner=alice, title="One")
    for number, name in enumerate(["a", "b", "c", "d"]):
        image = library.add()
        image.tags.set(Tag.objects.named([name, "all"]))
        AlbumImage.objects.create(album=album, image=image, position=number // 2)
        Album.objects.create(owner=alice, title="Same")
    api = Api(alice)

    for path in ("/tags/", "/albums/", f"/albums/{album.pk}/images/"):
        whole, seen, address = api.json(path)["results"], [], f"/api/v1{path}?page_size=1"
        while address:
            page = api.client.get(address).json()
            seen += page["results"]
            address = page["next"]
        assert seen == whole
        assert len(seen) >= 4


@given(counts=st.lists(st.integers(1, 3), max_size=9), size=st.integers(1, 4))
def test_rows_at_hand_are_walked_as_those_of_the_database_are(counts, size):
    rows = [UsedTag(f"t{number}", f"t{number}", count) for number, count in enumerate(counts)]
    rows.sort(key=lambda tag: (-tag.image_count, tag.key))

    def part(cursor: str | None) -> Part[UsedTag]:
        return part_of_list(rows, TAG_ORDER, size=size, cursor=cursor, narrowed_by=())

    forward = [part(None)]
    while forward[-1].next:
        forward.append(part(forward[-1].next))
    back = [forward[-1]]
    while back[-1].previous:
        back.append(part(back[-1].previous))

    assert [tag for one in forward for tag in one.rows] == rows
    assert [tag for one in reversed(back) for tag in one.rows] == rows


def test_walk_of_rows_at_hand_goes_on_where_the_last_one_is_gone():
    rows = [UsedTag(name, name, 1) for name in "abcd"]
    first = part_of_list(rows, TAG_ORDER, size=2, cursor=None, narrowed_by=())

    rest = part_of_list(rows[2:], TAG_ORDER, size=2, cursor=first.next, narrowed_by=())
    back = part_of_list([rows[0], *rows[2:]], TAG_ORDER, size=2, cursor=rest.previous, narrowed_by=())

    assert rest.rows == rows[2:]
    assert back.rows == [rows[0]]


@pytest.mark.parametrize("cursor", ["", "x", "a:b", "é", "\x00", "x" * 5000, "🐶", "1" * 40 + ":" + "2" * 43])
def test_a_cursor_that_is_none_is_refused(cursor, alice, library):
    response = Api(alice).get("/images/", cursor=cursor)

    assert (response.status_code, response.json()["code"]) == (404, "invalid_cursor")


@pytest.mark.parametrize("content", [None, [], {}, "x", ["x", False, [1, 2]], [1, 2, 3, 4]])
@pytest.mark.parametrize("salt", [SALT, "gallery.cursor.0", "other"])
@pytest.mark.parametrize("path", ["/images/", "/tags/"])
def test_a_signed_cursor_of_something_else_is_refused(content, salt, path, alice, library):
    response = Api(alice).get(path, cursor=Signer(salt=salt).sign_object(content))

    found = (response.status_code, response.json()["code"])
    assert found in ((404, "invalid_cursor"), (400, "cursor_of_another_list"))


def test_a_cursor_is_changed_by_nobody(alice, library):
    library.add(), library.add()
    cursor = cursor_in(Api(alice).json("/images/", page_size=1)["next"])

    for place in range(0, len(cursor), 7):
        forged = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        assert Api(alice).get("/images/", cursor=forged).status_code == 404


@pytest.mark.parametrize("other", [{"order": "oldest"}, {"ordering": "name"}, {"q": "a"}, {"format": "JPEG"}])
def test_a_cursor_of_another_order_or_filter_is_refused(other, alice, library):
    library.add(), library.add()
    cursor = cursor_in(Api(alice).json("/images/", page_size=1)["next"])

    response = Api(alice).get("/images/", cursor=cursor, **other)

    assert (response.status_code, response.json()["code"]) == (400, "cursor_of_another_list")
    assert Api(alice).get("/images/", cursor=cursor, page_size=2).status_code == 200


def test_a_cursor_shows_nobody_what_they_may_not_see(alice, charlie, library):
    library.add(), library.add()
    cursor = cursor_in(Api(alice).json("/images/", page_size=1)["next"])

    assert Api(charlie).json("/images/", cursor=cursor)["results"] == []
    assert Api(charlie).json("/images/", cursor=cursor)["previous"] is None


@pytest.mark.usefixtures("never_at_rest")
def test_walking_costs_as_many_queries_at_the_end_as_at_the_start(alice, library):
    for _number in range(6):
        library.add()
    api = Api(alice)
    first = api.json("/images/", page_size=2)

    with CaptureQueriesContext(
        connection,
    ) as at_start:
        api.json("/images/", page_size=2)
    with CaptureQueriesContext(connection) as behind:
        api.client.get(first["next"])

    assert len(behind) == len(at_start)


def test_a_long_name_still_makes_an_address_that_servers_take(alice, library):
    for _number in range(2):
        Image.objects.filter(pk=library.add().pk).update(original_name="😀" * 251 + ".png")

    address = Api(alice).json("/images/", ordering="name", page_size=1)["next"]

    assert len(address) < 3_000
    assert len(ids(Api(alice).client.get(address).json())) == 1


@pytest.mark.parametrize("address", ["/", "/library/", "/trash/"])
def test_pages_go_on_behind_what_was_shown(address, alice, library, visitors, monkeypatch):
    for module in (paging, library_view, trash):
        monkeypatch.setattr(module, "PAGE_SIZE", 2)
    images = [library.add() for _number in range(5)]
    if "trash" in address:
        Image.objects.update(trashed_at=MORNING)
    client, seen = visitors["alice"], []

    while address:
        page = client.get(address).context["page"]
        seen += [image.pk for image in page.images]
        Image.objects.filter(pk=seen[0]).delete()
        address = page.next and f"{urlsplit(address).path}?cursor={page.next}&page={page.next_number}"

    assert sorted(seen) == [image.pk for image in images]


@pytest.mark.parametrize("address", ["/", "/library/", "/trash/", "/search/?tag=x"])
def test_pages_refuse_a_cursor_that_is_none(address, visitors):
    page = visitors["alice"].get(address, query_params={"cursor": "x", "tag": "x"})

    assert page.status_code == 404


def test_library_page_behind_whose_cursor_nothing_is_left_shows_the_last(alice, library, visitors, monkeypatch):
    monkeypatch.setattr(library_view, "PAGE_SIZE", 2)
    images = [library.add() for _number in range(4)]
    client = visitors["alice"]
    page = client.get("/library/?order=name").context["page"]
    left = [image.pk for image in page.images]
    Image.objects.filter(pk__in=[image.pk for image in images if image.pk not in left]).delete()

    after = client.get(f"/library/?order=name&cursor={page.next}&page=2").context["page"]

    assert [image.pk for image in after.images] == left


def walked(rows, size: int, *, way: str = "next", between=lambda: None) -> list[int]:
    """Return the ids of a walk through parts of this size: forward, or from the last one back."""
    met: list[int] = []
    part = part_of(rows, size=size, cursor=None, narrowed_by=())
    if way == "previous":
        while part.next:
            part = part_of(rows, size=size, cursor=part.next, narrowed_by=())
    while True:
        found = [row.pk for row in part.rows]
        met += found if way == "next" else found[::-1]
        between()
        if (cursor := getattr(part, way)) is None:
            return met
        part = part_of(rows, size=size, cursor=cursor, narrowed_by=())


def cursor_in(address: str) -> str:
    return parse_qs(urlsplit(address).query)["cursor"][0]
