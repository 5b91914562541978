"""One picture: who may open its page and files, change it, throw it away and bring it back."""

from html import unescape
from io import BytesIO
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image as PillowImage

from gallery.models import OPERATOR, Image, User, Visibility
from gallery.services.curation import move_to_trash
from gallery.services.media import original_path, thumbnail_path
from gallery.services.search import Result, ResultPage
from gallery.views import image as image_view
from tests.conftest import drawn_picture, sample_bytes
from tests.odd_files import raw_file
from tests.pages import as_user, images_on, text_of
from tests.picture_files import register_writers

READS = ("", "original/", "thumbnail/400/", "thumbnail/1280/", "similar/")


def statuses(visitors: dict[str, Client], path: str, *, method: str = "get", **data: Any) -> dict[str, int]:
    return {name: getattr(client, method)(path, data).status_code for name, client in visitors.items()}


def form_of(**values: str) -> dict[str, str]:
    return {"description": "", "tags": "", "visibility": "private"} | values


@pytest.mark.parametrize("part", READS)
def test_a_private_picture_does_not_exist_for_others(alice, visitors, upload, part):
    secret = upload(alice)
    good = 302 if part == "similar/" else 200

    found = statuses(visitors, f"/images/{secret.pk}/{part}")

    assert found == {"anonymous": 404, "alice": good, "bob": 404, "charlie": 404, "staff": good}


@pytest.mark.parametrize("part", READS)
def test_a_shared_picture_opens_for_members_of_its_album(visitors, upload, share, part):
    shared = upload(User.objects.get(username="alice"), visibility=Visibility.SHARED)
    share(shared, User.objects.get(username="bob"))
    good = 302 if part == "similar/" else 200

    found = statuses(visitors, f"/images/{shared.pk}/{part}")

    assert found == {"anonymous": 404, "alice": good, "bob": good, "charlie": 404, "staff": good}


@pytest.mark.parametrize("part", READS)
def test_a_public_picture_opens_for_everyone(alice, visitors, upload, part):
    public = upload(alice, visibility=Visibility.PUBLIC)
    good = 302 if part == "similar/" else 200

    assert set(statuses(visitors, f"/images/{public.pk}/{part}").values()) == {good}


@pytest.mark.parametrize("verb", ["edit/", "delete/"])
@pytest.mark.parametrize(("visibility", "refusal"), [(Visibility.PUBLIC, 403), (Visibility.PRIVATE, 404)])
def test_only_owner_and_curators_change_a_picture(visitors, upload, verb, visibility, refusal):
    picture = upload(User.objects.get(username="alice"), visibility=visibility)
    path, form = f"/images/{picture.pk}/{verb}", form_of(visibility=visibility)

    refused = {name: visitors[name].post(path, form).status_code for name in ("anonymous", "bob", "charlie")}
    curators = visitors["staff"].post(path, form).status_code
    Image.objects.update(trashed_at=None)
    owners = visitors["alice"].post(path, form).status_code

    assert refused == {"anonymous": refusal, "bob": refusal, "charlie": refusal}
    assert (curators, owners) == (302, 302)


def test_a_curator_may_move_a_picture_to_the_trash(alice, staff, upload):
    picture = upload(alice)

    answer = as_user(staff).post(f"/images/{picture.pk}/delete/")

    assert answer.headers["Location"] == "/"
    picture.refresh_from_db()
    assert picture.trashed_at is not None


def test_the_page_tells_the_facts(alice, upload):
    picture = upload(alice, "chelsea.png", description="A cat\nlooks up", tags="cat,样例/b", visibility="public")

    text = text_of(as_user(alice).get(f"/images/{picture.pk}/"))

    for fact in ("451 × 300 px", "PNG", "240.5 kB", picture.md5, "alice", "public: everyone", "Searchable", "A cat"):
        assert fact in text
    assert "?tag=%E6%A0%B7%E4%BE%8B%2Fb" in text
    assert f'alt="{picture.description}"'.replace("\n", " ") in text


def test_the_page_tells_how_a_photo_was_taken(alice, upload):
    picture = upload(alice)
    exif = {"camera_make": "Maker", "camera_model": "M1", "exposure_s": 0.004, "f_number": 2.8, "iso": 400}
    Image.objects.filter(pk=picture.pk).update(exif=exif)

    text = text_of(as_user(alice).get(f"/images/{picture.pk}/"))

    for fact in ("Maker M1", "1/250 s", "f/2.8", "<dd>400</dd>"):
        assert fact in text


def test_only_who_may_edit_sees_buttons_and_why_embedding_failed(alice, charlie, upload):
    picture = upload(alice, visibility=Visibility.PUBLIC)
    Image.objects.filter(pk=picture.pk).update(embedding_row=None, embed_error="The vector is not finite.")

    owners, strangers = (text_of(as_user(user).get(f"/images/{picture.pk}/")) for user in (alice, charlie))

    assert "The vector is not finite." in owners
    assert "Move to trash" in owners
    assert "The vector is not finite." not in strangers
    assert "Move to trash" not in strangers


