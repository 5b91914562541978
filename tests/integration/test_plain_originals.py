"""What of an original reaches whom: its owner gets every byte, others nothing planted, unless the owner says so."""

import re
from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.test import Client
from PIL import Image as PillowImage

from gallery.models import OPERATOR, AuditEntry, Image, User, Visibility
from gallery.services.curation import delete_forever, relabel
from gallery.services.labels import Labels
from gallery.services.maintenance import repair, verify
from gallery.services.media import copy_path, original_path
from tests import planted_metadata as planted
from tests.conftest import acting, drawn_picture
from tests.integration.api_client import API, Api
from tests.pages import as_user, text_of

DOORS = pytest.mark.parametrize("door", ["", API])
OTHERS = ("anonymous", "bob", "charlie", "staff")
CHOICES = [  # of the account, of the picture, whether others get the whole file
    (False, None, False), (True, None, True), (False, True, True), (True, False, False), (False, False, False),
]  # fmt: skip
UPLOADED = {
    "JPEG": (planted.planted_jpeg, "image/jpeg", "jpg"),
    "PNG": (planted.planted_png, "image/png", "png"),
    "WebP": (planted.planted_webp, "image/webp", "webp"),
    "GIF": (planted.planted_gif, "image/gif", "gif"),
    "BMP": (planted.planted_bmp, "image/bmp", "bmp"),
    "JPEG XL": (planted.planted_jpeg_xl, "image/jxl", "jxl"),
    "TIFF": (lambda: planted.planted_by_pillow("TIFF"), "image/jpeg", "jpg"),
    "AVIF": (lambda: planted.planted_by_pillow("AVIF"), "image/jpeg", "jpg"),
    "HEIC": (lambda: planted.planted_by_pillow("HEIF"), "image/jpeg", "jpg"),
    "HEIC with alpha": (lambda: planted.planted_by_pillow("HEIF", "RGBA"), "image/webp", "webp"),
}


@pytest.fixture(autouse=True)
def no_embedding(quick_worker):
    """Pictures stay in the queue: what they show is not asked here."""
    quick_worker.works = False


@pytest.fixture
def photo(alice, bob, upload, share) -> Image:
    """A photo of alice with everything planted, in an album that bob is a member of."""
    image = upload(alice, "photo.jpg", content=planted.planted_jpeg(), visibility=Visibility.PUBLIC)
    share(image, bob)
    return image


def original(client: Client, image: Image, *, door: str = "", **headers: str) -> Any:
    return client.get(f"{door}/images/{image.pk}/original/", headers=headers)


@DOORS
def test_only_the_owner_gets_the_stored_bytes(visitors, photo, door):
    sent = {name: original(client, photo, door=door).getvalue() for name, client in visitors.items()}

    assert sent.pop("alice") == planted.planted_jpeg()
    assert {name: planted.is_told(content) for name, content in sent.items()} == {name: [] for name in OTHERS}
    assert len(set(sent.values())) == 1


@DOORS
def test_members_of_an_album_get_no_position_either(bob, photo, door):
    Image.objects.update(visibility=Visibility.SHARED)

    answer = original(as_user(bob), photo, door=door)

    assert (answer.status_code, planted.is_told(answer.getvalue())) == (200, [])


def test_programs_get_what_their_account_gets(alice, charlie, photo):
    path = f"/images/{photo.pk}/original/"

    assert Api(alice).get(path).getvalue() == planted.planted_jpeg()
    assert Api(alice, read_only=True).get(path).getvalue() == planted.planted_jpeg()
    assert planted.is_told(Api(charlie).get(path).getvalue()) == []
    assert planted.is_told(Api().get(path).getvalue()) == []


@pytest.mark.parametrize("choice", CHOICES)
def test_the_owner_chooses_for_the_picture_or_for_the_account(visitors, alice, photo, choice):
    account, picture, whole = choice
    User.objects.filter(pk=alice.pk).update(gives_whole_originals=account)
    Image.objects.update(gives_whole_original=picture)

    sent = {name: original(client, photo).getvalue() == planted.planted_jpeg() for name, client in visitors.items()}

    assert sent == {"alice": True} | dict.fromkeys(OTHERS, whole)


@pytest.mark.parametrize("kind", UPLOADED)
def test_no_format_tells_others_anything(alice, charlie, upload, kind):
    make, mime_type, extension = UPLOADED[kind]
    image = upload(alice, f"photo.{kind.lower()}", content=make(), visibility=Visibility.PUBLIC)

    whole, plain = original(as_user(alice), image), original(as_user(charlie), image)
    content = plain.getvalue()

    assert whole.getvalue() == make()
    assert planted.is_told(make()) != []
    assert planted.is_told(content) == []
    assert plain.headers["Content-Type"] == mime_type
    assert plain.headers["Content-Length"] == str(len(content))
    if mime_type != whole.headers["Content-Type"]:
        assert plain.headers["Content-Disposition"] == f'inline; filename="photo.{extension}"'
    with PillowImage.open(BytesIO(content)) as picture:
        turned = picture.getexif().get(274, 1) >= 5
        assert (picture.size[::-1] if turned else picture.size) == (image.width_px, image.height_px)


