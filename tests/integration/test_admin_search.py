"""The search box of the admin's list of pictures: the same request and ranking as everywhere, among what it lists."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery.errors import EncoderUnavailable
from gallery.models import OPERATOR, Image, Tag, User
from gallery.retrieval.cutoff import Calibration, Calibrations
from gallery.services import curated_search, curation, legs
from tests.conftest import PASSWORD, QuickWorker, drawn_picture
from tests.pages import as_user, text_of

IMAGES = "/admin/gallery/image/"
COLOURS = ("red", "maroon", "lime", "blue", "yellow", "white", "black")

pytestmark = pytest.mark.usefixtures("quick_encoder")


@pytest.fixture(autouse=True)
def line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of what is compared surely matches, some does not."""
    judged = Calibration(intercept=-0.6, score=1.0, best=0.0, clarity=0.0, threshold=0.5)
    monkeypatch.setattr(legs, "calibrations_of", lambda _key: Calibrations(deviations=judged))


@pytest.fixture
def curator(staff: User) -> Client:
    return as_user(staff)


@pytest.fixture
def viewer(transactional_db: None) -> Client:
    """Staff who may look at every picture that is not in the trash."""
    user = User.objects.create_user("viewer", password=PASSWORD, is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_image"))
    return as_user(user)


@pytest.fixture
def pictures(alice: User, bob: User, upload: Callable[..., Image]) -> dict[str, Image]:
    """A picture of each colour, which no name tells; all but the last two are alice's."""
    return {
        colour: upload(
            alice if number < 5 else bob, f"p{number}.png", content=drawn_picture(colour), visibility="public"
        )
        for number, colour in enumerate(COLOURS)
    }


@pytest.fixture
def bring_waiting(quick_worker: QuickWorker, upload: Callable[..., Image]) -> Callable[..., Image]:
    def bring(owner: User, name: str, colour: str, **labels: Any) -> Image:
        quick_worker.works = False
        image = upload(owner, name, content=drawn_picture(colour), **labels)
        quick_worker.works = True
        return image

    return bring


def listed(client: Client, query: str, **more: Any) -> list[int]:
    page = client.get(IMAGES, {"q": query, **more})
    assert page.status_code == 200
    return [image.pk for image in page.context["cl"].result_list]


def found_by_api(client: Client, query: str) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = client.get("/api/v1/search/", {"q": query, "top": 100}).json()["results"]
    return results


def on_page(client: Client, query: str) -> list[int]:
    page = client.get("/search/", {"q": query, "top": 100}).context["page"].answer
    shown = page.results.image_ids if hasattr(page, "results") else [image.pk for image in page.page.images]
    return list(shown)


@pytest.mark.parametrize(
    "query",
    [
        "red", "red -lime", "red OR blue", "(red)^2 white", "red owner:alice", "dogs without cats", "红 OR blue",
        "is:public", "-red", "owner:bob red OR black", '"p3"', "name:p1", "is:landscape white -is:private",
    ],
)  # fmt: skip
def test_list_has_the_ranking_of_api_and_page(pictures, curator, query):
    by_api = found_by_api(curator, query)

    assert listed(curator, query) == [each["id"] for each in by_api if each["confident"]]
    assert listed(curator, query, less_likely=1) == [each["id"] for each in by_api] == on_page(curator, query)
    assert by_api


def test_list_finds_what_resembles_a_picture(pictures, curator):
    query = f"like:{pictures['red'].pk}"

    found = listed(curator, query, less_likely=1)

    assert found == [each["id"] for each in found_by_api(curator, query)]
    assert pictures["red"].pk not in found
    assert len(found) == len(COLOURS) - 1


def test_list_goes_to_any_page_of_a_search(pictures, curator, monkeypatch):
    monkeypatch.setattr(admin.site._registry[Image], "list_per_page", 2)
    whole = [each["id"] for each in found_by_api(curator, "red")]

    pages = [listed(curator, "red", less_likely=1, p=number) for number in (1, 2, 3, 4)]

    assert [pk for page in pages for pk in page] == whole
    assert [len(page) for page in pages] == [2, 2, 2, 1]
    assert curator.get(IMAGES, {"q": "red", "less_likely": 1, "p": 5}).status_code == 302


def test_pages_go_as_far_as_likeness_is_listed_and_a_column_further(pictures, curator, monkeypatch):
    monkeypatch.setattr(admin.site._registry[Image], "list_per_page", 2)
    monkeypatch.setattr(curated_search, "LISTED_BY_LIKENESS", 3)
    by_name = [image.pk for image in pictures.values()]

    page = curator.get(IMAGES, {"q": "red", "less_likely": 1, "p": 2})

    assert (page.context["cl"].result_count, page.context["cl"].paginator.num_pages) == (len(COLOURS), 2)
    assert [image.pk for image in page.context["cl"].result_list] == [found_by_api(curator, "red")[2]["id"]]
    assert "only the likeliest are listed" in text_of(page)
    assert curator.get(IMAGES, {"q": "red", "less_likely": 1, "p": 3}).status_code == 302
    pages = [listed(curator, "red", less_likely=1, o="2", p=number) for number in (1, 2, 3, 4)]
    assert [pk for one in pages for pk in one] == by_name


@pytest.mark.parametrize("typed", ["red p3.png", "RED P3.PNG", "red p3", "p3"])
def test_what_is_called_so_comes_first(pictures, alice, upload, curator, typed):
    part = upload(alice, "red p3.png.png", content=drawn_picture("gray"))
    whole = upload(alice, "Red p3.png", content=drawn_picture("white", size=(32, 16)))
    Image.objects.filter(pk=pictures["blue"].pk).update(original_name="x.png")

    found = listed(curator, typed, less_likely=1)

    assert found[:2] == [whole.pk, part.pk]
    assert len(found) == len(set(found)) == len(COLOURS) + 2


def test_a_whole_name_comes_before_a_newer_part_of_one(alice, upload, curator):
    whole = upload(alice, "img 1.png", content=drawn_picture("blue"))
    upload(alice, "img 1.png (2).png", content=drawn_picture("lime"))

    assert listed(curator, "IMG 1.png")[0] == whole.pk


def test_a_name_with_signs_of_the_language_is_found(alice, upload, pictures, curator):
    image = upload(alice, "Trip -final (2).png", content=drawn_picture("gray"))

    assert listed(curator, "trip -final (2).png")[0] == image.pk


def test_an_id_and_an_md5_find_their_picture_first(pictures, curator):
    image = pictures["blue"]

    for typed in (str(image.pk), image.md5, f" {image.md5.upper()} "):
        assert listed(curator, typed)[0] == image.pk


def test_words_find_what_waits_what_failed_and_what_is_in_the_trash(alice, bring_waiting, upload, curator, viewer):
    waiting = bring_waiting(alice, "a.png", "red", tags="harvest")
    failed = bring_waiting(alice, "b.png", "lime", description="The harvest of 2020")
    Image.objects.filter(pk=failed.pk).update(embed_error="broken")
    trashed = upload(alice, "harvest.png", content=drawn_picture("blue"))
    curation.move_to_trash(Image.objects.filter(pk=trashed.pk), by=OPERATOR)

    assert set(listed(curator, "harvest")) == {waiting.pk, failed.pk, trashed.pk}
    assert listed(curator, "harvest is:pending") == [waiting.pk]
    assert listed(curator, "harvest OR autumn is:failed") == [failed.pk]
    assert listed(curator, "is:failed") == [failed.pk]
    assert listed(curator, "harvest", trash="yes") == [trashed.pk]
    assert set(listed(viewer, "harvest")) == {waiting.pk, failed.pk}


def test_filters_of_the_list_narrow_the_search(pictures, bob, curator):
    Tag.objects.create(name="kept").images.set([pictures["blue"], pictures["black"]])

    assert listed(curator, "red", less_likely=1, owner=bob.pk) == [
        each["id"] for each in found_by_api(curator, "red owner:bob")
    ]
    assert listed(curator, "blue", less_likely=1, tag="kept") == [pictures["blue"].pk, pictures["black"].pk]
    assert listed(curator, "blue", visibility__exact="private") == []


def test_filters_count_what_the_search_leaves(pictures, curator):
    page = curator.get(IMAGES, {"q": "-name:p0", "_facets": "True"})

    [owners] = re.findall(r'<details data-filter-title="owner".*?</details>', page.content.decode(), re.DOTALL)
    assert re.findall(r">(\w+ \(\d\))<", owners) == ["alice (4)", "bob (2)"]
    assert page.context["cl"].result_count == 6


def test_a_chosen_column_orders_what_surely_matches(pictures, curator):
    sure = [each["id"] for each in found_by_api(curator, "red OR blue") if each["confident"]]

    by_name = listed(curator, "red OR blue", o="2")

    assert 0 < len(sure) < len(COLOURS)
    assert by_name == sorted(sure, key=lambda pk: Image.objects.get(pk=pk).original_name)


def test_an_action_on_all_changes_what_the_search_lists(pictures, curator):
    listed_ids = listed(curator, "red")
    chosen = {"action": "move_to_trash", "_selected_action": [listed_ids[0]], "select_across": "1"}

    curator.post(f"{IMAGES}?q=red", chosen)

    assert set(Image.objects.trashed().values_list("pk", flat=True)) == set(listed_ids)
    assert 0 < len(listed_ids) < len(COLOURS)


MISTAKES = [
    ("(red", 400, "The bracket ( is not closed."),
    ("width:wide", 400, "width"),
    ("like:999999", 404, "There is no picture 999999"),
    ("album:None", 404, "None"),
]


@pytest.mark.parametrize(("query", "status", "said"), MISTAKES)
def test_a_mistake_is_a_sentence_with_its_place_and_no_empty_list(pictures, curator, query, status, said):
    page = curator.get(IMAGES, {"q": query})
    text = text_of(page)

    assert page.status_code == status
    assert said in text
    assert f"<mark>{query if status == 404 or ':' in query else '('}</mark>" in page.content.decode()
    assert "0 pictures" not in text
    assert "0 results" not in text


def test_a_mistake_offers_plain_words_which_find_by_name(pictures, alice, upload, curator):
    image = upload(alice, "Photo (red.png", content=drawn_picture("gray"))

    refused = curator.get(IMAGES, {"q": "(red.png"})

    assert "?q=%28red.png&amp;words=1" in refused.content.decode()
    assert listed(curator, "(red.png", words=1)[0] == image.pk


def test_a_mistake_is_told_in_chinese(pictures, curator):
    page = curator.get(IMAGES, {"q": "(red"}, headers={"Accept-Language": "zh-CN"})

    assert "括号" in text_of(page)


def test_a_picture_that_waits_cannot_be_compared(alice, bring_waiting, pictures, curator):
    waiting = bring_waiting(alice, "w.png", "gray")

    page = curator.get(IMAGES, {"q": f"red like:{waiting.pk}"})

    assert page.status_code == 409
    assert f"<mark>like:{waiting.pk}</mark>" in page.content.decode()


def test_nothing_is_done_to_a_list_whose_search_is_refused(pictures, curator):
    chosen = {"action": "move_to_trash", "_selected_action": [pictures["red"].pk], "select_across": "1"}

    page = curator.post(f"{IMAGES}?q=(red", chosen, follow=True)

    assert not Image.objects.trashed().exists()
    assert "The bracket ( is not closed." in str(next(iter(page.context["messages"])))


def test_without_an_encoder_words_find_and_the_page_says_so(pictures, alice, bring_waiting, curator, monkeypatch):
    named = bring_waiting(alice, "harvest.png", "gray")

    def fail() -> None:
        raise EncoderUnavailable(encoder="offline", reason="its weights are gone", remedy="")

    monkeypatch.setattr("gallery.services.meanings.current_encoder", fail)

    page = curator.get(IMAGES, {"q": "harvest"})
    chosen = {"action": "move_to_trash", "_selected_action": [named.pk], "select_across": "1"}
    curator.post(f"{IMAGES}?q=harvest", chosen)

    assert page.status_code == 503
    assert [image.pk for image in page.context["cl"].result_list] == [named.pk]
    assert "Until then only pictures with these words" in text_of(page)
    assert curator.get(IMAGES, {"q": "is:public"}).status_code == 200
    assert not Image.objects.trashed().exists()


def test_who_may_search_the_list(pictures, curator, viewer, alice, client):
    clerk = User.objects.create_user("clerk", password=PASSWORD, is_staff=True)

    statuses = [each.get(IMAGES, {"q": "red"}).status_code for each in (curator, viewer, as_user(clerk))]

    assert statuses == [200, 200, 403]
    assert [each.get(IMAGES, {"q": "red"}).status_code for each in (as_user(alice), client)] == [302, 302]


@pytest.mark.usefixtures("never_at_rest")
def test_search_costs_the_same_queries_for_one_and_three(alice, upload, curator):
    def queries() -> int:
        curator.get(IMAGES, {"q": "red -blue", "less_likely": 1})
        with CaptureQueriesContext(connection) as captured:
            assert curator.get(IMAGES, {"q": "red -blue", "less_likely": 1}).status_code == 200
        return len(captured)

    upload(alice, "a.png", content=drawn_picture("red"), tags="x")
    one = queries()
    for colour in ("lime", "yellow"):
        upload(alice, f"{colour}.png", content=drawn_picture(colour), tags="x")

    assert queries() == one


def test_chooser_of_pictures_finds_by_words_alone(pictures, curator):
    address = "/admin/autocomplete/?app_label=gallery&model_name=albumimage&field_name=image&term={}"

    assert curator.get(address.format("red")).json()["results"] == []
    assert [each["text"] for each in curator.get(address.format("p3")).json()["results"]] == ["p3.png"]


def test_list_says_what_was_made_of_the_words(pictures, curator):
    text = text_of(curator.get(IMAGES, {"q": "dogs without cats"}))

    assert "Without: cats" in text
    assert 'Did you mean this? <a href="?q=width%3A1000">width:1000</a>' in text_of(
        curator.get(IMAGES, {"q": "wdith:1000"})
    )
