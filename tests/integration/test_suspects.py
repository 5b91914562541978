"""Who is to blame for the end of a process: suspects are tried alone, and only who ends that one fails."""

import json
import os
import signal
from collections.abc import Callable
from importlib import import_module
from threading import Event
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from gallery.conf import gallery
from gallery.error_messages import stored_sentence
from gallery.jobs.suspects import Suspects
from gallery.jobs.waiting_images import WaitingImages
from gallery.models import OPERATOR, WORKER, Claim, Image, NextEmbedding
from gallery.search_index import search_index
from gallery.services.embedding import encoder_child, trial
from gallery.services.embedding.claimed_images import embed_pending
from gallery.services.embedding.encoder_child import EncoderChild, end_of
from gallery.services.embedding.encoder_deaths import at_risk, count_deaths
from gallery.services.embedding.model_change import change_model
from gallery.services.embedding.waiting_images import embed_images
from gallery.services.holders import holding
from gallery.services.importing import find_files, import_files
from gallery.services.labels import check_labels
from tests.conftest import drawn_picture
from tests.crash.children import in_child
from tests.waiting import PATIENCE_SECONDS

HEALTHY = ("red", "lime", "yellow")


@pytest.fixture
def queued(quick_worker) -> None:
    """Nothing is embedded when it is uploaded."""
    quick_worker.works = False


@pytest.fixture
def deadly(quick_encoder, monkeypatch) -> None:
    """Let processes in which pictures are tried end at some colours."""
    monkeypatch.setattr(encoder_child, "CHILD_MODULE", "tests.deadly_encoders")


@pytest.fixture
def suspects(alice, upload, deadly, queued) -> Callable[..., list[Image]]:
    """Pictures of these colours that wait, at which a process has died: suspects("red", "blue")."""

    def bring_in(*colours: str) -> list[Image]:
        images = [upload(alice, f"{colour}.png", content=drawn_picture(colour)) for colour in colours]
        Image.objects.update(embed_deaths=1)
        return images

    return bring_in


@pytest.fixture
def children(monkeypatch) -> list[EncoderChild]:
    """The processes that tried suspects."""
    started: list[EncoderChild] = []

    class Noted(EncoderChild):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            started.append(self)

    monkeypatch.setattr(trial, "EncoderChild", Noted)
    return started


def states() -> dict[str, str]:
    images = Image.objects.all()
    return {image.original_name.removesuffix(".png"): str(image.search_status) for image in images}


def test_process_that_the_system_does_not_start_is_no_pictures_fault(suspects, monkeypatch):
    (red,) = suspects("red")

    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(encoder_child.subprocess, "Popen", refuse)
    report = embed_images([red.pk])

    assert [failure.image_id for failure in report.failures] == [red.pk]
    red.refresh_from_db()
    assert (red.embed_error, red.embed_deaths) == ("", 1)


# Tried alone


def test_suspect_that_answers_is_searchable_and_cleared(suspects, quick_encoder, children):
    suspects(*HEALTHY)

    report = embed_pending()

    assert (report.embedded, report.failed, len(children)) == (3, 0, 1)
    assert set(Image.objects.values_list("embed_deaths", flat=True)) == {0}
    assert quick_encoder.encoded == 0  # nothing of it in this process


def test_suspect_has_the_vector_that_others_have(suspects, quick_encoder, upload, alice):
    [suspect] = suspects("red")
    embed_pending()
    twin = upload(alice, "twin.png", content=drawn_picture("red", size=(65, 48)))
    embed_pending()

    _, (first, second) = search_index().vectors([suspect.pk, twin.pk])
    assert float(first @ second) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    ("colour", "deaths", "cause"),
    [
        ("blue", 3, "the signal SIGSEGV"),
        ("navy", 3, "the signal SIGABRT"),
        ("cyan", 6, "the signal SIGKILL, which also ends what needs too much memory"),
        ("teal", 3, "a lack of memory"),
        ("purple", 3, "its exit with status 3"),
    ],
)
def test_picture_that_ends_its_process_fails_with_its_reason(suspects, children, colour, deaths, cause):
    _, culprit, _ = suspects("red", colour, "lime")

    report = embed_pending()

    assert (report.embedded, report.failed) == (2, 1)
    assert states() == {"red": "searchable", colour: "failed", "lime": "searchable"}
    culprit.refresh_from_db()
    assert culprit.failure.message == (
        f"The process that encoded this picture alone was ended by {cause}, {deaths} times, so the picture is left "
        "out. Try again after an update or with another model."
    )
    assert (culprit.embed_deaths, len(children)) == (0, deaths)  # a retry begins anew


def test_reason_is_said_in_chinese(suspects):
    [culprit] = suspects("blue")
    embed_pending()
    culprit.refresh_from_db()

    with translation.override("zh-hans"):
        said = stored_sentence(culprit.failure)

    assert said == (
        "单独编码这张图片的进程已结束 3 次（原因：信号 SIGSEGV），因此不再处理这张图片。"
        "请在更新后或换用其他模型后重试。"
    )


