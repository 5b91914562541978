"""The background worker: its loop, what it does from time to time, and the process that the site starts."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections
from django.utils import timezone

from gallery import jobs
from gallery.errors import EncoderUnavailable
from gallery.jobs import worker as worker_module
from gallery.jobs.periodic import Chore, LongChore, PeriodicChores
from gallery.jobs.worker import Worker
from gallery.management.commands import work
from gallery.models import Claim, CountedAct, Image, Job, JobKind, PeriodicWork, User
from gallery.models.claim import NOBODY
from gallery.services import workers
from gallery.services.embedding.encoder_in_use import warm_up_for_images
from gallery.services.workers import (
    at_work,
    keep_looking_for_work,
    look_for_work,
    see_to_worker,
    work_waits,
    worker_runs,
)
from tests.conftest import drawn_picture
from tests.in_threads import at_once
from tests.waiting import PATIENCE_SECONDS, until

COLOURS = ("red", "lime", "blue")
NOT_READ = {"read": 0, "failed": 0, "waiting": 0, "state": "off"}


class Source:
    """Work of which there is so much; a failing one raises at each step."""

    def __init__(self, name: str, due: int = 0, *, error: Exception | None = None) -> None:
        self.name = name
        self.due = due
        self.is_busy = False
        self.steps = 0
        self._error = error

    def step(self) -> int:
        self.steps += 1
        if self._error is not None:
            raise self._error
        done, self.due = min(self.due, 1), max(self.due - 1, 0)
        return done


class Clock:
    """The seconds that the worker believes in."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(worker_module, "time", clock)
    return clock


@pytest.fixture
def impatient(monkeypatch) -> None:
    monkeypatch.setattr(worker_module, "PAUSE_SECONDS", 0.001)


class Marks:
    """Stands for what the database says of its commits."""

    def __init__(self) -> None:
        self.mark = 1
        self.asked = 0

    def now(self) -> int:
        self.asked += 1
        return self.mark


@pytest.fixture
def marks(monkeypatch) -> Marks:
    marks = Marks()
    monkeypatch.setattr(worker_module, "CommitMark", marks)
    return marks


@pytest.fixture
def beside() -> Iterator[Callable[[Worker], threading.Thread]]:
    """Let a worker work in a thread until the test is over: beside(worker)."""
    begun: list[tuple[Worker, threading.Thread]] = []

    def run(worker: Worker) -> None:
        try:
            worker.run()
        finally:
            connections.close_all()

    def begin(worker: Worker) -> threading.Thread:
        thread = threading.Thread(target=run, args=(worker,))
        begun.append((worker, thread))
        thread.start()
        return thread

    yield begin
    for worker, thread in begun:
        worker.end()
        thread.join()


# The loop


def test_worker_gives_each_source_a_portion_in_turn():
    order: list[str] = []
    long, short = Source("long", 3), Source("short", 1)
    for source in (long, short):
        real = source.step
        source.step = lambda source=source, real=real: order.append(source.name) or real()  # type: ignore[method-assign]
    worker = Worker([long, short])

    counts = [worker.work_round() for _ in range(4)]

    assert counts == [2, 1, 1, 0]
    assert order == ["long", "short"] * 4
    assert worker.counts == {"long": 3, "short": 1}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "error", [RuntimeError("a defect"), EncoderUnavailable(encoder="offline", reason="gone", remedy="")]
)
def test_source_that_raises_is_left_alone_while_others_go_on(clock, error):
    broken, good = Source("broken", error=error), Source("good", 5)
    worker = Worker([broken, good])

    counts = [worker.work_round() for _ in range(3)]
    clock.seconds += worker_module.LEFT_ALONE_SECONDS
    worker.work_round()

    assert counts == [1, 1, 1]
    assert (broken.steps, good.steps) == (2, 4)