def test_similar_pictures_come_as_a_part(alice, upload):
    cat, coffee = upload(alice, "chelsea.png"), upload(alice, "coffee.png")
    client = as_user(alice)

    part = client.get(f"/images/{cat.pk}/similar/", headers={"HX-Request": "true"})

    assert images_on(part) == [coffee.pk]
    assert "<html" not in text_of(part)
    assert client.get(f"/images/{cat.pk}/similar/").headers["Location"] == f"/search/?like={cat.pk}"


@pytest.mark.parametrize(("is_near", "is_folded"), [(True, False), (False, True)])
def test_similar_pictures_that_are_no_near_relatives_are_folded(alice, upload, monkeypatch, is_near, is_folded):
    cat, coffee = upload(alice, "chelsea.png"), upload(alice, "coffee.png")
    page = ResultPage(
        "offline", (Result(coffee, 0.3, is_near, 0.5),), searched=1, confident_count=int(is_near), milliseconds=1.0
    )
    monkeypatch.setattr(image_view, "similar_images", lambda *_, **__: page)

    part = as_user(alice).get(f"/images/{cat.pk}/similar/", headers={"HX-Request": "true"})

    above, _fold, below = text_of(part).partition('<details class="less-likely">')
    assert ("No near relative here." in above) is is_folded
    assert ("coffee.png" in below) is is_folded
    assert images_on(part) == [coffee.pk]


def test_edit_shows_and_saves_the_labels(alice, upload):
    picture = upload(alice, tags="old,older", description="before")
    client = as_user(alice)

    form = text_of(client.get(f"/images/{picture.pk}/edit/"))
    answer = client.post(
        f"/images/{picture.pk}/edit/", form_of(description=" after ", tags="New，样例", visibility="public")
    )

    picture.refresh_from_db()
    assert 'value="old, older"' in form
    assert answer.headers["Location"] == f"/images/{picture.pk}/"
    assert (picture.description, picture.visibility) == ("after", "public")
    assert {tag.name for tag in picture.tags.all()} == {"New", "样例"}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"tags": "x" * 65}, "has 65 characters"),
        ({"tags": ",".join(str(n) for n in range(51))}, "There are 51 tags; the limit is 50."),
        ({"description": "x" * 2001}, "The description has 2,001 characters; the limit is 2,000."),
        ({"visibility": "secret"}, "secret is not one of the available choices"),
    ],
)
def test_edit_refuses_what_is_too_long_and_saves_nothing(alice, upload, values, sentence):
    picture = upload(alice, description="before", tags="kept")

    page = as_user(alice).post(f"/images/{picture.pk}/edit/", form_of(**values))

    picture.refresh_from_db()
    assert page.status_code == 400
    assert sentence in text_of(page)
    assert picture.description == "before"
    assert [tag.name for tag in picture.tags.all()] == ["kept"]


def test_delete_moves_to_the_trash_with_a_way_back(alice, charlie, upload):
    picture = upload(alice)
    client = as_user(alice)

    client.post(f"/images/{picture.pk}/delete/")
    text = text_of(client.get("/"))

    assert "“chelsea.png” is in the trash." in text
    assert f'action="/images/{picture.pk}/restore/"' in text
    assert client.get(f"/images/{picture.pk}/").status_code == 404
    assert as_user(charlie).post(f"/images/{picture.pk}/restore/").status_code == 404
    assert client.post(f"/images/{picture.pk}/restore/").headers["Location"] == f"/images/{picture.pk}/"
    assert client.get(f"/images/{picture.pk}/").status_code == 200
    assert client.post(f"/images/{picture.pk}/restore/").status_code == 404


@pytest.mark.parametrize("verb", ["delete", "restore"])
def test_a_link_alone_changes_nothing(alice, upload, verb):
    picture = upload(alice)

    assert as_user(alice).get(f"/images/{picture.pk}/{verb}/").status_code == 405
    assert Image.objects.live().count() == 1


def test_the_original_comes_back_byte_for_byte(alice, upload):
    picture = upload(alice)
    client = as_user(alice)

    shown, downloaded = (
        client.get(f"/images/{picture.pk}/original/"),
        client.get(f"/images/{picture.pk}/original/?download=1"),
    )

    assert shown.getvalue() == downloaded.getvalue() == sample_bytes("chelsea.png")
    assert shown.headers["Content-Type"] == "image/png"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Content-Disposition"] == 'inline; filename="chelsea.png"'
    assert downloaded.headers["Content-Disposition"] == 'attachment; filename="chelsea.png"'


