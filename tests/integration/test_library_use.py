"""How much each library holds: exact whoever brings in and deletes pictures, and however many do at once."""

from io import BytesIO

import pytest
from django.db.models import Count, Sum

from gallery.models import OPERATOR, Image, LibraryUse, User
from gallery.services.accounts import delete_accounts
from gallery.services.curation import delete_forever, move_to_trash, restore
from gallery.services.ingest import accept_upload
from gallery.services.labels import Labels
from tests.conftest import acting, drawn_picture
from tests.in_threads import at_once

pytestmark = pytest.mark.usefixtures("quick_encoder")
COLOURS = ["red", "green", "blue", "black", "white", "pink", "brown", "gold"]


def held_by(owner: User) -> tuple[int, int]:
    use = LibraryUse.objects.of(owner.pk)
    return use.images, use.size_bytes


def counted_of(owner: User) -> tuple[int, int]:
    totals = Image.objects.filter(owner=owner).aggregate(images=Count("pk"), size_bytes=Sum("size_bytes", default=0))
    return totals["images"], totals["size_bytes"]


def test_use_follows_uploads_and_deletions(alice, bob, upload):
    first, second = upload(alice, content=drawn_picture("red")), upload(alice, content=drawn_picture("blue"))
    upload(bob, content=drawn_picture("red"))
    both = held_by(alice)

    delete_forever(Image.objects.filter(pk=first.pk), by=OPERATOR)

    assert both == (2, first.size_bytes + second.size_bytes)
    assert held_by(alice) == (1, second.size_bytes)
    assert held_by(bob) == (1, first.size_bytes)


def test_same_bytes_again_and_the_trash_change_nothing(alice, upload):
    image = upload(alice)
    seen = []

    move_to_trash(Image.objects.all(), by=OPERATOR)
    seen.append(held_by(alice))
    upload(alice)
    upload(alice)
    seen.append(held_by(alice))
    move_to_trash(Image.objects.all(), by=OPERATOR)
    restore(Image.objects.all(), by=OPERATOR)

    assert [*seen, held_by(alice)] == [(1, image.size_bytes)] * 3


def test_library_from_before_is_counted_once(alice, upload):
    upload(alice, content=drawn_picture("red"))
    upload(alice, content=drawn_picture("blue"))
    LibraryUse.objects.all().delete()

    upload(alice, content=drawn_picture("green"))

    assert held_by(alice) == counted_of(alice)


def test_library_from_before_is_counted_when_something_is_deleted_first(alice, upload):
    image = upload(alice, content=drawn_picture("red"))
    upload(alice, content=drawn_picture("blue"))
    LibraryUse.objects.all().delete()

    delete_forever(Image.objects.filter(pk=image.pk), by=OPERATOR)

    assert LibraryUse.objects.get().images == 1
    assert held_by(alice) == counted_of(alice)


def test_deletion_of_several_peoples_pictures_is_taken_from_each(alice, bob, upload):
    for owner in (alice, bob):
        for colour in COLOURS[:3]:
            upload(owner, content=drawn_picture(colour))
    kept = Image.objects.filter(owner=bob).first()

    delete_forever(Image.objects.exclude(pk=kept.pk), by=OPERATOR)

    assert held_by(alice) == (0, 0)
    assert held_by(bob) == (1, kept.size_bytes)


def test_refused_picture_is_not_counted(alice, upload, monkeypatch):
    upload(alice)
    monkeypatch.setattr("gallery.services.ingest._write_down_new", lambda *_args, **_named: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        upload(alice, content=drawn_picture("red"))

    assert held_by(alice) == counted_of(alice) == (1, Image.objects.get().size_bytes)


@pytest.mark.parametrize("is_counted", [True, False], ids=["counted", "never counted"])
def test_use_is_exact_after_uploads_and_deletions_at_once(alice, upload, is_counted):
    pictures = [drawn_picture(colour) for colour in COLOURS]
    there = [upload(alice, content=picture) for picture in pictures[:4]]
    if not is_counted:
        LibraryUse.objects.all().delete()

    def act(number: int) -> None:
        if number < 4:
            delete_forever(Image.objects.filter(pk=there[number].pk), by=OPERATOR)
        else:
            picture = BytesIO(pictures[number])
            accept_upload(picture, owner=alice, name="a.png", labels=Labels(), by=acting(alice))

    at_once(8, act)

    assert counted_of(alice)[0] == 4
    assert held_by(alice) == counted_of(alice)


def test_use_goes_with_its_account(alice, bob, upload):
    upload(alice)
    upload(bob)

    delete_accounts([alice.pk], by=OPERATOR)

    assert LibraryUse.objects.get().owner == bob
