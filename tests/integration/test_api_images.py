"""Pictures over the API: lists, uploads, changes and files."""

import hashlib
from datetime import timedelta
from io import BytesIO

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import Image as PillowImage

from gallery.imaging import THUMBNAIL_SIZES_PX
from gallery.models import OPERATOR, AlbumImage, ApiToken, Image, Tag
from gallery.services.curation import move_to_trash
from tests.conftest import drawn_picture
from tests.integration.api_client import API, Api, ids

COLOURS = ("red", "green", "blue", "white", "black")


@pytest.fixture(autouse=True)
def no_embedding(quick_worker):
    """Pictures stay in the queue: nothing here searches."""
    quick_worker.works = False


@pytest.fixture
def three(alice, upload):
    return [
        upload(alice, f"{colour}.png", content=drawn_picture(colour), tags=f"colour, {colour}")
        for colour in COLOURS[:3]
    ]


def test_list_is_newest_first(alice, three):
    assert ids(Api(alice).json("/images/")) == [image.pk for image in reversed(three)]


def test_an_image_is_described(alice, upload):
    content = drawn_picture("red")
    image = upload(alice, "红.png", content=content, tags="Red, 红色", description="a square", visibility="public")

    body = Api().json(f"/images/{image.pk}/")

    own = f"http://testserver{API}/images/{image.pk}/"
    assert body == {
        "id": image.pk,
        "md5": hashlib.md5(content).hexdigest(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "name": "红.png",
        "description": "a square",
        "tags": ["Red", "红色"],
        "format": "PNG",
        "width_px": 64,
        "height_px": 48,
        "size_bytes": len(content),
        "frame_count": 1,
        "taken_at": None,
        "rating": None,
        "created_at": body["created_at"],
        "visibility": "public",
        "owner": "alice",
        "status": "pending",
        "embed_error": None,
        "original_is_whole": False,
        "others_get_whole_original": False,
        "gives_whole_original": None,
        "is_favourite": False,
        "things": None,
        "text": None,
        "text_error": None,
        "urls": {
            "self": own,
            "page": f"http://testserver/images/{image.pk}/",
            "original": f"{own}original/",
            "thumbnails": {str(size): f"{own}thumbnail/{size}/{image.sha256}.webp" for size in THUMBNAIL_SIZES_PX},
        },
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"tag": "red"}, ["red"]),
        ({"tag": "RED"}, ["red"]),
        ({"tag": ["colour", "green"]}, ["green"]),
        ({"tag": "colour,blue"}, ["blue"]),
        ({"tag": "nothing"}, []),
        ({"q": "gre"}, ["green"]),
        ({"q": "a picture of BLUE"}, ["blue"]),
        ({"format": "png"}, ["blue", "green", "red"]),
        ({"format": "JPEG"}, []),
        ({"format": "heic"}, []),
        ({"visibility": "private"}, ["blue", "green", "red"]),
        ({"visibility": "public"}, []),
        ({"owner": "me"}, ["blue", "green", "red"]),
        ({"ordering": "name"}, ["blue", "green", "red"]),
        ({"ordering": "-name"}, ["red", "green", "blue"]),
        ({"ordering": "created_at"}, ["red", "green", "blue"]),
    ],
)
def test_list_is_narrowed_and_ordered(alice, three, query, expected):
    Image.objects.filter(original_name="blue.png").update(description="A picture of blue")

    rows = Api(alice).json("/images/", **query)["results"]

    assert [row["name"].removesuffix(".png") for row in rows] == expected


def test_owner_me_leaves_out_what_others_made_public(alice, bob, three, upload):
    upload(bob, content=drawn_picture("white"), visibility="public")

    assert len(ids(Api(alice).json("/images/"))) == 4
    assert len(ids(Api(alice).json("/images/", owner="me"))) == 3


def test_owner_me_needs_to_be_signed_in(three):
    response = Api().get("/images/", owner="me")

    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize(
    "query",
    [{"format": "SVG"}, {"visibility": "secret"}, {"owner": "alice"}, {"ordering": "password"}, {"q": "a\x00b"}],
)
def test_a_filter_that_does_not_exist_is_an_error(alice, query):
    response = Api(alice).get("/images/", **query)

    assert (response.status_code, response.json()["code"]) == (400, "invalid")
    assert list(response.json()["details"]) == list(query)


def test_pages(alice, three):
    api = Api(alice)

    first = api.json("/images/", page_size=2)
    second = api.client.get(first["next"]).json()

    assert (first["count"], first["previous"]) == (3, None)
    assert second["next"] is None
    assert ids(first) + ids(second) == [image.pk for image in reversed(three)]
    assert ids(api.json("/images/", page="last", page_size=2)) == ids(second)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"page": 0}, 400),
        ({"page": -1}, 400),
        ({"page": "abc"}, 400),
        ({"page": ""}, 400),
        ({"page": 2}, 404),
        ({"page": 10**14}, 404),
        ({"page": 10**40}, 400),
        ({"page_size": 0}, 400),
        ({"page_size": -1}, 400),
        ({"page_size": 201}, 400),
        ({"page_size": "x"}, 400),
        ({"page_size": 200}, 200),
        ({"page_size": 1, "page": 3}, 200),
    ],
)
def test_page_bounds(alice, three, query, status):
    assert Api(alice).get("/images/", **query).status_code == status


