"""The admin's lists: their orders, pages, dates and numbers, which the index's lists answer, not the database alone."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.asserts import assertInHTML

from gallery.models import OPERATOR, Album, AlbumImage, Image, Tag, User
from gallery.services import curation
from tests.conftest import drawn_picture
from tests.pages import as_user, text_of

IMAGES = "/admin/gallery/image/"
COLOURS = ("red", "green", "blue")

pytestmark = pytest.mark.usefixtures("quick_encoder")


@pytest.fixture
def curator(staff: User) -> Client:
    return as_user(staff)


@pytest.fixture
def pictures(alice: User, bob: User, upload: Callable[..., Image]) -> list[Image]:
    """Two of alice's, one of bob's, added in three months of two years; the first is the largest."""
    moments = [datetime(2022, 3, 5, tzinfo=UTC), datetime(2023, 3, 6, tzinfo=UTC), datetime(2023, 7, 8, tzinfo=UTC)]
    made = []
    for owner, colour, moment in zip((alice, alice, bob), COLOURS, moments, strict=True):
        image = upload(owner, f"{colour}.png", content=drawn_picture(colour), tags=f"{colour}, all")
        Image.objects.filter(pk=image.pk).update(created_at=moment, size_bytes=3_000 - moment.year)
        made.append(image)
    return made


def rows_of(client: Client, address: str) -> list[Any]:
    return list(client.get(address).context["cl"].result_list)


def names_of(client: Client, query: str) -> list[str]:
    return [image.original_name for image in rows_of(client, IMAGES + query)]


def choices_of(page: Any, title: str) -> dict[str, str]:
    """Return what a filter offers: what is chosen by address."""
    [part] = re.findall(rf'<details data-filter-title="{title}".*?</details>', page.content.decode(), re.DOTALL)
    return dict(re.findall(r'<a href="\?([^"]*)">([^<]*)</a>', part)[1:])


def dates_on(page: Any) -> list[str]:
    [part] = re.findall(r'<nav class="toplinks">.*?</nav>', page.content.decode(), re.DOTALL)
    return [unescape(choice) for choice in re.findall(r">\s*([^<>\s][^<>]*?)\s*<", part)]


def test_image_list_goes_from_years_to_months_to_days(pictures, curator):
    years = curator.get(IMAGES)
    months = curator.get(f"{IMAGES}?created_at__year=2023")
    days = curator.get(f"{IMAGES}?created_at__year=2023&created_at__month=7")
    day = curator.get(f"{IMAGES}?created_at__year=2023&created_at__month=7&created_at__day=8")

    assert dates_on(years) == ["2022", "2023"]
    assert dates_on(months) == ["‹ All dates", "March 2023", "July 2023"]
    assert dates_on(days) == ["‹ 2023", "July 8"]
    assert dates_on(day) == ["‹ July 2023", "July 8"]
    assert [image.original_name for image in day.context["cl"].result_list] == ["blue.png"]


def test_image_list_begins_at_the_months_of_its_only_year(pictures, curator):
    one_month, one_year = curator.get(f"{IMAGES}?q=red"), curator.get(f"{IMAGES}?created_at__gte=2023-01-01T00:00:00Z")

    assert dates_on(one_month) == ["‹ 2022", "March 5"]
    assert dates_on(one_year) == ["‹ All dates", "March 2023", "July 2023"]


def test_image_list_without_pictures_has_no_dates(curator):
    assert dates_on(curator.get(IMAGES)) == []


def test_image_list_counts_what_each_filter_leaves(pictures, alice, bob, curator):
    Image.objects.filter(pk=pictures[0].pk).update(visibility="public")
    curation.move_to_trash(Image.objects.filter(pk=pictures[2].pk), by=OPERATOR)

    page = curator.get(f"{IMAGES}?_facets=True&owner={alice.pk}")

    assert page.status_code == 200
    counted = {name: list(choices_of(page, name).values()) for name in ("search status", "trash", "format", "owner")}
    assert counted == {
        "search status": ["searchable (2)", "waiting (0)", "failed (0)"],
        "trash": ["not in the trash (2)", "in the trash (0)"],
        "format": ["PNG (2)"],
        "owner": ["alice (2)", "bob (1)"],
    }
    assert list(choices_of(page, "visibility").values())[-1] == "public: everyone (1)"
    assert list(choices_of(page, "tag").values()) == ["all (2)", "blue (0)", "green (1)", "red (1)"]
    assert "Any date (2)" in text_of(page)


def test_image_list_offers_the_busiest_owners_and_tags_first(pictures, curator, monkeypatch):
    monkeypatch.setattr("gallery.admin.image_filters.OFFERED", 1)

    page = curator.get(IMAGES)

    assert list(choices_of(page, "owner").values()) == ["alice"]
    assert list(choices_of(page, "tag").values()) == ["all"]


def test_image_list_orders_names_whatever_their_case(pictures, curator):
    Image.objects.filter(pk=pictures[0].pk).update(original_name="Green 2.png")

    assert names_of(curator, "?o=2") == ["blue.png", "Green 2.png", "green.png"]
    assert names_of(curator, "?o=-2") == ["green.png", "Green 2.png", "blue.png"]


def test_image_list_orders_by_each_column(pictures, curator):
    newest = ["blue.png", "green.png", "red.png"]

    assert names_of(curator, "") == newest
    assert names_of(curator, "?o=8") == newest[::-1]
    assert names_of(curator, "?o=-3") == newest
    assert names_of(curator, "?o=5") == newest[::-1]
    assert names_of(curator, "?o=-7.2") == ["red.png", "blue.png", "green.png"]


def test_image_list_goes_to_any_page(pictures, curator, monkeypatch):
    monkeypatch.setattr(admin.site._registry[Image], "list_per_page", 1)

    assert [names_of(curator, f"?p={number}") for number in (1, 2, 3)] == [["blue.png"], ["green.png"], ["red.png"]]
    assert curator.get(f"{IMAGES}?p=4").status_code == 302
    assert len(names_of(curator, "?p=2&all=")) == 3
    assert '(<a href="?">3 total</a>)' in text_of(curator.get(f"{IMAGES}?q=red"))


def test_image_list_finds_a_whole_md5_in_any_case_and_no_part_of_it(pictures, curator):
    md5 = pictures[0].md5

    assert names_of(curator, f"?q={md5.upper()}") == ["red.png"]
    assert names_of(curator, f"?q={md5[:31]}") == []


def test_chooser_of_pictures_goes_to_any_page(pictures, curator):
    address = "/admin/autocomplete/?app_label=gallery&model_name=albumimage&field_name=image&term={}"

    found = curator.get(address.format("red")).json()

    assert found == {"results": [{"id": str(pictures[0].pk), "text": "red.png"}], "pagination": {"more": False}}
    assert len(curator.get(address.format("")).json()["results"]) == 3
    assert curator.get(address.format("") + "&page=2").status_code == 404


def test_tag_list_orders_by_pictures_and_then_as_asked(pictures, curator):
    Tag.objects.create(name="unused")

    assert [tag.name for tag in rows_of(curator, "/admin/gallery/tag/?o=-2.-1")] == [
        "all", "red", "green", "blue", "unused",
    ]  # fmt: skip
    assert [tag.image_count for tag in rows_of(curator, "/admin/gallery/tag/?o=2.1")] == [0, 1, 1, 1, 3]


def test_tag_list_orders_whole_lists_and_shows_pages(pictures, curator, monkeypatch):
    monkeypatch.setattr(admin.site._registry[Tag], "list_per_page", 2)

    assert [tag.name for tag in rows_of(curator, "/admin/gallery/tag/?o=-2.1&p=2")] == ["green", "red"]


def test_user_list_orders_by_pictures_and_by_storage(pictures, alice, bob, staff, curator):
    by_pictures, by_storage = (rows_of(curator, f"/admin/gallery/user/?o={key}.1") for key in ("-5", "6"))

    assert [(user.username, user.image_count) for user in by_pictures] == [("alice", 2), ("bob", 1), ("staff", 0)]
    assert [user.username for user in by_storage] == ["staff", "bob", "alice"]


def test_album_list_orders_by_owner_and_then_by_numbers(pictures, alice, bob, charlie, curator):
    empty, full = Album.objects.create(owner=alice, title="a"), Album.objects.create(owner=alice, title="b")
    other = Album.objects.create(owner=bob, title="c")
    AlbumImage.objects.create(album=full, image=pictures[0])
    AlbumImage.objects.create(album=full, image=pictures[1])
    AlbumImage.objects.create(album=other, image=pictures[2])
    empty.members.set([bob, charlie])

    by_owner = rows_of(curator, "/admin/gallery/album/?o=2.-3")
    by_members = rows_of(curator, "/admin/gallery/album/?o=-4.1")

    assert [(album.title, album.image_count) for album in by_owner] == [("b", 2), ("a", 0), ("c", 1)]
    assert [(album.title, album.member_count) for album in by_members] == [("a", 2), ("b", 0), ("c", 0)]


@pytest.mark.parametrize(
    ("key", "field"), [("3", "owner_id"), ("4", "visibility"), ("5", "embedding_row"), ("7", "size_bytes")]
)
def test_image_list_orders_as_the_database_does(pictures, upload, curator, key, field):
    for image, visibility in zip(pictures, ("shared", "private", "public"), strict=True):
        Image.objects.filter(pk=image.pk).update(visibility=visibility)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gallery.services.ingest.nudge", lambda _ids: None)
        waiting = upload(pictures[0].owner, "gray.png", content=drawn_picture("gray"))

    assert waiting.is_pending
    ascending, descending = names_of(curator, f"?o={key}"), names_of(curator, f"?o=-{key}")

    by_database = Image.objects.order_by(F(field).asc(nulls_first=True), "-pk")
    assert ascending == [image.original_name for image in by_database]
    by_database = Image.objects.order_by(F(field).desc(nulls_last=True), "-pk")
    assert descending == [image.original_name for image in by_database]
    assert waiting.original_name in ascending


# Albums in parts


@pytest.fixture
def album(alice: User, pictures: list[Image], monkeypatch: pytest.MonkeyPatch) -> Album:
    """Alice's album of her two pictures, of which the admin shows one at a time."""
    monkeypatch.setattr("gallery.admin.album_places.PLACES_AT_A_TIME", 1)
    album = Album.objects.create(owner=alice, title="Trip")
    for position, image in enumerate(pictures[:2]):
        AlbumImage.objects.create(album=album, image=image, position=position)
    return album


