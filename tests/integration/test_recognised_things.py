"""What was recognised in pictures: kept beside their vectors, and told at every door."""

from collections.abc import Callable, Iterator

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from gallery.encoders import registry
from gallery.encoders.abilities import Thing
from gallery.jobs.periodic import CHORES, PeriodicChores
from gallery.models import (
    OPERATOR,
    AccessState,
    Image,
    IndexState,
    NextEmbedding,
    PeriodicWork,
    RecognisedThings,
    User,
    access_triggers,
)
from gallery.recognised import recognised_in_words
from gallery.search_index import search_index
from gallery.services.curation import delete_forever, embed_again, move_to_trash
from gallery.services.embedding import encoder_child, recognition
from gallery.services.embedding.claimed_images import embed_pending
from gallery.services.embedding.model_change import change_model
from gallery.services.embedding.recognition import recognise_some
from gallery.services.importing import find_files, import_files
from gallery.services.labels import check_labels
from gallery.services.media import original_path
from tests.conftest import drawn_picture
from tests.integration.api_client import Api
from tests.seeing_encoder import CHAIR, DOG, FAINT_DOG, SHOWN, SeeingEncoder

Draw = Callable[..., Image]


@pytest.fixture
def seeing(monkeypatch) -> Iterator[SeeingEncoder]:
    """Let the encoder “offline” be one that sees things, in trials too."""
    encoder = SeeingEncoder()
    monkeypatch.setattr(encoder_child, "CHILD_MODULE", "tests.seeing_encoder")
    with registry.using(encoder):
        yield encoder


@pytest.fixture
def draw(upload) -> Draw:
    def bring_in(owner: User, colour: str = "red", **labels: str) -> Image:
        return upload(owner, f"{colour}.png", content=drawn_picture(colour), **labels)

    return bring_in


def known() -> dict[str, tuple[Thing, ...] | None]:
    """Return what is known of each picture, by its colour."""
    seen = RecognisedThings.objects.seen_in(Image.objects.values_list("pk", flat=True))
    rows = RecognisedThings.objects.select_related("image")
    return {row.image.original_name.removesuffix(".png"): seen.get(row.image_id) for row in rows}


def told(colour: str) -> tuple[Thing, ...]:
    return SHOWN[colour]


def portions() -> int:
    """Let a worker look at pictures until nothing is left; return how many portions there were beside the last."""
    chores = PeriodicChores([chore for chore in CHORES if chore.name == "recognised things"])
    count = 0
    while chores.step():
        count += 1
    return count


def next_round() -> None:
    PeriodicWork.objects.all().delete()


# Kept in the look that gives the vector


def test_embedding_keeps_what_it_saw_in_one_look(alice, seeing, draw):
    for colour in SHOWN:
        draw(alice, colour)

    assert known() == SHOWN
    assert seeing.encoded == len(SHOWN)
    assert set(RecognisedThings.objects.values_list("revision", flat=True)) == {"offline (seeing)"}


def test_offline_keeps_the_cat_of_the_sample_and_where_it_is(alice, upload):
    image = upload(alice, "chelsea.png")

    [cat] = RecognisedThings.objects.told_of(image)

    left, top, width, height = cat.box
    assert cat.name == "cat"
    assert width * height > 0.5
    assert 0 <= left <= left + width <= 1
    assert 0 <= top <= top + height <= 1


def test_rest_upload_keeps_what_was_seen(alice, seeing):
    api = Api(alice)

    created = api.upload(drawn_picture("lime"), "lime.png").json()

    assert known() == {"lime": told("lime")}
    assert [thing["name"] for thing in api.json(f"/images/{created['id']}/")["things"]] == ["dog", "chair", "chair"]


def test_import_keeps_what_was_seen_decoding_each_once(alice, seeing, tmp_path, decoded):
    for colour in SHOWN:
        (tmp_path / f"{colour}.png").write_bytes(drawn_picture(colour))

    import_files(find_files([tmp_path], recursive=False), owner=alice, labels=check_labels(), by=OPERATOR)

    assert known() == SHOWN
    assert (seeing.encoded, len(decoded)) == (len(SHOWN), len(SHOWN))


def test_what_was_seen_is_one_statement_for_a_batch(alice, seeing, draw, quick_worker):
    quick_worker.works = False
    for colour in SHOWN:
        draw(alice, colour)

    with CaptureQueriesContext(connection) as asked:
        embed_pending()

    table = RecognisedThings._meta.db_table
    assert sum(table in statement["sql"] for statement in asked.captured_queries) == 1


def test_suspect_that_is_tried_alone_keeps_what_was_seen(alice, seeing, draw, quick_worker):
    quick_worker.works = False
    draw(alice, "lime")
    Image.objects.update(embed_deaths=1)

    assert embed_pending().embedded == 1

    assert known() == {"lime": told("lime")}
    assert seeing.encoded == 0  # nothing of it in this process