def test_upload_answers_201_with_the_picture(alice):
    content = drawn_picture()
    api = Api(alice)

    response = api.upload(content, "猫.png", description="一只猫", tags="猫, cat", visibility="public")

    body = response.json()
    assert response.status_code == 201
    assert response.headers["Location"] == body["urls"]["self"]
    assert (body["name"], body["description"], body["tags"]) == ("猫.png", "一只猫", ["cat", "猫"])
    assert (body["visibility"], body["owner"]) == ("public", "alice")
    assert b"".join(api.client.get(body["urls"]["original"]).streaming_content) == content


def test_upload_takes_tags_that_are_repeated(alice):
    body = Api(alice).upload(drawn_picture(), tags=["one", "two,three"]).json()

    assert sorted(body["tags"]) == ["one", "three", "two"]


def test_upload_is_private_unless_said_otherwise(alice):
    assert Api(alice).upload(drawn_picture()).json()["visibility"] == "private"


def test_upload_restores_a_picture_from_the_trash_with_its_labels(alice):
    api = Api(alice)
    first = api.upload(drawn_picture(), description="first", tags="a", visibility="public").json()
    move_to_trash(Image.objects.all(), by=OPERATOR)

    again = api.upload(drawn_picture(), "other.png", description="second", tags="b")

    assert again.status_code == 200
    assert again.json() == first == api.json(f"/images/{first['id']}/")


def test_the_same_bytes_answer_200_and_change_no_label(alice):
    api = Api(alice)
    first = api.upload(drawn_picture(), "first.png", description="mine", tags="a")

    again = api.upload(drawn_picture(), "second.png", description="other", tags="b", visibility="public")

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()


def test_the_same_bytes_of_another_owner_are_new(alice, bob):
    Api(alice).upload(drawn_picture())

    assert Api(bob).upload(drawn_picture()).status_code == 201


def test_patch_changes_only_what_it_names(alice, three):
    api = Api(alice)
    path = f"/images/{three[0].pk}/"

    described = api.patch(path, description="new").json()
    tagged = api.patch(path, tags=["Ä", "b"]).json()
    shown = api.patch(path, visibility="public").json()
    named = api.patch(path, original_name="旗.png").json()

    assert (described["description"], sorted(described["tags"])) == ("new", ["colour", "red"])
    assert (tagged["description"], sorted(tagged["tags"])) == ("new", ["b", "Ä"])
    assert (shown["visibility"], sorted(shown["tags"])) == ("public", ["b", "Ä"])
    assert (named["name"], named["description"]) == ("旗.png", "new")


def test_patch_takes_tags_as_a_text_and_as_a_form(alice, three):
    api = Api(alice)
    path = f"/images/{three[0].pk}/"

    assert sorted(api.patch(path, tags="x, y").json()["tags"]) == ["x", "y"]
    assert api.patch(path, tags=[]).json()["tags"] == []
    form = api.client.patch(API + path, "tags=v&tags=w", content_type="application/x-www-form-urlencoded")
    assert sorted(form.json()["tags"]) == ["v", "w"]


def test_patch_cleans_the_name_as_an_upload_does(alice, three):
    path = f"/images/{three[0].pk}/"

    assert Api(alice).patch(path, original_name="../../etc/red\u202e.png").json()["name"] == "red.png"
    assert Api(alice).patch(path, name="blue.png").json()["name"] == "blue.png"
    assert Api(alice).patch(path, name="...").json()["name"] == "blue.png"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"visibility": "everyone"}, "invalid_visibility"),
        ({"description": "x" * 2001}, "description_too_long"),
        ({"tags": ["x" * 65]}, "invalid_tag"),
        ({"tags": [str(number) for number in range(51)]}, "too_many_tags"),
        ({"tags": 5}, "invalid"),
        ({"tags": ["a", 5]}, "invalid"),
        ({"tags": ["\ud800"]}, "invalid"),
        ({"tags": None}, "invalid"),
        ({"description": ["a"]}, "invalid"),
        ({"description": "a\x00b"}, "invalid"),
        ({"description": "\ud800"}, "invalid"),
        ({"original_name": ""}, "invalid"),
        ({"original_name": "x" * 256}, "invalid"),
    ],
)
def test_patch_refuses_what_cannot_be(alice, three, changes, code):
    response = Api(alice).patch(f"/images/{three[0].pk}/", **changes)

    assert (response.status_code, response.json()["code"]) == (400, code)
    three[0].refresh_from_db()
    assert (three[0].original_name, three[0].visibility, three[0].description) == ("red.png", "private", "")


