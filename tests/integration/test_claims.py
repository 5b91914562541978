"""Several processes share what waits: each picture is one's at a time, and nobody's for long."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from gallery.models import Claim, Image
from gallery.models.claim import CLAIM, NOBODY
from gallery.services.embedding.claimed_images import embed_pending, embed_some, embed_these
from gallery.services.holders import free_claims_of_the_dead, holding
from tests.conftest import drawn_picture
from tests.in_threads import at_once

COLOURS = ("red", "lime", "blue", "yellow", "gray", "white", "black")


@pytest.fixture
def waiting(alice, upload, quick_encoder, quick_worker) -> list[Image]:
    quick_worker.works = False
    return [upload(alice, f"{colour}.png", content=drawn_picture(colour)) for colour in COLOURS]


def taken(holder: str, count: int = 100) -> list[int]:
    return [image.pk for image in Claim.objects.take(Image.objects.pending(), holder=holder, count=count)]


def later(monkeypatch, by: timedelta) -> None:
    moment = timezone.now() + by
    monkeypatch.setattr(timezone, "now", lambda: moment)


def test_picture_is_one_holders_at_a_time_the_oldest_first(waiting):
    ids = [image.pk for image in waiting]

    assert taken("one", 3) == ids[:3]
    assert taken("two") == ids[3:]
    assert taken("one") == []


def test_claim_expires(waiting, monkeypatch):
    ids = taken("one")

    later(monkeypatch, CLAIM - timedelta(seconds=1))
    assert taken("two") == []
    later(monkeypatch, timedelta(seconds=2))
    assert taken("two") == ids
    assert set(Claim.objects.values_list("holder", flat=True)) == {"two"}


def test_claim_that_is_renewed_does_not_expire(waiting, monkeypatch):
    taken("one")
    later(monkeypatch, CLAIM - timedelta(seconds=1))
    Claim.objects.renew("one")
    later(monkeypatch, timedelta(seconds=2))

    assert taken("two") == []


def test_picture_that_is_done_meanwhile_is_not_taken(waiting):
    Image.objects.filter(pk=waiting[0].pk).update(embed_error="gone")

    assert waiting[0].pk not in taken("one")
    assert not Claim.objects.filter(image_id=waiting[0].pk).exists()


def test_many_holders_at_once_share_without_doubling(waiting):
    def take(number: int) -> list[int]:
        return [image_id for _ in range(3) for image_id in taken(f"holder {number}", 1)]

    found = [image_id for ids in at_once(4, take) for image_id in ids]

    assert sorted(found) == [image.pk for image in waiting]


def test_claims_last_as_long_as_their_holder(waiting):
    with holding() as holder:
        taken(holder)
        free_claims_of_the_dead()
        assert Claim.objects.count() == len(waiting)  # it lives
    assert not Claim.objects.exists()


def test_what_cannot_be_done_now_is_left_alone_for_a_while(waiting, quick_encoder, monkeypatch):
    monkeypatch.setattr(quick_encoder, "encode_images", lambda _pixels: (_ for _ in ()).throw(OSError("the disk")))

    assert embed_some(holder="one").embedded == 0
    monkeypatch.undo()

    assert set(Claim.objects.values_list("holder", flat=True)) == {NOBODY}
    assert embed_some(holder="one").count == 0
    later(monkeypatch, CLAIM + timedelta(seconds=1))
    assert embed_some(holder="one").embedded == len(waiting)


def test_whoever_asks_for_all_tries_at_once_what_was_left_alone(waiting, quick_encoder, monkeypatch):
    monkeypatch.setattr(quick_encoder, "encode_images", lambda _pixels: (_ for _ in ()).throw(OSError("the disk")))
    embed_some(holder="one")
    monkeypatch.undo()

    assert embed_pending().embedded == len(waiting)


def test_import_waits_for_what_another_works_on(waiting, quick_encoder):
    ids = [image.pk for image in waiting]
    taken("another", 2)
    Claim.objects.of("another").update(expires_at=timezone.now() + timedelta(seconds=1))

    report = embed_these(ids, holder="import")  # the other is dead: its claims expire

    assert report.embedded == len(waiting)
    assert not Claim.objects.exists()


def test_encoder_that_does_not_work_leaves_no_claim_for_good(waiting, quick_encoder, monkeypatch):
    def refuse(_pixels):
        raise RuntimeError("no weights")

    monkeypatch.setattr(quick_encoder, "encode_images", refuse)
    with pytest.raises(Exception, match="no weights"):
        embed_some(holder="one")
    monkeypatch.undo()

    call_command("embed_pending", "--json")
    assert Image.objects.searchable().count() == len(waiting)