@pytest.mark.django_db(transaction=True)
def test_worker_ends_after_its_portion_when_it_is_told_to():
    source, never_begun = Source("pictures", 9), Source("later", 9)
    worker = Worker([source, never_begun])
    real = source.step
    source.step = lambda: (worker.end(), real())[1]  # type: ignore[method-assign]

    worker.run()

    assert (source.due, never_begun.due) == (8, 9)


@pytest.mark.django_db(transaction=True)
def test_worker_that_does_not_linger_ends_when_nothing_is_due():
    source = Source("pictures", 3)

    Worker([source]).run(linger_seconds=0.0)

    assert (source.due, source.steps) == (0, 4)


def test_worker_lingers_and_counts_from_the_last_work(clock, marks, monkeypatch):
    source = Source("pictures")
    worker = Worker([source])
    pauses: list[float] = []

    def pause(_seen: Any) -> None:
        pauses.append(clock.seconds)
        clock.seconds += 10
        source.due = int(len(pauses) == 5)

    monkeypatch.setattr(worker, "_wait_for_change", pause)
    worker.run(linger_seconds=60)

    assert source.steps == len(pauses) + 2  # one did something, the last one found the time to be over
    assert clock.seconds == 1_000 + 50 + 60


def test_busy_source_keeps_the_worker(clock, marks, monkeypatch):
    source = Source("long work")
    source.is_busy = True
    worker = Worker([source])

    def pause(_seen: Any) -> None:
        clock.seconds += 100
        source.is_busy = clock.seconds < 1_500

    monkeypatch.setattr(worker, "_wait_for_change", pause)
    worker.run(linger_seconds=60)

    assert clock.seconds == 1_500


def test_worker_asks_sources_nothing_while_nothing_is_committed(impatient, clock, marks, beside):
    source = Source("pictures")
    beside(Worker([source]))
    until(lambda: marks.asked > 20, "it looks many times")
    steps_at_rest = source.steps

    marks.mark += 1
    until(lambda: source.steps > steps_at_rest, "it looks again when something was committed")

    assert steps_at_rest == 1


def test_worker_looks_after_a_while_though_nothing_is_committed(impatient, clock, marks, beside):
    source = Source("pictures")
    beside(Worker([source]))
    until(lambda: marks.asked > 5, "it rests")

    clock.seconds += worker_module.LOOK_ANYWAY_SECONDS

    until(lambda: source.steps > 1, "what is due by the clock alone is seen")


def test_worker_looks_when_long_work_has_ended(impatient, clock, marks, beside):
    source = Source("long work")
    source.is_busy = True
    beside(Worker([source]))
    until(lambda: marks.asked > 5, "it rests")

    source.is_busy = False

    until(lambda: source.steps > 1, "the next job is begun")


def test_worker_looks_again_when_somebody_has_committed(impatient, transactional_db, monkeypatch, beside):
    monkeypatch.setattr(worker_module, "LOOK_ANYWAY_SECONDS", PATIENCE_SECONDS)
    source = Source("pictures")
    beside(Worker([source]))
    until(lambda: source.steps, "it has begun")

    User.objects.create_user("alice")

    until(lambda: source.steps > 1, "it looks again")


# Known as a worker


@pytest.mark.django_db(transaction=True)
def test_worker_is_known_while_it_works():
    seen: list[bool] = []
    source = Source("pictures", 1)
    real = source.step
    source.step = lambda: (seen.append(worker_runs()), real())[1]  # type: ignore[method-assign]

    Worker([source]).run_known(linger_seconds=0.0)

    assert seen == [True, True, False]
    assert not worker_runs()


@pytest.mark.django_db(transaction=True)
def test_what_comes_as_a_worker_ends_is_not_left(monkeypatch):
    """Whoever brings it sees a worker that looks no more, and starts none."""
    source = Source("pictures", 1)
    worker = Worker([source])
    real = worker.run

    def run(**options: Any) -> None:
        real(**options)
        source.due += int(source.steps < 3)
        assert worker_runs()

    monkeypatch.setattr(worker, "run", run)
    worker.run_known(linger_seconds=0.0)

    assert source.due == 0
    assert not worker_runs()