def test_others_are_searchable_before_the_culprit_is_tried_again(suspects, children, monkeypatch):
    suspects("blue", *HEALTHY)
    seen, real = [], EncoderChild.__init__

    def look_and_start(child: EncoderChild, *arguments) -> None:
        seen.append(Image.objects.searchable().count())
        real(child, *arguments)

    monkeypatch.setattr(EncoderChild, "__init__", look_and_start)

    embed_pending()

    assert seen == [0, 0, 3]  # the second process did the others, and then died at the same picture


def test_two_culprits_are_both_found(suspects):
    suspects("blue", "red", "navy", "lime")

    embed_pending()

    assert states() == {"blue": "failed", "red": "searchable", "navy": "failed", "lime": "searchable"}


def test_picture_that_the_encoder_refuses_fails_as_elsewhere(suspects):
    [refused] = suspects("olive")

    embed_pending()

    refused.refresh_from_db()
    assert refused.embed_error == "encoding_failed"
    assert "RuntimeError: bad shape" in refused.failure.message


def test_picture_that_never_answers_fails_with_the_limit(suspects, monkeypatch):
    [slow] = suspects("silver")
    monkeypatch.setattr(encoder_child, "PICTURE_SECONDS", 0)

    embed_pending()

    slow.refresh_from_db()
    assert "was ended by the limit of 0 seconds, 3 times" in slow.failure.message


# No fault of the picture


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_signal_that_asks_a_process_to_end_proves_nothing(number):
    assert end_of(-number).weight == 0


@given(st.integers(-64, 255).filter(bool))
def test_every_end_has_a_cause_and_a_weight(status):
    end = end_of(status)

    assert str(end.cause)
    assert 0 <= end.weight <= 1


def test_picture_whose_trials_are_told_to_end_stays_in_the_queue(suspects, children):
    suspects("maroon", "red")

    report = embed_pending()

    assert (report.embedded, report.failed) == (1, 1)
    assert states() == {"maroon": "pending", "red": "searchable"}
    assert len(children) == trial.STARTS_IN_VAIN


def test_trials_that_cannot_begin_fail_nobody(suspects, monkeypatch):
    suspects("red", "blue")
    monkeypatch.setattr(encoder_child, "CHILD_MODULE", "no_such_module")

    report = embed_pending()

    assert (report.embedded, report.failed) == (0, 2)
    assert states() == {"red": "pending", "blue": "pending"}


def test_child_with_another_encoder_is_not_asked(suspects, quick_encoder):
    suspects("red")
    quick_encoder.revision = "another"

    embed_pending()

    assert states() == {"red": "pending"}


def test_death_of_the_process_itself_makes_suspects_and_fails_nobody(suspects, quick_encoder):
    images = suspects(*HEALTHY)
    Image.objects.update(embed_deaths=0)

    for times in range(1, 8):
        os.waitpid(in_child(lambda: _die_at(images)), 0)
        count_deaths()
        assert set(Image.objects.values_list("embed_deaths", flat=True)) == {times}

    assert embed_pending().embedded == 3


def _die_at(images: list[Image]) -> None:
    with at_risk(images):
        os.kill(os.getpid(), signal.SIGKILL)


def test_death_of_the_parent_during_a_trial_leaves_no_strike(suspects, children):
    suspects("red", "cyan")

    def die_at_the_second_strike() -> None:
        strikes, real = [], trial.Trial._after

        def after(*arguments):
            strikes.append(1)
            if len(strikes) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments)

        trial.Trial._after = after
        embed_pending()

    for _ in range(3):
        assert os.WIFSIGNALED(os.waitpid(in_child(die_at_the_second_strike), 0)[1])

    assert states()["cyan"] == "pending"
    embed_pending()
    assert states() == {"red": "searchable", "cyan": "failed"}


def test_note_that_a_power_cut_left_fails_nobody(suspects):
    [image] = suspects("red")
    Image.objects.update(embed_deaths=0)
    folder = gallery().locks_dir / "encoding"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "0123456789abcdef.json").write_text(json.dumps([image.pk]))
    (folder / "fedcba9876543210.json").write_text("")  # its content never came to the disk

    assert embed_pending().embedded == 1

    assert not list(folder.iterdir())


def test_lack_of_memory_in_the_process_itself_makes_a_suspect(suspects, quick_encoder):
    [image] = suspects("red")
    Image.objects.update(embed_deaths=0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quick_encoder, "encode_images", _lacking_memory)
        assert embed_pending().failed == 1
    image.refresh_from_db()
    assert (str(image.search_status), image.embed_deaths) == ("pending", 1)

    assert embed_pending().embedded == 1


def _lacking_memory(_images):
    raise RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory")


# Nobody else waits


def test_suspects_come_after_all_others(suspects, upload, alice, monkeypatch, limits_of):
    limits_of(embed_batch_size=2)
    old = suspects("blue", "red")
    new = [upload(alice, f"{hue}.png", content=drawn_picture(f"hsl({hue}, 70%, 50%)")) for hue in range(5)]
    seen, real = [], EncoderChild.__init__

    def look_and_start(child: EncoderChild, *arguments) -> None:
        seen.append(Image.objects.searchable().count())
        real(child, *arguments)

    monkeypatch.setattr(EncoderChild, "__init__", look_and_start)

    embed_images([image.pk for image in old + new])

    assert seen[0] == 5