def shown_in(page: Any) -> list[str]:
    [formset] = page.context["inline_admin_formsets"]
    return [form.instance.image.original_name for form in formset.formset.initial_forms]


def test_album_shows_its_pictures_in_parts(album, curator):
    address = f"/admin/gallery/album/{album.pk}/change/"
    first, second, beyond = (curator.get(f"{address}{query}") for query in ("", "?places=2", "?places=x"))

    assert [shown_in(page) for page in (first, second, beyond)] == [["red.png"], ["green.png"], ["red.png"]]
    assert '<a href="?places=2">2</a>' in text_of(first)
    assert "2 pictures </nav>" in text_of(second)


def test_list_looks_up_the_address_of_its_rows_once(pictures, curator, monkeypatch):
    looked_up = []

    def counted(name: str, *args: Any, **named: Any) -> str:
        looked_up.append(name)
        return reverse(name, *args, **named)

    monkeypatch.setattr("gallery.admin.change_lists.reverse", counted)

    content = curator.get(IMAGES).content.decode()

    assert looked_up == ["admin:gallery_image_change"]
    for image in pictures:
        assert content.count(f'href="{IMAGES}{image.pk}/change/"') == 2  # the picture, and its name


def test_album_page_asks_once_whether_it_may_be_changed(album, curator, django_assert_max_num_queries):
    with django_assert_max_num_queries(20) as queries:
        curator.get(f"/admin/gallery/album/{album.pk}/change/")

    asked = [query["sql"] for query in queries.captured_queries if query["sql"].startswith("SELECT 1 AS")]
    assert len([sql for sql in asked if 'FROM "gallery_album"' in sql]) == 2  # to change it, to delete it


