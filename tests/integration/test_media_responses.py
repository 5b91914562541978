"""Originals, thumbnails and previews as answers: who gets them, and what a browser may keep of them."""

import re
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery.imaging import THUMBNAIL_SIZES_PX
from gallery.media_responses import thumbnail_address
from gallery.models import OPERATOR, Image, QueryPicture, User, Visibility
from gallery.services.curation import move_to_trash
from tests.conftest import drawn_picture
from tests.integration.api_client import API, Api
from tests.pages import as_user, main_of, text_of

DOORS = pytest.mark.parametrize("door", ["", API])
ASK_AGAIN = {"private", "no-cache"}
FOR_GOOD = {"private", "max-age=31536000", "immutable"}
OTHER_HASH = "0" * 64


@pytest.fixture(autouse=True)
def no_embedding(quick_worker):
    """Pictures stay in the queue: what they show is not asked here."""
    quick_worker.works = False


@pytest.fixture
def of_each_visibility(alice, bob, upload, share) -> dict[Visibility, Image]:
    """Pictures of alice in albums that bob is a member of."""
    images = {
        visibility: upload(alice, f"{colour}.png", content=drawn_picture(colour), visibility=visibility)
        for visibility, colour in zip(Visibility, ("red", "green", "blue"), strict=True)
    }
    for image in images.values():
        share(image, bob, title=image.original_name)
    return images


def opens(client: Client, path: str) -> bool:
    return client.get(path).status_code == 200


def kept(response: Any) -> set[str]:
    return set(response.headers["Cache-Control"].split(", "))


def told(response: Any, image: Image) -> str:
    """Return the answer without the hash that was asked for and the token of its forms."""
    text = response.content.decode().replace(image.sha256, OTHER_HASH)
    return re.sub(r'(csrfmiddlewaretoken" value=|X-CSRFToken": )"\w+"', "", text)


def content_path(image: Image, size_px: int = 400, *, sha256: str = "") -> str:
    return f"/images/{image.pk}/thumbnail/{size_px}/{sha256 or image.sha256}.webp"


def pictures_in(page: Any) -> list[str]:
    return re.findall(r'<img src="(?:/api/v1)?/images/[^>]*>', text_of(page))


@DOORS
@pytest.mark.parametrize("part", ["original/", "thumbnail/400/", "thumbnail/1280/"])
def test_what_is_kept_at_an_address_without_hash_is_asked_for_again(alice, upload, door, part):
    image = upload(alice)
    client, path = as_user(alice), f"{door}/images/{image.pk}/{part}"

    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert (first.status_code, kept(first)) == (200, ASK_AGAIN)
    assert (again.status_code, again.headers["ETag"], kept(again)) == (304, first.headers["ETag"], ASK_AGAIN)


@DOORS
@pytest.mark.parametrize("size_px", THUMBNAIL_SIZES_PX)
def test_thumbnail_at_the_address_of_its_content_is_kept_for_good(alice, upload, door, size_px):
    image = upload(alice)
    client, path = as_user(alice), door + content_path(image, size_px)

    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    head = client.head(path)

    assert (first.status_code, first.headers["Content-Type"], kept(first)) == (200, "image/webp", FOR_GOOD)
    assert first.getvalue() == client.get(f"{door}/images/{image.pk}/thumbnail/{size_px}/").getvalue()
    assert (again.status_code, again.content, kept(again)) == (304, b"", FOR_GOOD)
    assert (head.status_code, head.headers["Content-Length"], kept(head)) == (
        200, first.headers["Content-Length"], FOR_GOOD,
    )  # fmt: skip


@pytest.mark.parametrize("part", ["original/", "thumbnail/400/", f"thumbnail/400/{OTHER_HASH}.webp"])
def test_both_doors_answer_alike(alice, upload, part):
    image = upload(alice)
    client = as_user(alice)
    headers = ("Cache-Control", "ETag", "Content-Type", "Content-Disposition", "Content-Length")

    page, answer = (client.get(f"{door}/images/{image.pk}/{part}") for door in ("", API))

    if part.endswith(".webp"):
        assert (page.status_code, answer.status_code) == (404, 404)
    else:
        assert {name: page.headers[name] for name in headers} == {name: answer.headers[name] for name in headers}


@DOORS
def test_thumbnail_by_hash_opens_for_those_who_may_see_it(visitors, of_each_visibility, door):
    found = {
        visibility: {name for name, client in visitors.items() if opens(client, door + content_path(image))}
        for visibility, image in of_each_visibility.items()
    }

    assert found == {
        Visibility.PRIVATE: {"alice", "staff"},
        Visibility.SHARED: {"alice", "bob", "staff"},
        Visibility.PUBLIC: {"anonymous", "alice", "bob", "charlie", "staff"},
    }


@DOORS
def test_thumbnail_by_hash_is_refused_once_the_picture_is_private_again(alice, charlie, upload, door):
    image = upload(alice, visibility=Visibility.PUBLIC)
    client, path = as_user(charlie), door + content_path(image)
    seen = client.get(path)
    Image.objects.update(visibility=Visibility.PRIVATE)

    refused = client.get(path, headers={"If-None-Match": seen.headers["ETag"]})

    assert (seen.status_code, refused.status_code) == (200, 404)
    assert "immutable" not in refused.headers.get("Cache-Control", "")