@DOORS
def test_each_form_has_its_own_etag(alice, charlie, photo, door):
    owners, others = as_user(alice), as_user(charlie)
    whole, plain = original(owners, photo, door=door), original(others, photo, door=door)
    tags = [answer.headers["ETag"] for answer in (whole, plain)]

    again = {
        (who, tag): original(client, photo, door=door, **{"If-None-Match": tag}).status_code
        for who, client in (("alice", owners), ("charlie", others))
        for tag in tags
    }

    assert tags == [f'"{photo.sha256}"', f'"{photo.sha256}-plain-1"']
    assert again == {
        ("alice", tags[0]): 304, ("alice", tags[1]): 200, ("charlie", tags[0]): 200, ("charlie", tags[1]): 304,
    }  # fmt: skip


@DOORS
def test_what_is_kept_of_an_original_depends_on_who_asks(charlie, photo, door):
    client = as_user(charlie)
    first = original(client, photo, door=door)
    again = original(client, photo, door=door, **{"If-None-Match": first.headers["ETag"]})

    for answer in (first, again):
        assert {"Cookie", "Authorization"} <= set(answer.headers["Vary"].split(", "))
        assert set(answer.headers["Cache-Control"].split(", ")) == {"private", "no-cache"}


@DOORS
def test_head_tells_of_the_same_form(charlie, photo, door):
    client, path = as_user(charlie), f"{door}/images/{photo.pk}/original/?download"

    got, head = client.get(path), client.head(path)

    for name in ("ETag", "Content-Length", "Content-Type", "Content-Disposition"):
        assert head.headers[name] == got.headers[name]
    assert got.headers["Content-Disposition"] == 'attachment; filename="photo.jpg"'


def test_a_file_that_tells_nothing_is_sent_byte_for_byte(alice, charlie, upload):
    content = planted.jpeg_bytes()
    image = upload(alice, "plain.jpg", content=content, visibility=Visibility.PUBLIC)

    assert original(as_user(charlie), image).getvalue() == content


def test_the_api_describes_the_stored_bytes_and_says_who_gets_them(alice, charlie, staff, photo):
    Image.objects.update(gives_whole_original=False)
    fields = ("md5", "sha256", "size_bytes", "original_is_whole", "others_get_whole_original", "gives_whole_original")
    stored = (photo.md5, photo.sha256, len(planted.planted_jpeg()))

    told = {
        name: tuple(Api(user).json(f"/images/{photo.pk}/")[field] for field in fields)
        for name, user in (("alice", alice), ("charlie", charlie), ("staff", staff), ("anonymous", None))
    }

    assert told == {
        "alice": (*stored, True, False, False),
        "charlie": (*stored, False, False, None),
        "staff": (*stored, False, False, None),
        "anonymous": (*stored, False, False, None),
    }


@pytest.mark.parametrize("whole", [False, True])
def test_the_page_says_what_one_gets_and_to_the_owner_what_others_get(alice, charlie, photo, whole):
    Image.objects.update(gives_whole_original=whole)
    owners, others = (text_of(as_user(user).get(f"/images/{photo.pk}/")) for user in (alice, charlie))

    if whole:
        assert "You and others get the file as it is, with its position" in owners
        assert "<dd>The file as it is, with all its metadata.</dd>" in others
    else:
        assert "You get the file as it is; others get it without position" in owners
        assert "<dd>Without position, serial numbers and other metadata.</dd>" in others


def test_no_page_or_answer_tells_what_was_planted(alice, charlie, photo):
    client = as_user(charlie)
    paths = [f"/images/{photo.pk}/", f"{API}/images/{photo.pk}/", f"{API}/images/", "/"]
    paths += [f"{door}/images/{photo.pk}/thumbnail/{size}/" for door in ("", API) for size in (400, 1280)]

    for path in paths:
        answer = client.get(path)
        content = answer.getvalue() if answer.streaming else answer.content
        assert (path, answer.status_code) == (path, 200)
        for secret in (b"SERIAL", b"OWNER", planted.LATITUDE, b"48.8", b"48,51"):
            assert secret not in content, (path, secret)


