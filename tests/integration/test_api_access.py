"""Every endpoint is asked by everybody: what may not be seen does not exist, what may not be changed stays."""

import pytest
from django.conf import settings as django_settings
from django.test import Client

from gallery.imaging import THUMBNAIL_SIZES_PX
from gallery.models import OPERATOR, Image
from tests.conftest import drawn_picture
from tests.integration.api_client import API, Api, ids

SIZE = min(THUMBNAIL_SIZES_PX)
READ = {  # who gets what for a picture of alice
    "private": {"alice": 200, "bob": 404, "charlie": 404, "staff": 200, "anonymous": 404, "read_only": 200},
    "shared": {"alice": 200, "bob": 200, "charlie": 404, "staff": 200, "anonymous": 404, "read_only": 200},
    "public": {"alice": 200, "bob": 200, "charlie": 200, "staff": 200, "anonymous": 200, "read_only": 200},
}
WRITE = {
    "private": {"alice": 200, "bob": 404, "charlie": 404, "staff": 200, "anonymous": 401, "read_only": 403},
    "shared": {"alice": 200, "bob": 403, "charlie": 404, "staff": 200, "anonymous": 401, "read_only": 403},
    "public": {"alice": 200, "bob": 403, "charlie": 403, "staff": 200, "anonymous": 401, "read_only": 403},
}


@pytest.fixture
def cast(alice, bob, charlie, staff):
    return {
        "alice": Api(alice),
        "bob": Api(bob),
        "charlie": Api(charlie),
        "staff": Api(staff),
        "anonymous": Api(),
        "read_only": Api(alice, read_only=True),
    }


@pytest.fixture
def pictures(alice, bob, upload, share):
    """One picture of alice for every visibility; bob is a member of an album that holds them all."""
    made = {
        name: upload(alice, f"{name}.png", content=drawn_picture(colour), visibility=name, tags=f"{name}-tag")
        for name, colour in (("private", "red"), ("shared", "green"), ("public", "blue"))
    }
    for image in made.values():
        share(image, bob, title=f"With {image.visibility}")
    return made


@pytest.mark.parametrize("ending", ["", "similar/", "original/", f"thumbnail/{SIZE}/"])
def test_reading_a_picture(cast, pictures, ending):
    answers = {
        visibility: {who: api.get(f"/images/{image.pk}/{ending}").status_code for who, api in cast.items()}
        for visibility, image in pictures.items()
    }

    assert answers == READ


@pytest.mark.parametrize("visibility", list(WRITE))
def test_changing_a_picture(cast, pictures, visibility):
    image = pictures[visibility]

    answers = {who: api.patch(f"/images/{image.pk}/", description=who).status_code for who, api in cast.items()}

    assert answers == WRITE[visibility]
    image.refresh_from_db()
    assert image.description == "staff"


@pytest.mark.parametrize("visibility", list(WRITE))
def test_deleting_a_picture(cast, pictures, visibility):
    image = pictures[visibility]
    refused = {who: code for who, code in WRITE[visibility].items() if code != 200}

    answers = {who: cast[who].delete(f"/images/{image.pk}/").status_code for who in refused}

    assert answers == refused
    assert cast["alice"].delete(f"/images/{image.pk}/").status_code == 204
    assert cast["alice"].get(f"/images/{image.pk}/").status_code == 404
    assert not Image.objects.filter(pk=image.pk).exists()


def test_a_curator_deletes_a_stranger_s_picture(cast, pictures):
    assert cast["staff"].delete(f"/images/{pictures['private'].pk}/").status_code == 204


def test_lists_searches_tags_and_statistics_hold_only_what_may_be_seen(cast, pictures):
    seen = {who: {visibility for visibility, answers in READ.items() if answers[who] == 200} for who in READ["private"]}
    by_id = {image.pk: visibility for visibility, image in pictures.items()}
    for who, api in cast.items():
        expected = seen[who]
        found = {by_id[image_id] for image_id in ids(api.json("/images/"))}
        searched = {by_id[image_id] for image_id in ids(api.json("/search/", q="a red square"))}
        posted = {by_id[image_id] for image_id in ids(api.post("/search/", {"text": "square"}).json())}
        similar = {by_id[image_id] for image_id in ids(api.json(f"/images/{pictures['public'].pk}/similar/"))} | {
            "public"
        }
        tags = {row["name"].removesuffix("-tag") for row in api.json("/tags/")["results"]}
        statistics = api.json("/stats/")

        assert (who, found, searched, posted, similar, tags) == (who, *[expected] * 5)
        assert statistics["images"] == len(expected)
        assert statistics["formats"] == {"PNG": len(expected)}
        assert statistics["size_bytes"] == sum(pictures[name].size_bytes for name in expected)