def test_original_and_thumbnails_are_asked_again_and_then_not_sent(alice, three):
    api = Api(alice)
    for path, kind in ((f"/images/{three[0].pk}/original/", "image/png"), *[
        (f"/images/{three[0].pk}/thumbnail/{size}/", "image/webp") for size in THUMBNAIL_SIZES_PX
    ]):  # fmt: skip
        response = api.get(path)
        again = api.client.get(API + path, headers={"If-None-Match": response.headers["ETag"]})

        assert (response.status_code, response.headers["Content-Type"]) == (200, kind)
        assert set(response.headers["Cache-Control"].split(", ")) == {"private", "no-cache"}
        with PillowImage.open(BytesIO(b"".join(response.streaming_content))) as opened:
            opened.load()
        assert again.status_code == 304


def test_an_etag_opens_nothing_to_a_stranger(alice, charlie, three):
    path = f"/images/{three[0].pk}/original/"
    etag = Api(alice).get(path).headers["ETag"]

    assert Api(charlie).client.get(API + path, headers={"If-None-Match": etag}).status_code == 404


def test_a_picture_s_address_answers_whatever_is_accepted(alice, three):
    path = f"{API}/images/{three[0].pk}/original/"

    assert Api(alice).client.get(path, headers={"Accept": "image/png"}).status_code == 200
    assert Api().client.get(path, headers={"Accept": "image/png"}).json()["code"] == "not_found"


@pytest.mark.parametrize("size", [0, 1, 99999])
def test_a_thumbnail_of_another_size_does_not_exist(alice, three, size):
    assert Api(alice).get(f"/images/{three[0].pk}/thumbnail/{size}/").status_code == 404


def test_a_lost_original_is_said(alice, three, data_dir):
    for path in (data_dir / "media" / "originals").rglob("*.png"):
        path.unlink()

    response = Api(alice).get(f"/images/{three[0].pk}/original/")

    assert (response.status_code, response.json()["code"]) == (410, "original_missing")


def test_similar_to_a_picture_that_waits_is_a_conflict(alice, three):
    response = Api(alice).get(f"/images/{three[0].pk}/similar/")

    assert (response.status_code, response.json()["code"]) == (409, "not_searchable")
    assert response.json()["details"] == {"image_id": three[0].pk, "status": "pending"}


@pytest.mark.parametrize("image_id", ["0", "999", "9" * 18, "9" * 30, "abc", "-1", "1.5", "%00"])
def test_a_picture_that_does_not_exist_is_a_404(alice, image_id):
    response = Api(alice).get(f"/images/{image_id}/")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/images/", "/albums/", "/tags/", "album"])
@pytest.mark.usefixtures("never_at_rest")
def test_lists_ask_as_often_for_one_as_for_three(alice, bob, upload, share, path):
    api = Api(alice)
    images = [upload(alice, content=drawn_picture("red"), tags="a0, b0")]
    album = share(images[0], bob, title="0")
    path = f"/albums/{album.pk}/images/" if path == "album" else path
    api.get(path)
    with CaptureQueriesContext(
        connection,
    ) as one:
        assert len(api.json(path)["results"]) in (1, 2)

    for number, colour in enumerate(COLOURS[1:3], start=1):
        images.append(upload(alice, content=drawn_picture(colour), tags=f"a{number}, b{number}"))
        share(images[-1], bob, title=str(number))
        AlbumImage.objects.create(album=album, image=images[-1], position=number)
    with CaptureQueriesContext(connection) as three:
        assert len(api.json(path)["results"]) in (3, 6)

    assert len(three) == len(one)


def test_an_album_keeps_its_order_whatever_else_a_picture_is_in(alice, bob, three, share):
    first, second, third = three
    album = share(first, bob, title="ordered")
    share(second, bob, title="another")
    AlbumImage.objects.create(album=album, image=third, position=1)
    AlbumImage.objects.create(album=album, image=second, position=2)

    api = Api(alice)

    assert ids(api.json(f"/albums/{album.pk}/images/")) == [first.pk, third.pk, second.pk]
    body = api.json(f"/albums/{album.pk}/")
    assert body == {
        "id": album.pk,
        "title": "ordered",
        "description": "",
        "owner": "alice",
        "created_at": body["created_at"],
        "image_count": 3,
        "urls": {
            "self": f"http://testserver{API}/albums/{album.pk}/",
            "images": f"http://testserver{API}/albums/{album.pk}/images/",
        },
    }


def test_tags_are_counted_and_unused_ones_left_out(alice, three):
    Tag.objects.named(["unused"])

    assert Api(alice).json("/tags/")["results"] == [
        {"name": "colour", "images": 3},
        {"name": "blue", "images": 1},
        {"name": "green", "images": 1},
        {"name": "red", "images": 1},
    ]


def test_the_use_of_a_token_is_noted_at_most_once_a_minute(alice):
    api = Api(alice)
    api.get("/stats/")
    first = ApiToken.objects.get().last_used_at
    api.get("/stats/")
    assert ApiToken.objects.get().last_used_at == first

    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    api.get("/stats/")
    assert ApiToken.objects.get().last_used_at > first
