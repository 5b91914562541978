"""Searching with a part of a picture: of the library, of one that was brought, of one that is kept; at every door."""

from base64 import b64encode
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image as PillowImage

from gallery.errors import NotSearchable, UnknownImage
from gallery.imaging import PREVIEW_PX
from gallery.models import OPERATOR, Image
from gallery.retrieval.request import SearchRequest
from gallery.retrieval.tree import Box, BroughtPicture, Like, Picture, Region
from gallery.rooms import GoesOnElsewhere, Room, answering_in
from gallery.services.media import original_path, thumbnail_path
from gallery.services.query_pictures import remember_picture
from gallery.services.search import ResultPage, find_images
from tests.conftest import acting, drawn_picture
from tests.integration.api_client import Api, ids
from tests.pages import as_user, images_on, text_of

LEFT, RIGHT = Box(0, 0, 0.5, 1), Box(0.5, 0, 0.5, 1)
COLOURS = ("red", "lime", "blue")

pytestmark = pytest.mark.usefixtures("quick_encoder")


def halves(left: str, right: str, *, size: tuple[int, int] = (64, 48)) -> bytes:
    """Return the bytes of a picture of two colours side by side."""
    picture = PillowImage.new("RGB", size, left)
    picture.paste(PillowImage.new("RGB", (size[0] // 2, size[1]), right), (size[0] // 2, 0))
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def colours(alice, upload) -> dict[str, int]:
    """A picture of each colour, public, by its name."""
    return {each: upload(alice, content=drawn_picture(each), visibility="public").pk for each in COLOURS}


@pytest.fixture
def mixed(alice, upload, colours) -> Image:
    """A picture that is red on its left and blue on its right."""
    return upload(alice, content=halves("red", "blue"), visibility="public")


def found(tree: Any, **options: Any) -> ResultPage:
    return find_images(SearchRequest(tree, 10, **options), by=OPERATOR)


def test_part_of_an_image_finds_what_that_part_shows_without_the_image(mixed, colours):
    assert found(Region(Like(mixed.pk), LEFT)).image_ids[0] == colours["red"]
    assert found(Region(Like(mixed.pk), RIGHT)).image_ids[0] == colours["blue"]
    assert mixed.pk not in found(Region(Like(mixed.pk), LEFT)).image_ids


def test_part_that_is_all_of_an_image_is_the_image(mixed):
    whole = found(Region(Like(mixed.pk), Box(0, 0, 1, 1)))

    assert whole.image_ids == found(Like(mixed.pk)).image_ids
    assert [result.score for result in whole.results] == pytest.approx(
        [result.score for result in found(Like(mixed.pk)).results], abs=0.01
    )


def test_part_of_a_brought_and_of_a_kept_picture_is_found_the_same_way(mixed, colours):
    content = halves("red", "blue")
    kept = remember_picture(BytesIO(content), name="kept.png")
    brought = BroughtPicture(PillowImage.open(BytesIO(content)))

    for of in (brought, Picture(kept.pk)):
        assert found(Region(of, LEFT)).image_ids[0] == colours["red"]
        assert found(Region(of, RIGHT)).image_ids[0] == colours["blue"]


def test_part_may_be_added_to_words_and_excluded(mixed, colours):
    request = SearchRequest.of(query=f"like:{mixed.pk}[0,0,.5,1] blue", max_top=10)
    excluded = SearchRequest.of(query=f"-like:{mixed.pk}[.5,0,.5,1]", max_top=10)

    assert set(find_images(request, by=OPERATOR).image_ids[:2]) == {colours["red"], colours["blue"]}
    assert colours["blue"] not in find_images(excluded, by=OPERATOR).image_ids


def test_small_part_is_cut_from_the_original(alice, upload, colours, quick_encoder, monkeypatch):
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(
        quick_encoder, "encode_images", lambda images: seen.extend(each.size for each in images) or np.eye(1, 13)
    )
    image = upload(alice, content=drawn_picture(size=(4_000, 3_000)))

    found(Region(Like(image.pk), Box(0.4, 0.4, 0.1, 0.1)))
    found(Region(Like(image.pk), Box(0.4, 0.4, 0.5, 0.5)))

    assert seen[-2:] == [(400, 300), (640, 480)]


def test_small_part_of_an_original_that_may_not_be_decoded_or_is_lost_comes_from_the_preview(
    alice, upload, colours, limits_of
):
    image = upload(alice, content=halves("red", "blue", size=(3_000, 200)))
    limits_of(search_max_pixels=200_000)
    assert found(Region(Like(image.pk), Box(0.1, 0, 0.1, 1))).image_ids[0] == colours["red"]

    limits_of(search_max_pixels=50_000_000)
    default_storage.delete(original_path(image.sha256, image.format))
    assert found(Region(Like(image.pk), Box(0.8, 0, 0.1, 1))).image_ids[0] == colours["blue"]


def test_part_of_an_image_whose_preview_is_lost_comes_from_the_original(mixed, colours):
    default_storage.delete(thumbnail_path(mixed.sha256, PREVIEW_PX))

    assert found(Region(Like(mixed.pk), LEFT)).image_ids[0] == colours["red"]


def test_part_of_an_image_that_waits_is_asked_with_though_its_whole_cannot(alice, upload, colours, quick_worker):
    quick_worker.works = False
    waiting = upload(alice, content=halves("blue", "lime"))

    assert found(Region(Like(waiting.pk), LEFT)).image_ids[0] == colours["blue"]
    with pytest.raises(NotSearchable):
        found(Like(waiting.pk))


def test_part_of_an_image_that_may_not_be_seen_is_of_one_that_is_not_there(alice, charlie, upload):
    secret = upload(alice, content=halves("red", "blue"))

    with pytest.raises(UnknownImage):
        find_images(SearchRequest(Region(Like(secret.pk), LEFT), 10), by=acting(charlie))
    assert as_user(charlie).get(f"/search/?like={secret.pk}&box=0,0,.5,1").status_code == 404
    assert Api(charlie).get("/search/", q=f"like:{secret.pk}[0,0,.5,1]").status_code == 404


def test_every_door_takes_a_part(mixed, colours, alice):
    content = halves("red", "blue")
    kept = remember_picture(BytesIO(content), name="kept.png")
    file, encoded, client = SimpleUploadedFile("a.png", content), b64encode(content).decode(), as_user(alice)

    found_first = [
        ids(Api().json("/search/", q=f"like:{mixed.pk}[0.5,0,0.5,1]")),
        ids(Api().post("/search/", {"image": encoded, "region": [0.5, 0, 0.5, 1]}).json()),
        ids(Api().post("/search/", {"image": encoded, "region": "0.5,0,0.5,1"}).json()),
        ids(Api().post_form("/search/", image=file, region="0.5,0,0.5,1").json()),
        images_on(client.get("/search/", {"picture": str(kept.pk), "box": "0.5,0,0.5,1"})),
        images_on(client.get("/search/", {"like": mixed.pk, "box": "0.5,0,0.5,1"})),
    ]

    assert [each[0] for each in found_first] == [colours["blue"]] * 6


@pytest.mark.parametrize("box", ["0,0,0,1", "0.5,0,0.6,1", "-0.1,0,1,1", "0,0,1", "0,0,1,1,1", "a,b,c,d", "nan,0,1,1"])
def test_box_that_is_no_part_of_a_picture_is_refused_with_its_value(mixed, box):
    content = b64encode(drawn_picture()).decode()

    body = Api().post("/search/", {"image": content, "region": box})
    page = Client().get("/search/", {"like": mixed.pk, "box": box})

    assert (body.status_code, body.json()["code"], body.json()["details"]) == (400, "invalid_box", {"value": box})
    assert page.status_code == 400
    assert f"“{box}” is no part of a picture." in text_of(page)


def test_box_without_a_picture_is_refused(db):
    body = Api().post("/search/", {"text": "cat", "region": [0, 0, 0.5, 1]})

    assert (body.status_code, body.json()["code"]) == (400, "box_without_picture")
    assert body.json()["details"] == {"value": "0,0,0.5,1"}
    assert Client().get("/search/?q=cat&box=0,0,.5,1").status_code == 400
    assert Client().get("/search/?box=0,0,.5,1").status_code == 400


def test_refused_box_is_said_in_chinese(mixed):
    page = Client().get("/search/", {"like": mixed.pk, "box": "0,0,0,1"}, headers={"Accept-Language": "zh-hans"})

    assert "“0,0,0,1”不是图片的一部分。" in text_of(page)


def test_parts_count_as_searches_with_a_picture_for_a_visitor(mixed, limits_of):
    limits_of(visitor_picture_searches_per_minute=2)
    visitor = Client(REMOTE_ADDR="203.0.113.9")
    address = {"q": f"like:{mixed.pk}[0,0,.5,1]"}

    allowed = [visitor.get("/search/", address), visitor.get("/api/v1/search/", address)]
    refused = [visitor.get("/search/", address), visitor.get("/api/v1/search/", address)]

    assert [answer.status_code for answer in allowed] == [200, 200]
    assert [answer.status_code for answer in refused] == [429, 429]
    assert visitor.get("/search/", {"like": mixed.pk}).status_code == 200


def test_parts_are_decoded_in_the_room_of_searches_with_a_picture(mixed, alice):
    request = SearchRequest(Region(Like(mixed.pk), LEFT), 10)

    with answering_in(Room.TEXT_SEARCH), pytest.raises(GoesOnElsewhere) as moved:
        find_images(request, by=acting(alice))
    assert moved.value.room == Room.PICTURE_SEARCH
    with answering_in(Room.PICTURE_SEARCH):
        assert find_images(request, by=acting(alice)).results


def test_taking_away_a_part_takes_its_box_along(mixed):
    page = Client().get("/search/", {"like": mixed.pk, "box": "0,0,0.5,1", "q": "red"})

    assert 'href="?q=red"' in page.content.decode()


def test_kept_address_of_a_part_is_kept_by_the_forms_of_its_page(mixed):
    page = Client().get("/search/", {"like": mixed.pk, "box": "0,0,0.5,1"})

    assert 'name="box" value="0,0,0.5,1"' in text_of(page)
