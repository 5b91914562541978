"""How much a library may hold: judged alike by page, API and command, exact however many bring pictures in at once."""

import json
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from gallery.byte_amounts import bytes_in_words
from gallery.errors import LibraryTooLarge, TooManyPictures
from gallery.models import OPERATOR, AuditEntry, Image, LibraryUse, User
from gallery.services.curation import delete_forever, move_to_trash
from gallery.services.ingest import accept_upload
from gallery.services.labels import Labels
from gallery.services.quotas import quota_of
from tests.conftest import acting, drawn_picture
from tests.in_threads import at_once
from tests.integration.api_client import Api
from tests.integration.test_pages_upload import UPLOAD, UPLOAD_FILE, file_of, send
from tests.pages import as_user, text_of

pytestmark = pytest.mark.usefixtures("quick_encoder")
ACCOUNT = "/accounts/"
COLOURS = ["red", "green", "blue", "black", "white", "pink", "brown", "gold"]
PICTURES = [drawn_picture(colour) for colour in COLOURS]
FULL = "This library holds 1 pictures; the limit is 1. Delete some for good (those in the trash count), or ask"


def bring_in(owner: User, content: bytes, *, by: Any = None) -> Image:
    actor = by or acting(owner)
    return accept_upload(BytesIO(content), owner=owner, name="a.png", labels=Labels(), by=actor).image


def imported(folder: Path, owner: User) -> dict[str, Any]:
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("import_images", str(folder), owner=owner.username, json=True, stdout=out, stderr=StringIO())
    return json.loads(out.getvalue())


def test_full_library_takes_no_picture_by_page_script_and_api(alice, bob, limits_of):
    limits_of(quota_pictures=1)
    bring_in(alice, PICTURES[0])

    form = send(alice, file_of("b.png", PICTURES[1]))
    script = send(alice, file_of("b.png", PICTURES[1]), url=UPLOAD_FILE)
    api = Api(alice).upload(PICTURES[1])

    assert [form.status_code, script.status_code, api.status_code] == [403] * 3
    assert FULL in text_of(form)
    assert script.json()["message"].startswith(FULL)
    assert api.json()["code"] == "too_many_pictures"
    assert api.json()["details"]["limit"] == 1
    assert Image.objects.count() == 1
    assert Api(bob).upload(PICTURES[1]).status_code == 201


def test_library_of_too_many_bytes_is_told_its_bytes(alice, limits_of):
    limits_of(quota_bytes=len(PICTURES[0]) + 10)
    bring_in(alice, PICTURES[0])

    refused = Api(alice).upload(PICTURES[1])

    assert refused.status_code == 413
    assert refused.json()["code"] == "library_too_large"
    used, sent = refused.json()["details"]["used_bytes"], refused.json()["details"]["size_bytes"]
    assert (used, sent) == (len(PICTURES[0]), len(PICTURES[1]))


def test_command_is_refused_alike_and_told_an_operators_remedy(alice, limits_of, tmp_path):
    limits_of(quota_pictures=2)
    for colour, picture in zip(COLOURS[:3], PICTURES, strict=False):
        (tmp_path / f"{colour}.png").write_bytes(picture)

    report = imported(tmp_path, alice)

    assert report["added"] == 2
    [failure] = report["failed"]
    assert failure["error"] == (
        "This library holds 2 pictures; the limit is 2. "
        "Raise the limit of “alice” in the admin, or the one of all with IMAGESEARCH_QUOTA_PICTURES."
    )
    assert Image.objects.count() == 2


def test_refusal_is_said_in_chinese(alice, limits_of):
    limits_of(quota_pictures=1)
    bring_in(alice, PICTURES[0])
    api = Api(alice)
    api.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "zh-hans"

    assert api.upload(PICTURES[1]).json()["message"] == (
        "此图库已有 1 张图片，上限为 1 张。请彻底删除一些图片（回收站中的也计算在内），或请站点运营者提高上限。"
    )