def test_album_page_has_the_picture_of_a_place_as_its_only_choice(album, pictures, curator):
    content = curator.get(f"/admin/gallery/album/{album.pk}/change/").content.decode()

    name = f'<option value="{pictures[0].pk}" selected>{pictures[0]}</option>'
    described = 'name="albumimage_set-0-image" id="id_albumimage_set-0-image" disabled'
    assertInHTML(f"<select {described}>{name}</select>", content, count=1)


def test_album_of_one_part_has_no_links_to_others(album, curator, monkeypatch):
    monkeypatch.setattr("gallery.admin.album_places.PLACES_AT_A_TIME", 2)

    page = curator.get(f"/admin/gallery/album/{album.pk}/change/")

    assert shown_in(page) == ["red.png", "green.png"]
    assert "?places=" not in text_of(page)


def test_album_saves_the_part_that_was_sent_and_leaves_the_others(album, pictures, curator):
    address = f"/admin/gallery/album/{album.pk}/change/?places=2"
    second = AlbumImage.objects.get(image=pictures[1])
    sent = {
        "title": "Trip",
        "albumimage_set-TOTAL_FORMS": 1,
        "albumimage_set-INITIAL_FORMS": 1,
        "albumimage_set-0-id": second.pk,
        "albumimage_set-0-album": album.pk,
        "albumimage_set-0-position": 7,
        "_continue": "yes",
    }

    saved = curator.post(address, sent)
    assert dict(AlbumImage.objects.values_list("image", "position")) == {pictures[0].pk: 0, pictures[1].pk: 7}
    deleted = curator.post(address, sent | {"albumimage_set-0-DELETE": "on"})

    assert saved.headers["Location"].endswith(f"/album/{album.pk}/change/?places=2")
    assert deleted.status_code == 302
    assert list(album.images.all()) == [pictures[0]]


