"""Pictures that came before their files were read: what they say is read once more, and nothing of people is lost."""

import json

import pytest
from django.core.management import call_command

from gallery.models import AuditEntry, AuditVerb, Image
from gallery.services.curation import move_to_trash, relabel
from gallery.services.labels import Labels
from gallery.services.media import original_path
from tests.conftest import acting
from tests.integration.test_embedded_words import TAKEOUT, words_of
from tests.worded_cases import LOCAL, WORDS
from tests.worded_pictures import exif, picture

FILE = picture(xmp=WORDS, exif=exif(DateTimeOriginal=LOCAL, OffsetTimeOriginal="+08:00", Make="Canon"))


@pytest.fixture(autouse=True)
def no_embedding(quick_worker):
    """Pictures stay in the queue: nothing here searches."""
    quick_worker.works = False


@pytest.fixture
def old(alice, upload):
    """A picture as a version before left it: the site's wall clock, no offset, no stars."""
    image = upload(alice, "photo.jpg", content=FILE)
    site_clock = image.taken_at.replace(hour=1)
    Image.objects.filter(pk=image.pk).update(taken_at=site_clock, taken_offset_minutes=None, exif={})
    image.refresh_from_db()
    return image


@pytest.fixture
def read(capsys):
    def run(*options: str) -> dict:
        call_command("read_metadata", "--json", *options)
        return json.loads(capsys.readouterr().out)

    return run


def counts(report: dict) -> tuple[int, int, int]:
    return report["pictures"], report["dated"], report["worded"]


def test_date_and_stars_are_read_again_and_words_are_left(old, read):
    report = read()

    old.refresh_from_db()
    assert counts(report) == (1, 1, 0)
    assert (old.taken_text, words_of(old)) == ("2020-05-06T07:08:09+08:00", ("", [], 4))
    assert old.exif["camera_make"] == "Canon"


def test_second_run_changes_nothing(old, read):
    read("--words")
    entries = AuditEntry.objects.count()

    assert counts(read("--words")) == (1, 0, 0)
    assert AuditEntry.objects.count() == entries


def test_words_come_where_nobody_wrote_any_and_are_audited(old, read):
    report = read("--words", "--owner", "alice")

    old.refresh_from_db()
    assert counts(report) == (1, 1, 1)
    assert words_of(old) == ("Summer at the lake\nAnna swims", ["lake", "夏天"], 4)
    entry = AuditEntry.objects.filter(verb=AuditVerb.CHANGED).get()
    assert (entry.object_id, entry.after["tags"]) == (old.pk, ["lake", "夏天"])


@pytest.mark.parametrize("labels", [Labels(description="Mine"), Labels(tags=("mine",))])
def test_words_of_people_stay(old, read, labels):
    relabel(old, labels, by=acting(old.owner))

    assert read("--words")["worded"] == 0
    old.refresh_from_db()
    assert words_of(old)[:2] == (labels.description, list(labels.tags))


def test_words_that_people_took_away_do_not_come_back(old, read, alice):
    read("--words")
    old.refresh_from_db()
    relabel(old, Labels(), by=acting(alice))

    assert read("--words")["worded"] == 0
    old.refresh_from_db()
    assert words_of(old)[:2] == ("", [])


@pytest.mark.usefixtures("alice", "quick_encoder")
def test_date_from_a_file_beside_the_picture_stays(tmp_path, capsys, read):
    (tmp_path / "photo.jpg").write_bytes(picture())
    (tmp_path / "photo.jpg.json").write_text(json.dumps(TAKEOUT))
    call_command("import_images", str(tmp_path), "--owner", "alice", "--json")
    capsys.readouterr()

    assert counts(read()) == (1, 0, 0)
    assert Image.objects.get().taken_text == "2020-05-05T23:08:09Z"


def test_one_bad_original_stops_nobody(alice, old, upload, data_dir, capsys):
    broken = upload(alice, "broken.jpg", content=picture(colour="red"))
    (data_dir / "media" / original_path(broken.sha256, broken.format)).unlink()

    with pytest.raises(SystemExit) as caught:
        call_command("read_metadata", "--json")

    report = json.loads(capsys.readouterr().out)
    assert (caught.value.code, counts(report)) == (1, (2, 1, 0))
    assert [(each["id"], each["name"]) for each in report["failed"]] == [(broken.pk, "broken.jpg")]


def test_trash_and_others_are_left(old, upload, bob, alice, read):
    upload(bob, "photo.jpg", content=FILE)
    move_to_trash(Image.objects.filter(pk=old.pk), by=acting(alice))

    assert counts(read("--owner", "alice")) == (0, 0, 0)