@pytest.mark.parametrize(("account", "site", "taken"), [(2, 1, 2), (0, 1, 3), (None, 1, 1), (1, 0, 1), (None, 0, 3)])
def test_account_says_more_than_the_settings(alice, limits_of, account, site, taken):
    limits_of(quota_pictures=site)
    alice.quota_pictures = account
    alice.save()

    statuses = [Api(alice).upload(picture).status_code for picture in PICTURES[:3]]

    assert statuses == [201] * taken + [403] * (3 - taken)


def test_megabytes_of_an_account_are_millions_of_bytes(alice):
    alice.quota_mb = 1
    alice.save()
    bring_in(alice, PICTURES[0])
    LibraryUse.objects.update(size_bytes=1_000_000 - len(PICTURES[1]) + 1)

    assert Api(alice).upload(PICTURES[1]).status_code == 413

    LibraryUse.objects.update(size_bytes=1_000_000 - len(PICTURES[1]))

    assert Api(alice).upload(PICTURES[1]).status_code == 201


def test_same_bytes_again_need_no_room(alice, limits_of):
    limits_of(quota_pictures=1)
    image = bring_in(alice, PICTURES[0])

    again = Api(alice).upload(PICTURES[0])
    move_to_trash(Image.objects.all(), by=OPERATOR)
    from_trash = Api(alice).upload(PICTURES[0])

    assert (again.status_code, from_trash.status_code) == (200, 200)
    assert again.json()["id"] == from_trash.json()["id"] == image.pk


def test_trash_counts_and_deletion_for_good_makes_room(alice, limits_of):
    limits_of(quota_pictures=1)
    bring_in(alice, PICTURES[0])
    move_to_trash(Image.objects.all(), by=OPERATOR)

    in_trash = Api(alice).upload(PICTURES[1])
    delete_forever(Image.objects.all(), by=OPERATOR)

    assert in_trash.status_code == 403
    assert Api(alice).upload(PICTURES[1]).status_code == 201


def test_what_there_is_no_room_for_is_not_decoded(alice, limits_of, decoded):
    limits_of(quota_pictures=1)
    bring_in(alice, PICTURES[0])
    decoded.clear()

    Api(alice).upload(PICTURES[1])

    assert decoded == []


def test_lowered_limit_takes_nothing_away(alice, limits_of):
    for picture in PICTURES[:3]:
        bring_in(alice, picture)

    limits_of(quota_pictures=1)

    assert Image.objects.count() == 3
    assert "This library holds 3 pictures; the limit is 1." in Api(alice).upload(PICTURES[3]).json()["message"]


def test_refused_picture_leaves_no_file(alice, limits_of, data_dir, monkeypatch):
    limits_of(quota_pictures=1)
    bring_in(alice, PICTURES[0])
    before = sorted(path for path in (data_dir / "media").rglob("*") if path.is_file())
    monkeypatch.setattr("gallery.services.ingest._refuse_early", lambda *_args, **_named: None)

    with pytest.raises(TooManyPictures, match="the limit is 1"):
        bring_in(alice, PICTURES[1])

    assert sorted(path for path in (data_dir / "media").rglob("*") if path.is_file()) == before


@pytest.mark.parametrize("kind", ["pictures", "bytes"])
def test_quota_is_exact_when_many_upload_at_once(alice, limits_of, kind):
    by_size = sorted(PICTURES, key=len)
    limits_of(**{"quota_pictures": 3} if kind == "pictures" else {"quota_bytes": 3 * len(by_size[-1])})

    def act(number: int) -> bool:
        try:
            bring_in(alice, PICTURES[number])
        except (TooManyPictures, LibraryTooLarge):
            return False
        return True

    let_in = at_once(8, act).count(True)

    assert let_in == Image.objects.count() == LibraryUse.objects.get().images == 3