def test_what_was_seen_and_the_vector_come_together_or_not_at_all(alice, seeing, draw, quick_worker, monkeypatch):
    quick_worker.works = False
    image = draw(alice)

    def fail(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("the database is gone")

    with monkeypatch.context() as broken:
        broken.setattr("gallery.models.recognised_things.RecognisedThingsQuerySet.write", fail)
        with pytest.raises(RuntimeError):
            embed_pending()

    image.refresh_from_db()
    assert (image.is_pending, known()) == (True, {})
    call_command("embed_pending")
    assert known() == {"red": told("red")}


def test_detector_that_fails_is_a_failure_of_encoding(alice, seeing, draw, quick_worker, monkeypatch):
    quick_worker.works = False
    draw(alice, "red"), draw(alice, "lime")
    real = seeing.look

    def look(images):
        if any(image.getpixel((0, 0)) == (0, 255, 0) for image in images):
            raise RuntimeError("bad shape")
        return real(images)

    monkeypatch.setattr(seeing, "look", look)
    report = embed_pending()

    assert (report.embedded, [failure.error.code for failure in report.failures]) == (1, ["encoding_failed"])
    assert known() == {"red": told("red")}


def test_encoder_that_sees_nothing_leaves_what_another_one_saw(alice, seeing, draw, wide, limits_of):
    limits_of(encoder="auto")
    image = draw(alice)

    change_model("clip:wide", by=OPERATOR)
    embed_again(Image.objects.filter(pk=image.pk), by=OPERATOR)

    assert IndexState.objects.current().encoder_id == "clip:wide"
    assert known() == {"red": told("red")}
    assert portions() == 0


def test_change_of_the_model_looks_anew_and_once(alice, seeing, draw, limits_of, quick_encoder):
    limits_of(encoder="auto")
    with registry.using(SeeingEncoder(revision="older")):
        for colour in SHOWN:
            draw(alice, colour)
    newer = SeeingEncoder(revision="newer")
    with registry.using(newer):
        change_model("offline", by=OPERATOR)

        assert portions() == 0

    assert set(RecognisedThings.objects.values_list("revision", flat=True)) == {"offline (newer)"}
    assert (known(), newer.encoded) == (SHOWN, len(SHOWN))
    assert not NextEmbedding.objects.exists()


def test_switch_to_an_encoder_that_sees_keeps_what_it_saw(alice, draw, wide, limits_of, seeing):
    limits_of(encoder="clip:wide")
    draw(alice)
    assert known() == {}

    limits_of(encoder="auto")
    change_model("offline", by=OPERATOR)

    assert known() == {"red": told("red")}


# Filled later


@pytest.fixture
def unknown(alice, seeing, draw) -> list[Image]:
    """Pictures that were embedded by the same encoder before what it saw was kept."""
    images = [draw(alice, colour) for colour in SHOWN]
    RecognisedThings.objects.all().delete()
    seeing.encoded = 0
    return images


def test_worker_looks_at_what_was_embedded_before_and_moves_no_version(unknown, seeing):
    versions = AccessState.objects.current().version, IndexState.objects.current().version
    rows = search_index().vectors([image.pk for image in unknown])[1].copy()

    portions()

    assert known() == SHOWN
    assert (AccessState.objects.current().version, IndexState.objects.current().version) == versions
    assert (search_index().vectors([image.pk for image in unknown])[1] == rows).all()
    assert seeing.encoded == len(unknown)


def test_worker_looks_in_portions_that_begin_where_the_last_one_ended(unknown, seeing, monkeypatch):
    monkeypatch.setattr(recognition, "AT_A_TIME", 2)

    place = recognise_some(0)
    assert place == unknown[1].pk
    assert (seeing.encoded, len(known())) == (2, 2)

    assert recognise_some(place) == unknown[3].pk  # where it was killed, this portion is done anew
    assert recognise_some(unknown[3].pk) is None
    assert known() == SHOWN


def test_worker_asks_two_numbers_where_all_is_known(alice, seeing, draw):
    draw(alice)

    with CaptureQueriesContext(connection) as asked:
        assert recognise_some(0) is None

    assert not any("JOIN" in statement["sql"] or "EXISTS" in statement["sql"] for statement in asked.captured_queries)


def test_picture_that_cannot_be_looked_at_is_not_tried_again(unknown, seeing, caplog):
    default_storage.delete(original_path(unknown[0].sha256, unknown[0].format))

    portions()
    next_round()
    portions()

    assert known() == SHOWN | {"red": None}
    assert seeing.encoded == len(unknown) - 1
    assert sum("is not recognised" in record.message for record in caplog.records) == 1


def test_picture_whose_original_comes_back_is_looked_at(unknown, alice, upload):
    default_storage.delete(original_path(unknown[0].sha256, unknown[0].format))
    portions()
    assert known() == SHOWN | {"red": None}

    upload(alice, "red.png", content=drawn_picture("red"))
    next_round()
    portions()

    assert known() == SHOWN


def test_picture_that_cannot_be_read_now_is_tried_with_the_next_round(unknown, monkeypatch):
    def full(*_arguments: object, **_named: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr("gallery.services.embedding.isolated_batches.open_original", full)
        portions()
    assert known() == {}

    next_round()
    portions()

    assert known() == SHOWN


def test_picture_that_is_deleted_meanwhile_does_not_stop_the_others(unknown, seeing, monkeypatch):
    real = seeing.look

    def look(images):
        Image.objects.filter(pk=unknown[0].pk).delete()
        return real(images)

    monkeypatch.setattr(seeing, "look", look)
    portions()

    assert known() == {colour: things for colour, things in SHOWN.items() if colour != "red"}


def test_worker_does_nothing_for_an_encoder_that_sees_nothing(alice, quick_encoder, draw):
    draw(alice)
    quick_encoder.encoded = 0

    assert portions() == 0

    assert (known(), quick_encoder.encoded) == ({}, 0)


def test_worker_leaves_a_library_of_another_revision_to_the_change_of_the_model(unknown):
    with registry.using(SeeingEncoder(revision="newer")):
        assert portions() == 0

    assert known() == {}


def test_library_of_an_earlier_version_is_filled_after_migrate(alice, seeing, draw):
    images = [draw(alice, colour) for colour in SHOWN]
    access_triggers.remove(connection)  # as `migrate` does before
    MigrationExecutor(connection).migrate([("gallery", "0033_periodic_places")])
    call_command("migrate", verbosity=0)

    assert [Api(alice).json(f"/images/{image.pk}/")["things"] for image in images] == [None] * len(images)
    portions()

    assert known() == SHOWN


# Deleted with their pictures


def test_trash_keeps_and_deleting_takes_what_was_seen(alice, bob, seeing, draw):
    gone, trashed = draw(alice, "red"), draw(alice, "lime")
    draw(bob, "blue")

    move_to_trash(Image.objects.filter(pk=trashed.pk), by=OPERATOR)
    delete_forever(Image.objects.filter(pk=gone.pk), by=OPERATOR)

    assert set(known()) == {"lime", "blue"}
    delete_forever(Image.objects.all(), by=OPERATOR)
    assert known() == {}


# Told


def test_api_tells_one_picture_what_was_recognised(alice, seeing, draw):
    image = draw(alice, "lime")

    body = Api(alice).json(f"/images/{image.pk}/")

    assert body["things"] == [thing.as_json() for thing in (DOG, CHAIR, CHAIR)]
    assert body["things"][0] == {"name": "dog", "confidence": 0.9, "box": [0.1, 0.2, 0.3, 0.4], "colours": ["white"]}


def test_api_says_null_until_something_has_looked_and_nothing_where_nothing_is(alice, seeing, draw, quick_worker):
    nothing = draw(alice, "blue")
    quick_worker.works = False
    waiting = draw(alice, "red")

    assert Api(alice).json(f"/images/{nothing.pk}/")["things"] == []
    assert Api(alice).json(f"/images/{waiting.pk}/")["things"] is None


def test_page_names_what_was_recognised_and_leads_to_more_of_it(alice, seeing, draw, visitors):
    image = draw(alice, "lime")

    page = visitors["alice"].get(f"/images/{image.pk}/").content.decode()

    assert 'href="/search/?q=chair"' in page
    assert ">2 chairs<" in page
    assert '<rect x="50.00%" y="50.00%" width="25.00%" height="50.00%"/>' in page
    assert visitors["charlie"].get(f"/images/{image.pk}/").status_code == 404


def test_page_names_it_in_chinese(alice, seeing, draw, visitors):
    image = draw(alice, "lime")

    page = visitors["alice"].get(f"/images/{image.pk}/", headers={"Accept-Language": "zh-hans"}).content.decode()

    assert 'href="/search/?q=%E6%A4%85%E5%AD%90"' in page
    assert ">椅子 × 2<" in page
    assert 'x="50.00%"' in page


def test_what_is_doubtful_is_kept_and_not_told(alice, seeing, draw, visitors):
    image = draw(alice, "gray")

    assert known() == {"gray": (FAINT_DOG,)}
    assert Api(alice).json(f"/images/{image.pk}/")["things"] == []
    assert "Recognised" not in visitors["alice"].get(f"/images/{image.pk}/").content.decode()


@pytest.mark.parametrize("colour", ["blue", "white"])
def test_page_says_nothing_where_nothing_was_recognised(colour, alice, seeing, draw, visitors):
    image = draw(alice, colour)

    page = visitors["alice"].get(f"/images/{image.pk}/").content.decode()

    assert "Recognised" not in page
    assert "things.js" not in page


def test_admin_shows_it_in_one_line(alice, seeing, draw, visitors):
    image = draw(alice, "lime")
    Image.objects.update(visibility="public")

    page = visitors["staff"].get(f"/admin/gallery/image/{image.pk}/change/").content.decode()

    assert "dog, 2 chairs" in page


def test_words_of_things_are_counted_in_both_languages():
    people = [Thing("person", 0.9, (0, 0, 1, 1))] * 3

    assert recognised_in_words([DOG, *people]) == "dog, 3 people"
    with translation.override("zh-hans"):
        assert recognised_in_words([DOG, *people]) == "狗、人 × 3"


def test_thing_that_has_no_name_here_is_called_what_its_encoder_calls_it():
    assert recognised_in_words([Thing("unicorn", 0.9, (0, 0, 1, 1))] * 2) == "2 unicorn"