def test_album_saves_no_place_of_another_album(album, bob, pictures, curator):
    other = AlbumImage.objects.create(album=Album.objects.create(owner=bob, title="x"), image=pictures[2], position=3)
    sent = {
        "title": "Trip",
        "albumimage_set-TOTAL_FORMS": 1,
        "albumimage_set-INITIAL_FORMS": 1,
        "albumimage_set-0-id": other.pk,
        "albumimage_set-0-album": album.pk,
        "albumimage_set-0-position": 9,
    }

    page = curator.post(f"/admin/gallery/album/{album.pk}/change/", sent)

    other.refresh_from_db()
    assert page.status_code == 200
    assert other.position == 3


# What goes along


def summary_of(page: Any) -> dict[str, int]:
    return dict(page.context["model_count"])


def test_deleting_says_in_numbers_what_goes_along(album, pictures, bob, curator):
    album.members.set([bob])
    tag = Tag.objects.get(key="all")
    chosen = {"action": "delete_selected", "_selected_action": [tag.pk]}

    of_tag = curator.get(f"/admin/gallery/tag/{tag.pk}/delete/")
    of_tags = curator.post("/admin/gallery/tag/", chosen)
    of_album = curator.get(f"/admin/gallery/album/{album.pk}/delete/")

    assert summary_of(of_tag) == summary_of(of_tags) == {"tags": 1, "image-tag relationships": 3}
    assert summary_of(of_album) == {"albums": 1, "pictures in an album": 2, "album-user relationships": 1}
    assert of_tag.context["deleted_objects"] == ["all"]
    assert of_album.context["deleted_objects"] == ["Trip"]


@pytest.mark.usefixtures("never_at_rest")
def test_deleting_albums_asks_once_who_may(album, alice, curator):
    others = [Album.objects.create(owner=alice, title=title) for title in "abc"]

    def queries_for(albums: list[Album]) -> int:
        chosen = {"action": "delete_selected", "_selected_action": [one.pk for one in albums]}
        with CaptureQueriesContext(connection) as queries:
            assert curator.post("/admin/gallery/album/", chosen).status_code == 200
        return len(queries)

    queries_for([album])

    assert queries_for(others) == queries_for([album])


def test_action_on_all_counts_all_and_shows_some(pictures, curator, monkeypatch):
    monkeypatch.setattr("gallery.admin.action_page.SHOWN_OBJECTS", 2)
    chosen = {"action": "delete_selected", "_selected_action": [pictures[0].pk], "select_across": "1"}

    page = curator.post(IMAGES, chosen)

    assert [image.original_name for image in page.context["shown"]] == ["blue.png", "green.png"]
    assert (page.context["count"], page.context["more"]) == (3, 1)


@pytest.mark.sqlite_only(reason="reads SQLite's plan")
def test_words_of_tags_are_asked_of_the_picture(pictures):
    found = Image.objects.filter(admin.site._registry[Image].has_word("all"))

    assert "(image_id=? AND tag_id=?)" in found.explain()
    assert found.count() == 3