def test_quota_tells_what_is_used(alice, limits_of):
    limits_of(quota_pictures=2)
    image = bring_in(alice, PICTURES[0])

    quota = quota_of(alice)

    assert (quota.pictures.used, quota.pictures.limit) == (1, 2)
    assert (quota.size_bytes.used, quota.size_bytes.limit) == (image.size_bytes, None)
    assert (quota.is_limited, quota.is_used_up) == (True, False)


def test_account_page_shows_what_is_used_of_what(alice, limits_of):
    limits_of(quota_pictures=1_200)
    alice.quota_mb = 2_000
    alice.save()
    bring_in(alice, PICTURES[0])

    page = text_of(as_user(alice).get(ACCOUNT))

    assert '1 of 1,200 <progress max="1200" value="1" aria-labelledby="use-pictures">' in page
    assert f"{bytes_in_words(len(PICTURES[0]))} of 2 GB" in page
    assert f"{bytes_in_words(len(PICTURES[0]))} of 20 GB" in page
    assert "Your library is full." not in page


def test_account_page_of_a_full_library_says_what_helps(alice, limits_of):
    limits_of(quota_pictures=1)
    bring_in(alice, PICTURES[0])

    page = text_of(as_user(alice).get(ACCOUNT))

    assert (
        "Your library is full. Delete some for good (those in the trash count), or ask the operator for more." in page
    )


def test_account_page_without_limits_shows_none(alice, limits_of):
    limits_of(upload_bytes_per_hour=0)
    bring_in(alice, PICTURES[0])

    page = text_of(as_user(alice).get(ACCOUNT))

    assert page.count("(no limit)") == 3
    assert "<progress" not in page


def test_upload_page_tells_the_room_before_one_hits_its_end(alice, limits_of):
    before = text_of(as_user(alice).get(UPLOAD))
    limits_of(quota_pictures=2, quota_bytes=5_000_000, upload_bytes_per_hour=1)
    bring_in(alice, PICTURES[0])
    some_left = text_of(as_user(alice).get(UPLOAD))
    bring_in(alice, PICTURES[1], by=OPERATOR)
    full = text_of(as_user(alice).get(UPLOAD))

    assert "Your library" not in before
    assert "Your library holds 1 of 2 pictures." in some_left
    assert f"Your library holds {bytes_in_words(len(PICTURES[0]))} of 5 MB." in some_left
    assert f"you have sent {bytes_in_words(len(PICTURES[0]))}; the limit is 1 byte." in some_left
    assert "Your library is full." not in some_left
    assert "Your library is full." in full


def test_api_tells_what_is_used_of_what_to_oneself_alone(alice, bob, limits_of):
    limits_of(quota_pictures=5)
    image = bring_in(alice, PICTURES[0])

    body = Api(alice).json("/account/")

    assert body["pictures"] == {"used": 1, "limit": 5}
    assert body["size_bytes"] == {"used": image.size_bytes, "limit": None}
    assert body["sent_bytes"] == {"used": image.size_bytes, "limit": 20_000_000_000}
    assert Api(bob).json("/account/")["pictures"] == {"used": 0, "limit": 5}
    assert Api().get("/account/").status_code == 401


def test_curators_with_the_right_change_a_members_limits_and_it_is_written_down(alice, staff):
    client = as_user(staff)
    form = {
        "username": "alice",
        "email": alice.email,
        "quota_pictures": "7",
        "quota_mb": "",
        "date_joined_0": "2026-01-01",
    }

    answer = client.post(
        f"/admin/gallery/user/{alice.pk}/change/", form | {"date_joined_1": "00:00:00", "is_active": "on"}
    )

    alice.refresh_from_db()
    assert answer.status_code == 302
    assert (alice.quota_pictures, alice.quota_mb) == (7, None)
    assert AuditEntry.objects.get(object_kind="gallery.user").after == {"quota_pictures": 7}


def test_members_see_no_admin_of_limits(alice, bob):
    assert as_user(bob).get(f"/admin/gallery/user/{alice.pk}/change/").status_code == 302