@pytest.mark.django_db(transaction=True)
def test_worker_that_is_to_be_alone_leaves_the_work_to_the_other():
    source = Source("pictures", 1)

    with at_work(alone=True) as first:
        Worker([source]).run_known(linger_seconds=0.0, alone=True)

    assert first
    assert source.steps == 0


@pytest.mark.django_db(transaction=True)
def test_any_number_of_other_workers_work_beside_it():
    source = Source("pictures", 1)

    with at_work(alone=True), at_work():
        Worker([source]).run_known(linger_seconds=0.0)

    assert source.due == 0


# From time to time


@pytest.fixture
def now(monkeypatch) -> Callable[[timedelta], None]:
    """Let time pass: now(timedelta(hours=1))."""
    moment = [datetime(2026, 3, 1, 12, tzinfo=timezone.get_default_timezone())]
    monkeypatch.setattr(timezone, "now", lambda: moment[0])

    def pass_by(time: timedelta) -> None:
        moment[0] += time

    return pass_by


def test_chore_is_done_once_by_many_workers_whenever_it_is_due(transactional_db, now):
    done: list[str] = []
    chores = (
        Chore("hourly", timedelta(hours=1), lambda: done.append("hourly")),
        Chore("daily", timedelta(days=1), lambda: done.append("daily")),
    )

    def all_look() -> None:
        at_once(4, lambda _number: PeriodicChores(chores).step())

    all_look()
    first = sorted(done)
    now(timedelta(minutes=59))
    all_look()
    too_early = sorted(done)
    now(timedelta(minutes=1))
    all_look()

    assert first == too_early == ["daily", "hourly"]
    assert sorted(done) == ["daily", "hourly", "hourly"]


def test_chore_that_fails_keeps_no_other_from_being_done(transactional_db, now):
    done: list[str] = []

    def fail() -> None:
        raise RuntimeError("a defect")

    chores = PeriodicChores(
        (Chore("broken", timedelta(hours=1), fail), Chore("good", timedelta(hours=1), lambda: done.append("good")))
    )

    assert chores.step() == 0
    assert done == ["good"]


def test_chore_that_fails_is_tried_again_after_pauses_that_grow_to_its_period(transactional_db, now):
    minutes: list[int] = []
    state = {"minute": 0, "is_broken": True}

    def do() -> None:
        minutes.append(state["minute"])
        if state["is_broken"]:
            raise RuntimeError("a defect")

    chores = PeriodicChores((Chore("hourly", timedelta(hours=1), do),))
    for state["minute"] in range(300):
        state["is_broken"] = len(minutes) < 8
        chores.step()
        now(timedelta(minutes=1))

    assert minutes == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]


def test_long_chore_goes_on_at_once_with_other_work_between_its_portions(transactional_db, now):
    done: list[str] = []

    def portion(place: int) -> int | None:
        done.append(f"portion at {place}")
        return place + 10 if place < 20 else None

    pictures = Source("pictures", 2)
    pictures.step = lambda: (done.append("pictures"), Source.step(pictures))[1]
    worker = Worker([PeriodicChores((LongChore("long", timedelta(hours=1), portion),)), pictures])

    worker.run(linger_seconds=0.0)
    first = list(done)
    now(timedelta(minutes=59))
    worker.run(linger_seconds=0.0)
    now(timedelta(minutes=1))
    worker.work_round()

    assert first[:5] == ["portion at 0", "pictures", "portion at 10", "pictures", "portion at 20"]
    assert [each for each in done if each != "pictures"] == [*first[:5:2], "portion at 0"]


