from datetime import timedelta
from io import BytesIO

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.utils import timezone

from gallery.errors import TooManyTags
from gallery.models import OPERATOR, WORKER, Image, QueryPicture
from gallery.search_index import SearchIndex
from gallery.services import curation
from gallery.services.curation import add_tags, delete_forever, move_to_trash, remove_tags, restore
from gallery.services.query_pictures import remember_picture
from gallery.text.tag_names import MAX_TAGS_PER_IMAGE
from tests.conftest import drawn_picture


def test_adding_tags_past_the_limit_changes_no_picture(alice, upload):
    full = upload(alice, content=drawn_picture("red"), tags=[f"tag {n}" for n in range(MAX_TAGS_PER_IMAGE)])
    other = upload(alice, content=drawn_picture("blue"))

    with pytest.raises(TooManyTags, match="51 tags; the limit is 50"):
        add_tags(Image.objects.filter(owner=alice), "one more", by=OPERATOR)

    assert full.tags.count() == MAX_TAGS_PER_IMAGE
    assert other.tags.count() == 0


def test_adding_tags_that_are_there_already_is_no_addition(alice, upload):
    full = upload(alice, content=drawn_picture("red"), tags=[f"tag {n}" for n in range(MAX_TAGS_PER_IMAGE)])

    assert add_tags(Image.objects.filter(owner=alice), "TAG 1，tag 2", by=OPERATOR) == 1
    assert full.tags.count() == MAX_TAGS_PER_IMAGE
    assert remove_tags(Image.objects.filter(owner=alice), "Tag 1, tag 2", by=OPERATOR) == 2
    assert full.tags.count() == MAX_TAGS_PER_IMAGE - 2


def test_empty_trash_deletes_only_what_lay_there_too_long(alice, upload, settings, capsys):
    old, fresh, kept = (upload(alice, content=drawn_picture(colour)) for colour in ("red", "green", "blue"))
    days = settings.GALLERY["trash_days"]
    Image.objects.filter(pk=old.pk).update(trashed_at=timezone.now() - timedelta(days=days, minutes=1))
    Image.objects.filter(pk=fresh.pk).update(trashed_at=timezone.now() - timedelta(days=days - 1))

    call_command("empty_trash", "--json")

    assert capsys.readouterr().out.strip() == '{"deleted": 1}'
    assert list(Image.objects.order_by("pk")) == [fresh, kept]


def test_worker_empties_the_trash_in_portions(alice, upload, monkeypatch):
    for colour in ("red", "green", "blue"):
        upload(alice, content=drawn_picture(colour))
    kept = upload(alice, content=drawn_picture("white"))
    long_ago = timezone.now() - timedelta(days=1_000)
    Image.objects.exclude(pk=kept.pk).update(trashed_at=long_ago)
    monkeypatch.setattr(curation, "DELETED_IN_A_PORTION", 2)

    deleted = [curation.empty_some_old_trash(by=WORKER) for _portion in range(3)]

    assert deleted == [2, 1, 0]
    assert list(Image.objects.all()) == [kept]


def test_deleting_spares_what_is_brought_back_before_its_turn(alice, upload, monkeypatch):
    first, second = upload(alice, content=drawn_picture("red")), upload(alice, content=drawn_picture("blue"))
    trash = Image.objects.filter(trashed_at__isnull=False)
    move_to_trash(Image.objects.all(), by=OPERATOR)
    delete_files = curation.delete_unused_files

    def bring_back_meanwhile(sha256, format):
        restore(Image.objects.filter(pk=second.pk), by=OPERATOR)
        return delete_files(sha256, format)

    monkeypatch.setattr(curation, "BATCH", 1)
    monkeypatch.setattr(curation, "delete_unused_files", bring_back_meanwhile)

    assert delete_forever(trash, by=OPERATOR) == 1
    assert list(Image.objects.values_list("pk", "embedding_row")) == [(second.pk, second.embedding_row)]
    assert not Image.objects.filter(pk=first.pk).exists()


def test_deleting_spares_what_is_brought_back_while_the_lock_is_waited_for(alice, upload, monkeypatch):
    picture = upload(alice, content=drawn_picture("red"))
    trash = Image.objects.filter(trashed_at__isnull=False)
    move_to_trash(Image.objects.all(), by=OPERATOR)
    removing = SearchIndex.removing

    def bring_back_meanwhile(index, image_ids):
        restore(Image.objects.filter(pk=picture.pk), by=OPERATOR)
        return removing(index, image_ids)

    monkeypatch.setattr(SearchIndex, "removing", bring_back_meanwhile)

    assert delete_forever(trash, by=OPERATOR) == 0
    picture.refresh_from_db()
    assert (picture.trashed_at, picture.is_searchable) == (None, True)


def test_pictures_that_people_search_with_have_an_end(alice, monkeypatch):
    monkeypatch.setattr("gallery.services.query_pictures.MAX_QUERY_PICTURES", 2)

    sent = [remember_picture(BytesIO(drawn_picture(colour)), name=colour) for colour in ("red", "green", "blue")]

    assert set(QueryPicture.objects.values_list("name", flat=True)) == {"green", "blue"}
    assert sent[-1].name == "blue"


def test_a_curator_needs_the_right_to_delete_for_good(alice, staff, client, upload):
    image = upload(alice, content=drawn_picture("red"), visibility="public")
    client.force_login(staff)
    staff.user_permissions.remove(Permission.objects.get(codename="delete_image"))

    refused = client.delete(f"/api/v1/images/{image.pk}/")
    staff.user_permissions.add(Permission.objects.get(codename="delete_image"))
    allowed = client.delete(f"/api/v1/images/{image.pk}/")

    assert (refused.status_code, allowed.status_code) == (403, 204)