def test_albums_are_for_owner_members_and_curators(cast, pictures):
    album = pictures["private"].albums.get()

    lists = {who: len(api.json("/albums/")["results"]) for who, api in cast.items()}
    details = {who: api.get(f"/albums/{album.pk}/").status_code for who, api in cast.items()}

    assert lists == {"alice": 3, "bob": 3, "charlie": 0, "staff": 3, "anonymous": 0, "read_only": 3}
    assert details == {"alice": 200, "bob": 200, "charlie": 404, "staff": 200, "anonymous": 404, "read_only": 200}


def test_an_album_shows_its_members_no_private_picture(cast, pictures):
    album = pictures["private"].albums.get()

    assert cast["bob"].json(f"/albums/{album.pk}/")["image_count"] == 0
    assert ids(cast["bob"].json(f"/albums/{album.pk}/images/")) == []
    assert ids(cast["alice"].json(f"/albums/{album.pk}/images/")) == [pictures["private"].pk]
    assert cast["charlie"].get(f"/albums/{album.pk}/images/").status_code == 404


def test_uploading_needs_an_account_and_a_token_that_may_write(cast):
    answers = {who: api.upload(drawn_picture()).status_code for who, api in cast.items()}

    assert answers == {"alice": 201, "bob": 201, "charlie": 201, "staff": 201, "anonymous": 401, "read_only": 403}


@pytest.mark.parametrize("token", ["ims_wrong", "", "two words", "\x00", "käse"])
def test_an_invalid_token_is_refused_everywhere(alice, upload, token):
    image = upload(alice, content=drawn_picture(), visibility="public")
    api = Api()
    header = {"HTTP_AUTHORIZATION": f"Bearer {token}"}

    paths = ["/images/", f"/images/{image.pk}/", "/search/?q=red", "/albums/", "/tags/", "/stats/"]
    answers = [api.client.get(API + path, **header) for path in paths]

    assert [answer.status_code for answer in answers] == [401] * len(paths)
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {"Bearer"}
    assert api.client.delete(f"{API}/images/{image.pk}/", **header).status_code == 401


def test_the_token_of_a_closed_account_is_refused(alice):
    api = Api(alice)
    alice.is_active = False
    alice.save()

    assert api.get("/images/").status_code == 401


def test_a_picture_in_the_trash_is_gone_for_everyone(cast, pictures):
    from gallery.services.curation import move_to_trash

    image = pictures["public"]
    move_to_trash(Image.objects.filter(pk=image.pk), by=OPERATOR)

    assert {who: api.get(f"/images/{image.pk}/").status_code for who, api in cast.items()} == dict.fromkeys(cast, 404)
    assert image.pk not in ids(cast["alice"].json("/images/"))


def test_a_session_reads_and_writes_only_with_a_csrf_token(alice, upload):
    image = upload(alice, content=drawn_picture())
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    path = f"{API}/images/{image.pk}/"
    client.get("/api/v1/docs/")
    token = client.cookies[django_settings.CSRF_COOKIE_NAME].value

    without = client.patch(path, {"description": "x"}, content_type="application/json")
    with_token = client.patch(
        path, {"description": "y"}, content_type="application/json", headers={"X-CSRFToken": token}
    )

    assert client.get(path).status_code == 200
    assert (without.status_code, without.json()["code"]) == (403, "permission_denied")
    assert with_token.status_code == 200


def test_embed_error_is_told_only_to_those_who_may_change_the_picture(cast, pictures):
    Image.objects.filter(pk=pictures["public"].pk).update(embedding_row=None, embed_error="The disk is full.")

    told = {who: api.json(f"/images/{pictures['public'].pk}/")["embed_error"] for who, api in cast.items()}

    why = "The disk is full."
    assert told == {
        "alice": why, "bob": None, "charlie": None, "staff": why, "anonymous": None, "read_only": why
    }  # fmt: skip
    assert Api().json(f"/images/{pictures['public'].pk}/")["status"] == "failed"


def test_the_owner_s_statistics_of_mine(alice, bob, upload):
    upload(alice, content=drawn_picture("red"))
    upload(bob, content=drawn_picture("blue"), visibility="public")

    statistics = Api(alice).json("/stats/")

    assert (statistics["images"], statistics["mine"]["images"]) == (2, 1)
    assert Api().json("/stats/")["mine"] is None
