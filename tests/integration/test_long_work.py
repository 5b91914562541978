"""Long work: how it is noted, followed, cancelled, and what becomes of it when its process is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import AnonymousUser
from django.core.management import CommandError, call_command
from django.db import OperationalError
from hypothesis import given
from hypothesis import strategies as st

from gallery.errors import BrokenPicture, StoredError, WorkCancelled
from gallery.models import OPERATOR, Actor, Door, Image, Job, JobItem, JobKind, User
from gallery.services import long_work
from gallery.services.embedding.model_change import ask_for_change
from gallery.services.embedding.model_change_job import begin_model_change, change_model_noted
from gallery.services.importing import find_files, import_files
from gallery.services.labels import Labels
from gallery.services.long_kinds import LONG_KINDS
from gallery.services.long_work import JobRun, JobTaken, ask_for, cancel, noted, running
from gallery.services.waiting_jobs import LongKind, end_killed, run_next
from tests.conftest import acting, drawn_picture
from tests.waiting import PATIENCE_SECONDS

COLOURS = ("red", "lime", "blue", "yellow", "gray")


@pytest.fixture
def at_once(monkeypatch) -> None:
    """Let progress be written whenever there is some."""
    monkeypatch.setattr(long_work, "WRITTEN_EVERY_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def nobody_is_begun(monkeypatch) -> list[str]:
    """What would be run in a process of its own: here it would meet another database."""
    commands: list[str] = []
    monkeypatch.setattr("gallery.jobs.see_to_worker", lambda: commands.append("work"))
    return commands


def kinds(run: Callable[[JobRun], None], **values: Any) -> dict[str, LongKind]:
    return {JobKind.BULK_CHANGE: LongKind(run=run, **values)}


def wanted(user: User, **values: Any) -> Job:
    return ask_for(JobKind.BULK_CHANGE, by=acting(user), owner_id=user.pk, **values)


def killed(user: User, **values: Any) -> Job:
    """A job whose process was killed: it is said to run, and nobody holds its lock."""
    made = {"kind": "bulk_change", "owner": user, "asked_by": user, "actor_kind": "member", "door": "page"}
    return Job.objects.create(status="running", **{**made, **values})


# A run


@pytest.mark.usefixtures("at_once")
def test_run_says_how_far_it_is(alice):
    with noted(JobKind.IMPORT, by=OPERATOR, owner_id=alice.pk, subject="/photos", total=4) as run:
        run.advance(3)
        run.note("a.png", StoredError.of(BrokenPicture(format="PNG", reason="?")))
        run.note("b.png", None, kind=JobItem.Kind.CHANGED, id=7, previous_id=3)
        run.write()
        job = Job.objects.get()
        seen = (job.status, job.done, job.total, job.failed, job.percent)

    assert seen == ("running", 3, 4, 1, 75)
    job.refresh_from_db()
    assert (job.status, job.finished_at is not None, job.failure) == ("finished", True, None)
    assert [(each.kind, each.item) for each in job.items.all()] == [("failed", "a.png"), ("changed", "b.png")]


def test_progress_is_written_at_most_twice_a_second(alice, django_assert_max_num_queries):
    with noted(JobKind.IMPORT, by=OPERATOR, owner_id=alice.pk, total=100_000) as run, django_assert_max_num_queries(40):
        for _ in range(100_000):
            run.advance()
            run.check_cancelled()


@given(st.lists(st.integers(0, 50), max_size=12), st.integers(0, 300))
def test_counts_always_fit(steps: list[int], total: int):
    run = JobRun(Job(total=total), before_writing=lambda _: None)
    run._written_at = float("inf")  # nothing is written
    for step in steps:
        run.advance(step)
        assert run.job.done <= run.job.total
    assert run.job.done == sum(steps)


def test_speed_is_that_of_the_last_minute(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(long_work.time, "monotonic", lambda: now[0])
    rate = long_work._Rate(0)

    assert rate.per_second(0) is None
    for now[0], done in ((10.0, 1_000), (70.0, 1_600), (130.0, 2_200)):
        speed = rate.per_second(done)

    assert speed == 10.0
    job = Job(status="running", total=3_200, done=2_200, per_second=speed)
    assert (job.seconds_left, Job(status="running", total=5, done=1).seconds_left) == (100.0, None)


def test_run_that_fails_keeps_the_reason_and_tells_its_caller(alice):
    with pytest.raises(BrokenPicture), noted(JobKind.IMPORT, by=OPERATOR, owner_id=alice.pk):
        raise BrokenPicture(format="PNG", reason="?")
    with pytest.raises(ZeroDivisionError), noted(JobKind.IMPORT, by=OPERATOR, owner_id=alice.pk, total=3):
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt), noted(JobKind.IMPORT, by=OPERATOR, owner_id=alice.pk, total=3):
        raise KeyboardInterrupt

    ends = [(job.status, job.failure.code) for job in Job.objects.order_by("pk")]
    assert ends == [("failed", "broken_picture"), ("failed", "work_failed"), ("interrupted", "work_interrupted")]


def test_job_runs_once(alice):
    job = wanted(alice)

    with running(job), pytest.raises(JobTaken), running(Job.objects.get(pk=job.pk)):
        pass
    with pytest.raises(JobTaken), running(job):
        pass


def test_job_of_an_account_that_is_deleted_meanwhile_ends_quietly(alice):
    def work(run: JobRun) -> None:
        alice.delete()
        run.write()
        run.check_cancelled()

    with pytest.raises(WorkCancelled), noted(JobKind.IMPORT, by=OPERATOR, owner_id=alice.pk, total=3) as run:
        work(run)

    assert not Job.objects.exists()


# Cancelling


def test_waiting_job_is_cancelled_at_once(alice):
    job = wanted(alice)

    assert cancel(Job.objects.filter(pk=job.pk), by=acting(alice)) == 1

    job.refresh_from_db()
    assert (job.status, job.failure.code) == ("cancelled", "work_cancelled")
    assert run_next(kinds(lambda _: pytest.fail("it was cancelled"))) is None


@pytest.mark.usefixtures("at_once")
def test_running_job_ends_after_its_batch(alice):
    batches = []

    def work(run: JobRun) -> None:
        for batch in range(5):
            run.check_cancelled()
            batches.append(batch)
            run.advance(10)
            if batch == 2:
                cancel(Job.objects.all(), by=acting(alice))

    wanted(alice, total=50)
    job = run_next(kinds(work))

    job.refresh_from_db()
    assert (batches, job.status, job.done) == ([0, 1, 2], "cancelled", 30)
    assert str(job.failure) == "This was cancelled after 30 of 50. What is done stays; it can be run again."


def test_only_who_may_cancels(alice, bob):
    job, clerk = wanted(alice), User.objects.create_user("clerk", is_staff=True)

    for nobody in (acting(bob), acting(clerk), acting(AnonymousUser())):
        assert cancel(Job.objects.filter(pk=job.pk), by=nobody) == 0
    assert cancel(Job.objects.filter(pk=job.pk), by=OPERATOR) == 1


# Killed


def test_killed_work_of_a_worker_goes_on(alice):
    job = killed(alice, is_for_worker=True, total=9, done=4, tries=1)

    assert end_killed(kinds(lambda _: None), Job.objects.all()) == 1
    seen = []
    run_next(kinds(lambda run: seen.append(run.job.done)))

    job.refresh_from_db()
    assert (seen, job.status) == ([4], "finished")


def test_killed_command_is_said_to_be_interrupted(alice):
    job = killed(alice, total=9, done=4)

    assert end_killed({}, Job.objects.all()) == 1

    job.refresh_from_db()
    assert (job.status, str(job.failure)) == (
        "interrupted",
        "Its process ended after 4 of 9. What is done stays. Run it again: nothing is lost or doubled.",
    )


def test_what_always_dies_at_the_same_place_is_left(alice):
    job = killed(alice, is_for_worker=True, tries=3)

    end_killed({}, Job.objects.all())

    job.refresh_from_db()
    assert (job.status, job.failure.code) == ("interrupted", "work_never_gets_on")


def test_killed_job_that_was_to_end_is_cancelled(alice):
    job = killed(alice, is_for_worker=True)
    cancel(Job.objects.all(), by=acting(alice))

    end_killed({}, Job.objects.all())

    job.refresh_from_db()
    assert job.status == "cancelled"


def test_living_run_is_not_taken_for_dead(alice):
    job = wanted(alice)

    with running(job):
        assert end_killed({}, Job.objects.all()) == 0

    job.refresh_from_db()
    assert job.status == "finished"


def test_end_of_a_killed_job_is_written_down_by_its_kind(alice):
    killed(alice, total=2)
    ended = []

    end_killed(kinds(lambda _: None, on_end=lambda job: ended.append(job.status)), Job.objects.all())

    assert ended == ["interrupted"]


HANG = """
import django; django.setup()
import time
from django.core.management import call_command
call_command("migrate", verbosity=0, skip_checks=True)
from gallery.models import OPERATOR
from gallery.services.long_work import noted
with noted("import", by=OPERATOR, total=3) as run:
    run.advance(2)
    run.write()
    print("at work", flush=True)
    time.sleep(1_000)