def test_the_choice_is_made_at_upload(alice):
    client = as_user(alice)
    for number, (value, choice) in enumerate({"": None, "true": True, "false": False}.items()):
        with BytesIO(drawn_picture(("red", "green", "blue")[number])) as file:
            file.name = "one.png"
            client.post("/upload/file/", {"files": file, "gives_whole_original": value})
        assert Image.objects.newest()[0].gives_whole_original is choice


def test_the_choice_is_made_on_the_edit_page(alice, photo):
    client, path = as_user(alice), f"/images/{photo.pk}/edit/"
    form = {"description": "", "tags": "", "visibility": "public"}

    client.post(path, form | {"gives_whole_original": "true"})
    photo.refresh_from_db()
    shown = text_of(client.get(path))
    entry = AuditEntry.objects.newest()[0]

    assert photo.gives_whole_original is True
    assert '<option value="true" selected>' in shown
    assert (entry.before, entry.after) == ({"gives_whole_original": None}, {"gives_whole_original": True})
    assert client.post(path, form | {"gives_whole_original": "perhaps"}).status_code == 400


def test_a_curator_changes_labels_but_not_what_others_get(staff, photo):
    form = {"description": "curated", "tags": "", "visibility": "public", "gives_whole_original": "true"}

    page = as_user(staff).post(f"/images/{photo.pk}/edit/", form)
    described = Api(staff).patch(f"/images/{photo.pk}/", description="by program")
    refused = Api(staff).patch(f"/images/{photo.pk}/", gives_whole_original=True)

    photo.refresh_from_db()
    assert (page.status_code, described.status_code, refused.status_code) == (302, 200, 403)
    assert (photo.description, photo.gives_whole_original) == ("by program", None)
    with pytest.raises(PermissionDenied):
        relabel(photo, Labels(gives_whole_original=True), by=acting(staff))


def test_programs_choose_at_upload_and_later(alice):
    api = Api(alice)

    new = api.upload(drawn_picture(), gives_whole_original="true").json()
    path = f"/images/{new['id']}/"
    kept = api.patch(path, description="kept").json()
    in_a_form = api.client.patch(
        API + path, data="description=form", content_type="application/x-www-form-urlencoded"
    )  # fmt: skip
    back = api.patch(path, gives_whole_original=None).json()

    assert [each["gives_whole_original"] for each in (new, kept, back)] == [True, True, None]
    assert in_a_form.status_code in (200, 415)
    assert Api(alice).json(path)["gives_whole_original"] is None
    assert api.patch(path, gives_whole_original="perhaps").status_code == 400


def test_the_account_page_changes_the_default(alice, charlie, photo):
    client = as_user(alice)

    before = text_of(client.get("/accounts/"))
    changed = client.post("/accounts/", {"gives_whole_originals": "true"})

    assert re.search('value="false"[^>]* checked', before)
    assert changed.status_code == 302
    assert original(as_user(charlie), photo).getvalue() == planted.planted_jpeg()
    entry = AuditEntry.objects.about(alice).newest()[0]
    assert (entry.before, entry.after) == ({"gives_whole_originals": False}, {"gives_whole_originals": True})
    assert client.post("/accounts/", {"gives_whole_originals": "perhaps"}).status_code == 400
    assert Client().get("/accounts/").status_code == 302


def test_the_account_page_is_each_ones_own(alice, charlie):
    as_user(charlie).post("/accounts/", {"gives_whole_originals": "true"})

    assert dict(User.objects.values_list("username", "gives_whole_originals")) == {"alice": False, "charlie": True}


def test_programs_change_the_default(alice, charlie, photo):
    api = Api(alice)

    before = api.json("/account/")
    after = api.patch("/account/", gives_whole_originals=True)

    assert (before["username"], before["gives_whole_originals"]) == ("alice", False)
    assert (after.status_code, after.json()) == (200, before | {"gives_whole_originals": True})
    assert original(as_user(charlie), photo).getvalue() == planted.planted_jpeg()
    entry = AuditEntry.objects.about(alice).newest()[0]
    assert (entry.door, entry.after) == ("api", {"gives_whole_originals": True})
    assert Api(charlie).json("/account/")["gives_whole_originals"] is False