def test_long_chore_goes_on_where_another_worker_left_it(transactional_db, now):
    places: list[int] = []
    chores = (LongChore("long", timedelta(hours=1), lambda place: places.append(place) or place + 1),)

    left = [PeriodicChores(chores).step() for _worker in range(3)]

    assert (places, left) == ([0, 1, 2], [1, 1, 1])


def test_chore_whose_process_was_killed_is_due_again_soon(transactional_db, now):
    """As it would be after each of some deaths, the last place kept: SystemExit passes as a kill does."""
    minutes: list[tuple[int, int]] = []
    state = {"minute": 0}

    def portion(place: int) -> int | None:
        minutes.append((state["minute"], place))
        if 1 < len(minutes) < 5:
            raise SystemExit
        return place + 1 if len(minutes) < 7 else None

    chores = PeriodicChores((LongChore("daily", timedelta(days=1), portion),))
    for state["minute"] in range(30):
        with suppress(SystemExit):
            chores.step()
        now(timedelta(minutes=1))

    assert minutes == [(0, 0), (1, 1), (2, 1), (4, 1), (8, 1), (9, 2), (10, 3)]


def test_chore_that_another_worker_has_begun_anew_is_ended_by_that_one(db, now):
    slow = PeriodicWork.objects.begin_if_due("long", every=timedelta(hours=1))
    now(timedelta(minutes=1))
    other = PeriodicWork.objects.begin_if_due("long", every=timedelta(hours=1))
    other.note_end(place=20)
    slow.note_end(place=10)

    assert PeriodicWork.objects.get().place == 20


def test_chores_forget_what_counts_no_more(transactional_db, now):
    old = timezone.now() - timedelta(days=2)
    Claim.objects.create(image_id=1, holder="gone", expires_at=old)
    Claim.objects.create(image_id=2, holder="at work", expires_at=timezone.now() + timedelta(seconds=45))
    CountedAct.objects.create(kind="sign_up", who="a", began_at=old)
    CountedAct.objects.create(kind="sign_up", who="b", began_at=timezone.now())
    for name, moment in (("old", old), ("new", timezone.now())):
        attempt = AccessAttempt.objects.create(username=name, ip_address="127.0.0.1", failures_since_start=1)
        AccessAttempt.objects.filter(pk=attempt.pk).update(attempt_time=moment)

    PeriodicChores().step()

    assert [claim.holder for claim in Claim.objects.all()] == ["at work"]
    assert [act.who for act in CountedAct.objects.all()] == ["b"]
    assert [attempt.username for attempt in AccessAttempt.objects.all()] == ["new"]


# The command, and the process that the site starts


SITE = """
import django; django.setup()
import json, sys
from io import BytesIO
from django.core.management import call_command
from gallery.models import OPERATOR, Image, User
from gallery.services.ingest import accept_upload
from gallery.services.labels import check_labels
from gallery.services.workers import worker_runs
from tests.conftest import drawn_picture
from tests.waiting import until
def wait_for(count):
    until(lambda: Image.objects.searchable().count() == count, "all pictures are searchable")
def bring_in(*colours):
    for colour in colours:
        owner = User.objects.get(username="alice")
        file = BytesIO(drawn_picture(colour))
        accept_upload(file, owner=owner, name=colour, labels=check_labels(), by=OPERATOR)
"""
BEGIN = "call_command('migrate', verbosity=0, skip_checks=True); User.objects.create_user('alice'); "
STATE = "print(json.dumps([Image.objects.searchable().count(), Image.objects.pending().count(), worker_runs()]))"


@pytest.fixture
def environment(tmp_path, own_database) -> dict[str, str]:
    """A site of its own, whose encoder costs nothing, and which starts workers."""
    return {
        **os.environ,
        **own_database,
        "IMAGESEARCH_DATA_DIR": str(tmp_path / "site"),
        "DJANGO_SETTINGS_MODULE": "tests.quick_settings",
        "IMAGESEARCH_STARTS_WORKER": "true",
    }