"""
LOOK = """
import django; django.setup()
from gallery.models import Job
from gallery.services.waiting_jobs import end_killed
print(end_killed({}, Job.objects.all()), Job.objects.get().status, Job.objects.get().done)
"""


def test_process_that_is_killed_is_known_and_one_that_lives_too(tmp_path):
    environment = {**os.environ, "IMAGESEARCH_DATA_DIR": str(tmp_path / "site")}
    environment |= {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    values: dict[str, Any] = {"cwd": django_settings.BASE_DIR, "env": environment, "text": True}

    def look() -> str:
        asked = [sys.executable, "-c", LOOK]
        return subprocess.run(asked, capture_output=True, check=True, timeout=PATIENCE_SECONDS, **values).stdout.strip()

    with subprocess.Popen([sys.executable, "-c", HANG], stdout=subprocess.PIPE, **values) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "at work\n"
            alive = look()
        finally:
            process.send_signal(signal.SIGKILL)

    assert (alive, look()) == ("0 running 2", "1 interrupted 2")


# The worker's side


def test_worker_takes_the_oldest_and_goes_on_after_a_defect(alice):
    first, second = wanted(alice, subject="1"), wanted(alice, subject="2")

    def work(run: JobRun) -> None:
        if run.job.subject == "1":
            raise ZeroDivisionError

    done = [run_next(kinds(work)) for _ in range(3)]

    assert done == [first, second, None]
    assert [job.status for job in Job.objects.order_by("pk")] == ["failed", "finished"]


def test_work_that_is_put_off_waits_for_the_next_worker(alice):
    job = wanted(alice, total=20)

    def work(run: JobRun) -> None:
        run.advance(10)
        run.check_cancelled()

    run_next(kinds(work), is_to_stop=lambda: True)

    job.refresh_from_db()
    assert (job.status, job.done) == ("waiting", 10)


def test_nothing_is_done_in_the_name_of_an_account_that_is_shut(alice):
    job = wanted(alice)
    User.objects.update(is_active=False)

    run_next(kinds(lambda _: pytest.fail("nobody asks for this any more")))

    job.refresh_from_db()
    assert (job.status, job.failure.code) == ("failed", "asker_gone")


def test_kind_of_another_version_waits_for_that(alice):
    job = ask_for("later_kind", by=acting(alice))

    assert run_next(LONG_KINDS) is None
    job.refresh_from_db()
    assert (job.status, job.title) == ("waiting", "later_kind")


# Imports


@pytest.fixture
def folder(tmp_path) -> Path:
    for colour in COLOURS:
        (tmp_path / f"{colour}.png").write_bytes(drawn_picture(colour))
    return tmp_path


@pytest.mark.usefixtures("at_once")
def test_cancelled_import_leaves_whole_pictures_and_can_be_run_again(alice, folder, quick_encoder):
    def stop(_count: int) -> None:
        if Image.objects.count() == 2:
            cancel(Job.objects.all(), by=acting(alice))

    found = find_files([folder], recursive=False)
    with pytest.raises(WorkCancelled):
        import_files(found, owner=alice, labels=Labels(), by=OPERATOR, progress=stop)

    job = Job.objects.get()
    assert (job.status, job.done, job.total, job.details["added"]) == ("cancelled", 2, 5, 2)
    assert Image.objects.searchable().count() == 2

    report = import_files(find_files([folder], recursive=False), owner=alice, labels=Labels(), by=OPERATOR)

    assert (report.added, report.duplicates, Image.objects.searchable().count()) == (3, 2, 5)


@pytest.mark.usefixtures("at_once")
def test_cancelled_import_is_one_sentence_of_its_command(alice, folder, quick_encoder, monkeypatch):
    monkeypatch.setattr(JobRun, "is_cancelled", property(lambda run: run.job.done >= 1))

    with pytest.raises(CommandError, match=r"^This was cancelled after 1 of 5\. What is done stays"):
        call_command("import_images", str(folder), "--owner", "alice", "--json")


def test_items_that_could_not_be_written_are_written_the_next_time(transactional_db, monkeypatch):
    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("database is locked")

    with noted(JobKind.IMPORT, by=OPERATOR) as run:
        run.note("red.png", StoredError("broken"))
        with monkeypatch.context() as patched:
            patched.setattr(type(JobItem.objects), "bulk_create", fail)
            with pytest.raises(OperationalError):
                run.write()

    assert [item.item for item in Job.objects.get().items.all()] == ["red.png"]
    assert Job.objects.get().failed == 1


# Changes of the model


@pytest.fixture
def library(alice, upload, quick_encoder, wide, limits_of) -> list[Image]:
    limits_of(encoder="auto", embed_batch_size=1)
    return [upload(alice, f"{colour}.png", content=drawn_picture(colour)) for colour in COLOURS]


def change(**values: Any) -> Any:
    asked = {"by": OPERATOR, "retry_failed": False, "accept_failures": False, "progress": lambda _: None}
    return change_model_noted("clip:wide", **{**asked, **values})


@pytest.mark.usefixtures("at_once")
def test_cancelled_change_of_the_model_keeps_what_is_done_and_goes_on(library):
    def stop(_count: int) -> None:
        if Job.objects.get().done == 2:
            cancel(Job.objects.all(), by=OPERATOR)

    with pytest.raises(WorkCancelled):
        change(progress=stop)
    job = Job.objects.get()
    assert (job.kind, job.subject, job.status, job.done, job.total) == ("model_change", "clip:wide", "cancelled", 3, 5)

    report = change()

    assert (report.rows, report.resumed) == (5, 3)
    assert Job.objects.newest()[0].status == "finished"


def test_failures_of_a_change_are_items_of_its_job(library, data_dir):
    next((data_dir / "media" / "originals").rglob(f"{library[0].sha256}*")).unlink()

    change(accept_failures=True)

    [item] = Job.objects.get().items.failed()
    assert (item.item, item.reason.code, item.details) == ("red.png", "original_missing", {"id": library[0].pk})


@pytest.mark.usefixtures("at_once")
def test_change_that_a_killed_worker_left_goes_on(library, staff):
    User.objects.filter(pk=staff.pk).update(is_superuser=True)
    by = Actor.of(User.objects.get(pk=staff.pk), door=Door.ADMIN)
    begin_model_change(ask_for_change("clip:wide", by=by), by=by)
    run_next(LONG_KINDS, is_to_stop=lambda: True)
    Job.objects.update(status="running")

    end_killed(LONG_KINDS, Job.objects.all())
    run_next(LONG_KINDS)

    job = Job.objects.get()
    assert (job.status, job.done, job.total) == ("finished", 5, 5)


# The command


def test_command_carries_out_what_waits_and_says_so(library, administrator_actor, capsys):
    begin_model_change(ask_for_change("clip:wide", by=administrator_actor), by=administrator_actor)

    call_command("work", "--once")

    assert (
        capsys.readouterr().out == "0 embedded, 0 failed, 0 wait.\nchange of the model: clip:wide: finished, 5 of 5\n"
    )


def test_command_ends_when_nothing_waits(db, capsys):
    call_command("work", "--once")

    assert capsys.readouterr().out == "0 embedded, 0 failed, 0 wait.\n"


@pytest.fixture
def administrator_actor(transactional_db) -> Actor:
    return Actor.of(User.objects.create_superuser("root"), door=Door.ADMIN)