@DOORS
def test_hash_of_what_another_user_has_answers_like_one_that_nobody_has(alice, charlie, upload, door):
    secret = upload(alice, "secret.png", content=drawn_picture("red"))
    own = upload(charlie, "own.png", content=drawn_picture("blue"))
    client = as_user(charlie)
    client.get(f"{door}/nowhere/")  # the first page with a form writes its token into the session
    asked = {
        "theirs": content_path(own, sha256=secret.sha256),
        "nobody's": content_path(own, sha256=OTHER_HASH),
        "a picture's that is not seen": content_path(secret),
        "a wrong one of it": content_path(secret, sha256=OTHER_HASH),
        "of no picture": f"/images/{secret.pk + 99}/thumbnail/400/{secret.sha256}.webp",
    }

    answers, queries = {}, {}
    for name, path in asked.items():
        with CaptureQueriesContext(connection) as captured:
            answers[name] = client.get(door + path)
        queries[name] = [re.sub(r"\d+", "0", query["sql"]) for query in captured.captured_queries]

    assert {answer.status_code for answer in answers.values()} == {404}
    assert told(answers["theirs"], secret) == told(answers["nobody's"], secret)
    assert queries["theirs"] == queries["nobody's"]
    assert queries["a picture's that is not seen"] == queries["a wrong one of it"] == queries["of no picture"]


@DOORS
@pytest.mark.parametrize("path", ["thumbnail/401/{}.webp", "thumbnail/400/{}.png", "thumbnail/400/x{}.webp"])
def test_thumbnail_that_is_none_does_not_exist(alice, upload, door, path):
    image = upload(alice)

    assert as_user(alice).get(f"{door}/images/{image.pk}/{path.format(image.sha256)}").status_code == 404


def test_trash_gives_thumbnails_by_hash_to_owner_and_curators(alice, visitors, upload):
    image = upload(alice, visibility=Visibility.PUBLIC)
    move_to_trash(Image.objects.filter(pk=image.pk), by=OPERATOR)

    found = {name: client.get(content_path(image)).status_code for name, client in visitors.items()}

    assert found == {"anonymous": 404, "alice": 200, "bob": 404, "charlie": 404, "staff": 200}


def test_every_list_shows_a_picture_by_the_same_markup(alice, upload):
    image = upload(alice, "cat.png", content=drawn_picture(), tags="animal", visibility=Visibility.PUBLIC)
    client = as_user(alice)
    shown = (
        f'<img src="{content_path(image)}" alt="cat.png" width="{image.width_px}" height="{image.height_px}" '
        'loading="lazy" decoding="async">'
    )
    bare = shown.replace("cat.png", "")  # its name stands beside it

    pages = {path: client.get(path) for path in ("/", "/library/", "/search/?tag=animal")}
    with BytesIO(drawn_picture()) as file:
        file.name = "cat.png"
        pages["/upload/"] = client.post("/upload/", {"files": file})
    liked = client.get(f"/search/?like={image.pk}")
    move_to_trash(Image.objects.all(), by=OPERATOR)
    pages["/trash/"] = client.get("/trash/")

    assert {path: pictures_in(page) for path, page in pages.items()} == {
        "/": [bare],
        "/library/": [bare],
        "/search/?tag=animal": [bare],
        "/upload/": [bare],
        "/trash/": [bare],
    }
    at_once, to_choose_a_part_of = pictures_in(liked)
    assert at_once == shown.replace(' loading="lazy" decoding="async"', "")
    assert to_choose_a_part_of.replace("/thumbnail/1280/", "/thumbnail/400/") == bare


def test_every_door_names_the_address_of_the_content(alice, staff, upload):
    image = upload(alice, "cat.png", content=drawn_picture())
    client = as_user(alice)

    with BytesIO(drawn_picture()) as file:
        file.name = "cat.png"
        uploaded = client.post("/upload/file/", {"files": file}).json()
    large = client.get(f"/images/{image.pk}/")
    form = client.get(f"/images/{image.pk}/edit/")
    curated = as_user(User.objects.get(username="staff")).get(f"/admin/gallery/image/{image.pk}/change/")
    named = Api(alice).json(f"/images/{image.pk}/")["urls"]["thumbnails"]

    assert uploaded["thumbnail"] == thumbnail_address(image) == content_path(image)
    assert f'src="{content_path(image, 1280)}"' in text_of(large)
    assert f'src="{content_path(image)}"' in text_of(form)
    assert f'src="{content_path(image)}"' in text_of(curated)
    assert named == {str(size): f"http://testserver{API}{content_path(image, size)}" for size in THUMBNAIL_SIZES_PX}


def test_preview_of_a_sent_picture_is_kept_for_good(db):
    client = Client()
    with BytesIO(drawn_picture()) as file:
        file.name = "cat.png"
        client.post("/search/", {"picture": file})
    path = f"/search/picture/{QueryPicture.objects.get().pk}/"

    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert (first.status_code, kept(first)) == (200, FOR_GOOD)
    assert (again.status_code, kept(again)) == (304, FOR_GOOD)


def test_a_name_is_read_once_and_a_description_beside_it(alice, upload):
    upload(alice, "a.png", content=drawn_picture(), description="A cat & a dog", tags="x")
    upload(alice, "b.png", content=drawn_picture("blue"), description="b.png", tags="x")
    client = as_user(alice)

    for path in ("/library/", "/search/?tag=x"):
        page = client.get(path)

        assert re.findall(r'<img [^>]*alt="([^"]*)"', main_of(page)) == ["", "A cat &amp; a dog"]
        assert [text_of(page).count(f'<span class="tile-name">{name}</span>') for name in ("a.png", "b.png")] == [1, 1]