@pytest.fixture
def begin(environment) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Begin a Python process on that site; what the site started is told to end when the test is over."""

    def start(*words: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *words],
            cwd=django_settings.BASE_DIR,
            env=environment | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    yield start
    for pid in workers_of(environment):
        os.kill(pid, signal.SIGTERM)
    until(lambda: not workers_of(environment), "the workers end")


@pytest.fixture
def ask(begin) -> Callable[..., str]:
    """Run code in a process on that site and return what it prints."""

    def run(code: str, **more: str) -> str:
        return told_by(begin("-c", SITE + code, **more))

    return run


def told_by(process: "subprocess.Popen[str]") -> str:
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, err[-2000:]
    return out.strip()


def workers_of(environment: dict[str, str]) -> list[int]:
    """Return the ids of the processes that are workers of this site and live."""
    mark = f"IMAGESEARCH_DATA_DIR={environment['IMAGESEARCH_DATA_DIR']}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"work" in words and mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:  # it has ended, or is another account's
            continue
    return found


def test_work_once_prints_what_it_did(ask, begin):
    ask(BEGIN + "bring_in('red', 'lime', 'blue')", IMAGESEARCH_STARTS_WORKER="false")

    first = json.loads(told_by(begin("manage.py", "work", "--once", "--json")))
    second = json.loads(told_by(begin("manage.py", "work", "--once", "--json")))

    assert first == {"embedded": 3, "failed": 0, "waiting": 0, "text": NOT_READ, "jobs": []}
    assert second == {"embedded": 0, "failed": 0, "waiting": 0, "text": NOT_READ, "jobs": []}


def test_site_starts_one_worker_that_lingers_where_none_runs(ask, begin, environment):
    ask(BEGIN)

    for process in [begin("-c", SITE + f"bring_in({colour!r})") for colour in COLOURS]:
        told_by(process)
    ask("wait_for(3)")
    until(lambda: len(workers_of(environment)) == 1, "the others leave the work to one")
    (lingering,) = workers_of(environment)
    state = ask("bring_in('white'); wait_for(4); " + STATE)

    assert json.loads(state) == [4, 0, True]
    assert workers_of(environment) == [lingering]


def test_site_that_is_to_start_no_worker_starts_none(ask, environment):
    state = ask(BEGIN + "bring_in('red'); " + STATE, IMAGESEARCH_STARTS_WORKER="false")

    assert json.loads(state) == [0, 1, False]
    assert workers_of(environment) == []
    assert not (Path(environment["IMAGESEARCH_DATA_DIR"]) / "logs" / "work.log").exists()


def test_worker_ends_by_a_signal_with_its_report(ask, begin):
    ask(BEGIN + "bring_in('red')", IMAGESEARCH_STARTS_WORKER="false")
    worker = begin("manage.py", "work", "--json")
    ask("wait_for(1)")

    worker.send_signal(signal.SIGTERM)

    assert json.loads(told_by(worker)) == {"embedded": 1, "failed": 0, "waiting": 0, "text": NOT_READ, "jobs": []}


@pytest.mark.parametrize(("words", "loads"), [({}, True), ({"linger": 0.0}, False), ({"once": True}, False)])
def test_worker_that_stays_loads_the_encoder_as_it_starts(transactional_db, quick_encoder, monkeypatch, words, loads):
    monkeypatch.setattr(Worker, "run_known", lambda *_words, **_named: None)
    monkeypatch.setattr(work, "_be_background_work", lambda _worker: None)
    monkeypatch.setattr(work.Command, "_called_from_command_line", True, raising=False)

    work.Command().run(**{"once": False, "linger": None} | words)

    for thread in threading.enumerate():
        if thread.name == "encoder warm-up":
            thread.join(PATIENCE_SECONDS)
    assert quick_encoder.encoded == loads


def test_encoder_that_cannot_be_loaded_is_told_and_keeps_no_worker_from_starting(
    db, quick_encoder, monkeypatch, caplog
):
    monkeypatch.setattr(quick_encoder, "encode_images", lambda _pixels: 1 / 0)

    warm_up_for_images()

    assert "The encoder is not ready: division by zero" in caplog.text


# Starting one


@pytest.fixture
def seen_to(db) -> None:
    """Nothing periodic is due."""
    PeriodicWork.objects.create(name="statistics", begun_at=timezone.now())


@pytest.fixture
def started(monkeypatch, limits_of, seen_to) -> list[Any]:
    """What the site would start, with what it does when that ends."""
    limits_of(starts_worker=True)
    started: list[Any] = []
    monkeypatch.setattr(workers, "_start", workers._Start())
    monkeypatch.setattr(workers, "run_detached", lambda *words, on_end: started.append((words, on_end)))
    return started


def test_site_starts_a_worker_where_none_runs(alice, upload, started, quick_worker):
    quick_worker.works = False

    for colour in COLOURS:
        upload(alice, content=drawn_picture(colour))

    assert [words for words, _on_end in started] == [("work", "--linger", "60")]
    assert Image.objects.pending().count() == 3


def test_site_starts_none_where_one_runs(started):
    with at_work():
        jobs.see_that_work_is_done()

    assert started == []


class Pauses:
    """Stands for the clock of the starts: what sleeps, sleeps for no time."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


