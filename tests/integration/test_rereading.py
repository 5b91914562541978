"""Pictures that came before their files were read: what they say is read once more, and nothing of people is lost."""

import json

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from gallery.jobs.periodic import CHORES, PeriodicChores
from gallery.models import OPERATOR, AuditEntry, AuditVerb, Image, PeriodicWork, access_triggers
from gallery.services import rereading
from gallery.services.curation import move_to_trash, relabel
from gallery.services.labels import Labels
from gallery.services.media import original_path
from tests.conftest import acting, drawn_picture
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


def portions_of_worker() -> int:
    """Let a worker do what is due until nothing is left; return how many portions the pictures were."""
    chores = PeriodicChores([chore for chore in CHORES if chore.name == "metadata"])
    count = 1
    while chores.step():
        count += 1
    return count


def upgraded_from_before() -> None:
    access_triggers.remove(connection)  # as `migrate` does before
    MigrationExecutor(connection).migrate([("gallery", "0031_periodic_failures")])
    call_command("migrate", verbosity=0)


def test_worker_reads_once_what_came_before_an_upgrade(alice, upload, old, monkeypatch):
    monkeypatch.setattr(rereading, "REREAD_IN_A_PORTION", 2)
    trashed, *others = (upload(alice, content=drawn_picture(colour)) for colour in ("red", "lime", "blue"))
    move_to_trash(Image.objects.filter(pk=trashed.pk), by=OPERATOR)
    upgraded_from_before()
    upload(alice, content=drawn_picture("white"))
    read: list[int] = []
    told = rereading._told
    monkeypatch.setattr(rereading, "_told", lambda image, limits: (read.append(image.pk), told(image, limits))[1])

    portions = portions_of_worker()
    PeriodicWork.objects.update(begun_at="2020-01-01T00:00:00Z")  # it is due again
    portions_later = portions_of_worker()

    old.refresh_from_db()
    assert (old.taken_text, old.exif["camera_make"]) == ("2020-05-06T07:08:09+08:00", "Canon")
    assert (portions, portions_later) == (2, 1)
    assert sorted(read) == sorted([old.pk, *(image.pk for image in others)])


def test_worker_takes_no_words(old):
    upgraded_from_before()

    portions_of_worker()

    old.refresh_from_db()
    assert words_of(old)[:2] == ("", [])


def test_new_library_has_nothing_to_be_read_again(transactional_db):
    upgraded_from_before()

    assert not PeriodicWork.objects.exists()


def test_worker_goes_on_after_what_cannot_be_read(alice, upload, old, data_dir, caplog):
    gone = upload(alice, content=drawn_picture("red"))
    (data_dir / "media" / original_path(gone.sha256, gone.format)).unlink()
    upgraded_from_before()

    portions_of_worker()

    old.refresh_from_db()
    assert old.exif["camera_make"] == "Canon"
    assert PeriodicWork.objects.get().place is None
    assert f"Picture {gone.pk} cannot be read again" in caplog.text