def test_worker_embeds_others_while_suspects_are_tried(suspects, upload, alice, monkeypatch):
    suspects("blue", "red")
    new = upload(alice, "yellow.png", content=drawn_picture("yellow"))
    is_embedded, real = Event(), EncoderChild.__init__

    def wait_and_start(child: EncoderChild, *arguments) -> None:
        assert is_embedded.wait(PATIENCE_SECONDS)
        real(child, *arguments)

    monkeypatch.setattr(EncoderChild, "__init__", wait_and_start)
    with holding() as holder:
        trials, images = Suspects(holder), WaitingImages(holder)
        assert (trials.step(), trials.is_busy) == (0, True)
        assert images.step() == 1
        assert Image.objects.get(pk=new.pk).is_searchable
        is_embedded.set()
        trials.wait()

    assert (trials.embedded, trials.failed) == (1, 1)
    assert states() == {"blue": "failed", "red": "searchable", "yellow": "searchable"}


def test_worker_leaves_suspects_alone_that_another_tries(suspects):
    suspects("red")
    with holding() as another, holding() as holder:
        Claim.objects.take(Image.objects.all(), holder=another, count=1)
        trials = Suspects(holder)

        trials.step()

        assert not trials.is_busy


def test_work_once_tries_suspects_and_ends_with_those_that_cannot_be_tried(suspects, capsys):
    suspects("red", "maroon")

    call_command("work", "--once", "--json")

    report = json.loads(capsys.readouterr().out)
    assert (report["embedded"], report["waiting"]) == (1, 1)
    assert states() == {"red": "searchable", "maroon": "pending"}


def test_import_tries_what_an_earlier_one_died_at(suspects, alice, tmp_path):
    colours = ("red", "blue", "lime")
    suspects(*colours)
    for colour in (*colours, "yellow"):
        (tmp_path / f"{colour}.png").write_bytes(drawn_picture(colour))

    report = import_files(find_files([tmp_path], recursive=False), owner=alice, labels=check_labels(), by=OPERATOR)

    assert (report.added, report.duplicates) == (1, 3)
    assert [failure.path for failure in report.failed] == ["blue.png"]
    assert states() == {"red": "searchable", "blue": "failed", "lime": "searchable", "yellow": "searchable"}


def test_import_that_dies_leaves_suspects(suspects, alice, quick_encoder, tmp_path, monkeypatch):
    for colour in HEALTHY:
        (tmp_path / f"{colour}.png").write_bytes(drawn_picture(colour))

    def bring_in_and_die() -> None:
        monkeypatch.setattr(quick_encoder, "encode_images", lambda _: os.kill(os.getpid(), signal.SIGKILL))
        import_files(find_files([tmp_path], recursive=False), owner=alice, labels=check_labels(), by=OPERATOR)

    os.waitpid(in_child(bring_in_and_die), 0)
    count_deaths()

    assert list(Image.objects.values_list("embed_deaths", flat=True)) == [1, 1, 1]


def test_change_of_the_model_tries_suspects_alone(alice, upload, deadly, wide):
    for colour in ("red", "blue", "lime"):
        upload(alice, f"{colour}.png", content=drawn_picture(colour))
    Image.objects.update(embed_deaths=1)

    report = change_model("clip:wide", by=WORKER)

    assert (report.rows, report.failed) == (2, 1)
    assert states() == {"red": "searchable", "blue": "failed", "lime": "searchable"}
    assert set(Image.objects.values_list("embed_deaths", flat=True)) == {0}
    assert not NextEmbedding.objects.exists()


# Libraries of before


def test_pictures_that_deaths_alone_had_failed_are_suspects_again(suspects):
    accused, refused, _ = suspects("red", "lime", "yellow")
    Image.objects.update(embed_deaths=0)
    Image.objects.filter(pk=accused.pk).update(embed_error="encoding_kills")
    Image.objects.filter(pk=refused.pk).update(embed_error="encoding_failed")

    import_module("gallery.migrations.0027_suspects").suspect_again(apps, connection.schema_editor())

    assert states() == {"red": "pending", "lime": "failed", "yellow": "pending"}
    assert list(Image.objects.suspects()) == [accused]
    assert embed_pending().embedded == 2


def test_trial_that_fails_is_logged_and_repeated_after_a_pause(suspects, monkeypatch, caplog):
    suspects("red")
    source = Suspects("a worker")
    clock = [1_000.0]
    monkeypatch.setattr("gallery.jobs.suspects.time", SimpleNamespace(monotonic=lambda: clock[0]))
    tried: list[str] = []

    def fail(*, holder: str) -> None:
        tried.append(holder)
        raise RuntimeError("a defect")

    monkeypatch.setattr("gallery.jobs.suspects.try_some", fail)
    monkeypatch.setattr("gallery.jobs.suspects.connections.close_all", lambda: None)
    for seconds in (0, 6, 30):
        clock[0] += seconds
        source.step()
        source.wait()

    assert tried == ["a worker", "a worker"]
    assert "a defect" in caplog.text