@pytest.mark.parametrize(
    ("has_preview", "shown"), [(True, "the camera's preview"), (False, "developed from the sensor's data")]
)
def test_page_of_a_raw_file_says_what_is_shown(alice, upload, has_preview, shown):
    image = upload(alice, "sea.nef", content=raw_file(preview=has_preview))

    page = unescape(as_user(alice).get(f"/images/{image.pk}/").content.decode())

    assert "<dd>RAW</dd>" in page
    assert f"<dd>{shown}</dd>" in page


@pytest.mark.parametrize(
    ("kind", "label", "headers"),
    [
        ("HEIF", "HEIC", ("image/heic", "attachment")),
        ("JXL", "JPEG XL", ("image/jxl", "attachment")),
        ("TIFF", "TIFF", ("image/tiff", "attachment")),
        ("AVIF", "AVIF", ("image/avif", "inline")),
        ("WEBP", "WebP", ("image/webp", "inline")),
    ],
)
def test_what_browsers_cannot_show_is_downloaded(alice, upload, kind, label, headers):
    register_writers()
    content = drawn_picture(format=kind)
    picture = upload(alice, f"sea.{kind.lower()}", content=content)
    client = as_user(alice)

    page, original = client.get(f"/images/{picture.pk}/"), client.get(f"/images/{picture.pk}/original/")

    assert f"<dd>{label}</dd>" in page.content.decode()
    assert original.getvalue() == content
    assert (original.headers["Content-Type"], original.headers["Content-Disposition"].split(";")[0]) == headers
    assert client.get(f"/images/{picture.pk}/thumbnail/400/").getvalue()[8:12] == b"WEBP"


def test_a_download_keeps_a_name_in_any_script(alice, upload):
    picture = upload(alice, '猫 "one"; x.png', content=drawn_picture())

    answer = as_user(alice).get(f"/images/{picture.pk}/original/?download=1")

    assert answer.headers["Content-Disposition"] == "attachment; filename*=utf-8''%E7%8C%AB%20%22one%22%3B%20x.png"


@pytest.mark.parametrize("part", ["original/", "thumbnail/400/"])
def test_unchanged_bytes_are_not_sent_again(alice, charlie, upload, part):
    picture = upload(alice)
    path = f"/images/{picture.pk}/{part}"
    client = as_user(alice)
    first = client.get(path)

    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert picture.sha256 in first.headers["ETag"]
    assert "private" in first.headers["Cache-Control"]
    assert "Cookie" in first.headers["Vary"]
    assert again.status_code == 304
    assert as_user(charlie).get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 404


def test_thumbnails_are_webp_of_the_known_sizes_only(alice, upload):
    picture = upload(alice, "retina.jpg")
    client = as_user(alice)

    small = client.get(f"/images/{picture.pk}/thumbnail/400/")

    with PillowImage.open(BytesIO(small.getvalue())) as opened:
        assert (opened.format, max(opened.size)) == ("WEBP", 400)
    assert small.headers["Content-Type"] == "image/webp"
    assert client.get(f"/images/{picture.pk}/thumbnail/401/").status_code == 404
    assert client.get(f"/images/{picture.pk}/thumbnail/{'9' * 30}/").status_code == 404


def test_the_trash_shows_small_pictures_to_its_owner_only(alice, visitors, upload):
    picture = upload(alice, visibility=Visibility.PUBLIC)
    move_to_trash(Image.objects.filter(pk=picture.pk), by=OPERATOR)

    small = statuses(visitors, f"/images/{picture.pk}/thumbnail/400/")

    assert small == {"anonymous": 404, "alice": 200, "bob": 404, "charlie": 404, "staff": 200}
    assert visitors["alice"].get(f"/images/{picture.pk}/original/").status_code == 404


def test_a_lost_thumbnail_is_made_again(alice, upload):
    picture = upload(alice)
    default_storage.delete(thumbnail_path(picture.sha256, 400))

    assert as_user(alice).get(f"/images/{picture.pk}/thumbnail/400/").status_code == 200


def test_a_lost_original_is_told_not_an_error_of_ours(alice, upload):
    picture = upload(alice)
    default_storage.delete(original_path(picture.sha256, picture.format))
    client = as_user(alice)

    page = client.get(f"/images/{picture.pk}/original/")

    assert page.status_code == 410
    assert "no longer in the storage" in text_of(page)
    assert client.get(f"/images/{picture.pk}/").status_code == 200


@pytest.mark.parametrize("pk", ["0", "9" * 30])
def test_a_picture_that_was_never_there_is_not_found(alice, pk):
    assert as_user(alice).get(f"/images/{pk}/").status_code == 404


@pytest.mark.usefixtures("never_at_rest")
def test_the_page_asks_the_database_as_often_for_three_tags_as_for_one(alice, upload):
    client = as_user(alice)
    one = upload(alice, "1.png", content=drawn_picture("red"), tags="a")
    three = upload(alice, "2.png", content=drawn_picture("blue"), tags="a,b,c")

    counts = []
    for picture in (one, three):
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/images/{picture.pk}/")
        counts.append(len(queries))

    assert counts[0] == counts[1]