@pytest.fixture
def pauses(monkeypatch) -> Pauses:
    pauses = Pauses()
    monkeypatch.setattr(workers, "time", pauses)
    return pauses


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("status", [-signal.SIGKILL, 1])
def test_worker_is_started_again_after_a_pause_if_it_was_killed_or_failed(started, pauses, status):
    see_to_worker()
    (_words, on_end) = started[0]

    on_end(status)

    assert len(started) == 2
    assert pauses.slept == [workers.STARTING_SECONDS]


@pytest.mark.django_db(transaction=True)
def test_worker_that_worked_for_long_is_started_again_at_once(started, pauses):
    see_to_worker()
    (_words, on_end) = started[0]
    pauses.seconds += workers.STARTING_SECONDS

    on_end(-signal.SIGKILL)

    assert len(started) == 2
    assert pauses.slept == [0]


@pytest.mark.django_db(transaction=True)
def test_worker_that_ends_without_work_is_not_started_again(started, pauses):
    see_to_worker()
    (_words, on_end) = started[0]

    on_end(0)

    assert len(started) == 1
    assert pauses.slept == []


def test_worker_that_leaves_work_is_started_again(alice, upload, started, pauses, quick_worker):
    quick_worker.works = False
    upload(alice, content=drawn_picture("red"))
    (_words, on_end) = started[0]

    on_end(0)

    assert len(started) == 2


@pytest.mark.django_db(transaction=True)
def test_pauses_between_starts_grow_to_an_end_and_are_forgotten(started, pauses):
    see_to_worker()

    for _ in range(8):
        started[-1][1](1)
    grown = list(pauses.slept)
    started[-1][1](0)  # without work
    pauses.seconds += workers.LONGEST_PAUSE_SECONDS
    see_to_worker()
    started[-1][1](1)

    assert grown == [30, 60, 120, 240, 480, 900, 900, 900]
    assert pauses.slept[-1] == 30


# Looking for what nobody was told of


def test_site_that_starts_looks_for_pictures_that_wait(alice, upload, quick_worker, started):
    quick_worker.works = False
    upload(alice, content=drawn_picture("red"))
    started.clear()
    workers._start = workers._Start()  # a new process

    look_for_work()
    look_for_work()  # the one that was started has not shown yet

    assert [words for words, _on_end in started] == [("work", "--linger", "60")]


@pytest.mark.django_db(transaction=True)
def test_site_without_anything_to_do_starts_no_worker(started):
    look_for_work()

    assert started == []