def test_the_session_changes_the_default_through_the_api(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    client.get("/accounts/")
    token = client.cookies["csrftoken"].value

    answers = [
        client.patch(f"{API}/account/", {"gives_whole_originals": True}, "application/json", headers=headers)
        for headers in ({}, {"X-CSRFToken": token})
    ]

    assert [answer.status_code for answer in answers] == [403, 200]
    assert client.get(f"{API}/account/").json()["gives_whole_originals"] is True


@pytest.mark.parametrize("changes", [{"gives_whole_originals": value} for value in (None, "true", 1, [True])])
def test_the_default_is_true_or_false(alice, changes):
    assert Api(alice).patch("/account/", **changes).status_code == 400
    assert Api(alice).json("/account/")["gives_whole_originals"] is False


def test_an_account_is_for_those_who_have_one(alice):
    reader = Api(alice, read_only=True)

    assert reader.get("/account/").status_code == 200
    assert reader.patch("/account/", gives_whole_originals=True).status_code == 403
    assert [Api().get("/account/").status_code, Api().patch("/account/").status_code] == [401, 401]
    assert Api(alice).patch("/account/").json()["gives_whole_originals"] is False


# Copies


@pytest.fixture
def heic(alice, upload) -> Image:
    content = planted.planted_by_pillow("HEIF")
    return upload(alice, "photo.heic", content=content, visibility=Visibility.PUBLIC)


def test_a_copy_is_made_once(charlie, heic, monkeypatch):
    first = original(as_user(charlie), heic).getvalue()
    monkeypatch.setattr("gallery.services.media.copy_without_metadata", None)

    again = original(as_user(charlie), heic).getvalue()

    assert first == again
    assert default_storage.exists(copy_path(heic.sha256, "JPEG"))
    assert verify().problems == ()


def test_a_copy_goes_with_the_last_picture_of_its_content(alice, bob, charlie, upload, heic):
    upload(bob, "same.heic", content=planted.planted_by_pillow("HEIF"))
    original(as_user(charlie), heic)

    delete_forever(Image.objects.filter(owner=alice), by=OPERATOR)
    while_used = default_storage.exists(copy_path(heic.sha256, "JPEG"))
    delete_forever(Image.objects.filter(owner=bob), by=OPERATOR)

    assert (while_used, default_storage.exists(copy_path(heic.sha256, "JPEG"))) == (True, False)


def test_a_copy_that_nobody_uses_is_found_and_removed(charlie, heic):
    original(as_user(charlie), heic)
    Image.objects.all().delete()

    found = sorted(problem.detail for problem in verify().problems if "copies" in problem.detail)

    assert found == [copy_path(heic.sha256, "JPEG")]
    repair(by=OPERATOR)
    assert verify().problems == ()


def test_a_damaged_file_is_never_sent_as_it_is(alice, charlie, photo):
    with default_storage.open(original_path(photo.sha256, "JPEG"), "wb") as stored:
        content = planted.planted_jpeg()
        stored.write(content[:2] + b"PLANTED" + content[2:])

    answer = original(as_user(charlie), photo)

    content = answer.getvalue() if answer.streaming else answer.content
    assert planted.is_told(content) == []
    assert answer.headers["Content-Type"] == "image/jpeg" or answer.status_code == 409


def test_where_no_copy_can_be_made_others_get_an_error_and_the_owner_the_file(alice, charlie, heic, limits_of):
    limits_of(max_pixels=1)

    page, answer = original(as_user(charlie), heic), Api(charlie).get(f"/images/{heic.pk}/original/")

    assert (page.status_code, answer.status_code, answer.json()["code"]) == (409, 409, "no_plain_copy")
    assert "ask the owner to give others the whole file" in text_of(page)
    assert original(as_user(alice), heic).getvalue() == planted.planted_by_pillow("HEIF")


def test_a_lost_original_is_told_to_others_too(charlie, photo, heic):
    for image in (photo, heic):
        default_storage.delete(original_path(image.sha256, image.format))

    assert [original(as_user(charlie), image).status_code for image in (photo, heic)] == [410, 410]


@pytest.mark.odd_files
def test_of_camera_raw_others_get_what_is_shown_of_it(alice, charlie, upload, odd_files):
    content = (odd_files / "C1_camera_raw.dng").read_bytes()
    image = upload(alice, "photo.dng", content=content, visibility=Visibility.PUBLIC)

    whole, plain = original(as_user(alice), image), original(as_user(charlie), image)

    assert whole.getvalue() == content
    assert plain.headers["Content-Disposition"] == 'inline; filename="photo.jpg"'
    with PillowImage.open(BytesIO(plain.getvalue())) as picture:
        assert (picture.format, dict(picture.getexif())) == ("JPEG", {})


@pytest.mark.odd_files
def test_a_jpeg_without_its_end_is_copied_for_others(alice, charlie, upload, odd_files):
    content = (odd_files / "A1_jpeg_without_eoi.jpg").read_bytes()
    image = upload(alice, "cut.jpg", content=content, visibility=Visibility.PUBLIC)

    sent = original(as_user(charlie), image).getvalue()

    assert sent != content
    with PillowImage.open(BytesIO(sent)) as picture:
        assert picture.size == (image.width_px, image.height_px)