def test_site_looks_for_long_work(alice, started):
    Job.objects.create(kind=JobKind.BULK_CHANGE, is_for_worker=True, status=Job.Status.RUNNING)  # its worker is dead

    look_for_work()

    assert len(started) == 1


@pytest.mark.parametrize(("begun_ago", "count"), [(timedelta(minutes=59), 0), (timedelta(hours=1, minutes=1), 1)])
def test_site_starts_a_worker_where_nothing_periodic_was_seen_to(begun_ago, count, started):
    PeriodicWork.objects.update(begun_at=timezone.now() - begun_ago)

    look_for_work()

    assert len(started) == count


def test_site_starts_a_worker_where_none_was_ever(started):
    PeriodicWork.objects.all().delete()

    look_for_work()

    assert len(started) == 1


def test_worker_that_has_seen_to_all_leaves_nothing_to_look_for(transactional_db):
    Worker([PeriodicChores()]).run(linger_seconds=0.0)

    assert not work_waits()


def test_long_work_of_a_command_needs_no_worker(alice, started):
    Job.objects.create(kind=JobKind.IMPORT, status=Job.Status.RUNNING)

    look_for_work()

    assert started == []


def test_pictures_that_an_import_works_on_need_no_worker(alice, upload, quick_worker, started):
    quick_worker.works = False
    image = upload(alice, content=drawn_picture("red"))
    workers._start = workers._Start()
    started.clear()
    Claim.objects.add([image.pk], holder="import")

    look_for_work()

    assert started == []


def test_pictures_that_were_put_off_still_wait(alice, upload, quick_worker):
    quick_worker.works = False
    image = upload(alice, content=drawn_picture("red"))
    Claim.objects.add([image.pk], holder=NOBODY)

    assert work_waits()


def test_site_asks_the_database_nothing_while_a_worker_runs(started, django_assert_num_queries, db):
    with at_work(), django_assert_num_queries(0):
        look_for_work()


def test_site_keeps_looking_whatever_goes_wrong(monkeypatch, pauses, caplog):
    looks: list[float] = []

    def look() -> None:
        looks.append(pauses.seconds)
        if len(looks) == 3:
            raise SystemExit
        raise OperationalError("the database is away")

    monkeypatch.setattr(workers, "look_for_work", look)

    with pytest.raises(SystemExit):
        keep_looking_for_work()

    assert looks == [1_015, 1_045, 1_075]
    assert "the database is away" in caplog.text


def test_two_that_ask_at_once_see_no_worker_where_none_runs(monkeypatch):
    """Asking takes a lock for a moment; another one that asks then must not take that for a worker."""
    answers: list[bool] = []
    other = threading.Thread(target=lambda: answers.append(worker_runs()))
    real = fcntl.flock

    def flock(fd: int, how: int) -> None:
        real(fd, how)
        if how == fcntl.LOCK_EX | fcntl.LOCK_NB and not other.ident:
            other.start()
            other.join(timeout=0.2)  # it has its answer, or waits for ours

    monkeypatch.setattr(workers.fcntl, "flock", flock)
    answers.append(worker_runs())
    other.join()

    assert answers == [False, False]


def test_worker_is_seen_by_many_that_ask_at_once():
    with at_work():
        answers = at_once(8, lambda _number: [worker_runs() for _ in range(50)])

    assert all(all(some) for some in answers)


def test_work_once_says_what_went_wrong(alice, upload, quick_encoder, quick_worker, monkeypatch):
    quick_worker.works = False
    upload(alice, "red.png", content=drawn_picture("red"))
    monkeypatch.setattr(quick_encoder, "encode_images", lambda _pixels: 1 / 0)

    with pytest.raises(CommandError, match="division by zero"):
        call_command("work", "--once")

    monkeypatch.undo()
    call_command("work", "--once")
    assert Image.objects.get().is_searchable
