"""Random changes by several processes, some of them killed, and readers that compare what is kept with the database:
python -m tests.crash.access_soak CHANGES [SEED]. Prints one JSON object.

Whatever moves what may be found of searchable pictures moves a version. So an answer about them, given between two
readings of the same versions, must be the database's, however busy the writers are. Now and then a reader has them
pause between two changes; then every answer must be, also about pictures that wait. Each reader also follows the log
of changes with facts of its own (`log_follower`).
"""

import json
import mmap
import os
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from tests.crash import library  # sets Django up

# isort: split
from django.contrib.auth.models import Permission
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, connection
from django.db.models import QuerySet

from gallery.errors import ImageSearchError
from gallery.models import AccessState, Image, IndexState, User
from gallery.search_index import columns_keeper
from gallery.search_index.lists import Lists, Seen
from tests.crash.children import in_child, kill
from tests.crash.index_kills import ENCODER
from tests.crash.library import Log, lines
from tests.crash.log_follower import LogFollower, of_all
from tests.crash.random_changes import USERS, bring_in, change_something, embed
from tests.crash.random_questions import Question, some_question
from tests.waiting import until

WRITERS, READERS = 4, 2
CHANGES_PER_KILL = 20
MEANT_TO_FAIL = (DatabaseError, ObjectDoesNotExist, ImageSearchError)  # others are at the same rows


class Stage:
    """What all processes share: who is in the midst of a change, who wants them to pause, how much is done."""

    def __init__(self) -> None:
        shared = np.frombuffer(mmap.mmap(-1, 4_096), dtype=np.int64)
        self.changing, self.done, self.failed, self.backend = shared[: 4 * WRITERS].reshape(4, WRITERS)
        self.pausing = shared[4 * WRITERS : 4 * WRITERS + READERS]
        self.ended = shared[-1:]

    @contextmanager
    def change(self, writer: int) -> Iterator[None]:
        self.changing[writer] = 1
        while self.pausing.any():
            self.changing[writer] = 0
            until(lambda: not self.pausing.any(), "the readers go on")
            self.changing[writer] = 1
        yield
        self.changing[writer] = 0

    @contextmanager
    def pause(self, reader: int) -> Iterator[None]:
        self.pausing[reader] = 1
        until(lambda: not self.changing.any(), "the writers pause")
        try:
            yield
        finally:
            self.pausing[reader] = 0


# Writers


def write_while_asked(stage: Stage, writer: int, seed: int) -> None:
    source, parent = random.Random(seed), os.getppid()
    stage.backend[writer] = backend()
    while os.getppid() == parent:
        with stage.change(writer):
            try:
                change_something(source)
            except MEANT_TO_FAIL:
                stage.failed[writer] += 1
            stage.done[writer] += 1


def backend() -> int:
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def is_served(backend: int) -> bool:
    """Say whether PostgreSQL has not noticed yet that a process died: it may still commit what that had begun."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [backend])
        return cursor.fetchone() is not None


# Readers


def versions() -> tuple[int, ...]:
    access, index = AccessState.objects.current(), IndexState.objects.current()
    return access.version, access.departures, index.version, index.epoch


class Reader:
    def __init__(self, log: Log, source: random.Random) -> None:
        self.log, self.source = log, source
        self.follower = LogFollower()

    def compare_between_versions(self) -> None:
        """Compare where nothing moved meanwhile."""
        question = some_question(self.source, searchable_only=True)
        before = versions()
        answer = question.ask()
        is_still = versions() == before
        expected = question.of_the_database() if is_still else None
        is_still = is_still and versions() == before
        self.judge("between", question, is_still, answer, expected)

    def compare_in_a_pause(self) -> None:
        question = some_question(self.source, searchable_only=False)
        self.judge("paused", question, True, question.ask(), question.of_the_database())

    def follow(self) -> None:
        before = versions()
        self.follower.catch_up()
        facts = of_all()
        kept = Question("log", lambda: None, lambda: None)
        self.judge("log", kept, versions() == before, astuple(self.follower.facts), astuple(facts))

    def judge(self, kind: str, question: Question, is_still: bool, answer: Any, expected: Any) -> None:
        wrong = is_still and answer != expected
        told = (
            {"question": question.name, "answer": repr(answer)[:2_000], "expected": repr(expected)[:2_000]}
            if wrong
            else {}
        )
        self.log.write(kind=kind, is_still=is_still, wrong=wrong, **told)


def count_who_answers() -> Counter[str]:
    """Let this process count how often it answers from the columns, and how often from the database."""
    real, answered = Lists._seen, Counter[str]()

    def counted(lists: Lists, images: QuerySet[Image]) -> Seen:
        answered["database"] += 1
        seen = real(lists, images)  # or NotInColumns
        answered.update({"database": -1, "columns": 1})
        return seen

    Lists._seen = counted
    return answered


def read_until_ended(stage: Stage, reader: int, folder: Path, seed: int) -> None:
    """The first reader reads the columns at once where it needs them, the others in the background."""
    if reader:
        columns_keeper.SMALL_ROWS = 0
    source, answered = random.Random(seed), count_who_answers()
    readings = Reader(Log(folder / f"answers-{reader}"), source)
    parent = os.getppid()
    while not stage.ended[0] and os.getppid() == parent:
        for _ in range(source.randint(1, 30)):
            readings.compare_between_versions()
        readings.follow()
        with stage.pause(reader):
            readings.follow()
            for _ in range(3):
                readings.compare_in_a_pause()
    for _ in range(100):
        readings.compare_in_a_pause()
    readings.follow()
    readings.log.write(kind="in the end", read_anew=readings.follower.read_anew, **answered)


# All together


def telling(work: Callable[[], object]) -> int:
    """Run `work` in a child that says what it fails of."""

    def told() -> None:
        try:
            work()
        except Exception:
            traceback.print_exc()
            raise

    return in_child(told)


def begin(seed: int) -> None:
    library.begin(ENCODER)
    for name in set(USERS) - {"alice"}:
        User.objects.create_user(name)
    staff = User.objects.get(username="staff")
    User.objects.filter(pk=staff.pk).update(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(content_type__app_label="gallery"))
    source = random.Random(seed)
    for _ in range(100):
        bring_in(source)
    for _ in range(50):
        embed(source)


def soak(changes: int, seed: int, folder: Path) -> dict[str, Any]:
    stage, source, killed, lives = Stage(), random.Random(seed), 0, WRITERS
    readers = [
        telling(lambda reader=reader: read_until_ended(stage, reader, folder, seed + reader))
        for reader in range(READERS)
    ]
    writers = [
        telling(lambda writer=writer: write_while_asked(stage, writer, seed + writer)) for writer in range(WRITERS)
    ]
    while (done := int(stage.done.sum())) < changes:
        until(lambda done=done: stage.done.sum() >= min(done + CHANGES_PER_KILL, changes), "the writers get on")
        time.sleep(source.uniform(0, 0.02))
        writer = source.randrange(WRITERS)
        assert kill(writers[writer]), "a writer failed by itself"
        until(lambda writer=writer: not is_served(int(stage.backend[writer])), "the server notices")
        stage.changing[writer], killed, lives = 0, killed + 1, lives + 1
        writers[writer] = telling(lambda writer=writer, lives=lives: write_while_asked(stage, writer, seed + lives))
    with stage.pause(0):
        for writer in writers:
            assert kill(writer), "a writer failed by itself"
    stage.ended[0] = 1
    failed = [status for reader in readers if (status := os.waitpid(reader, 0)[1])]
    anew = Reader(Log(folder / "answers-anew"), source)
    for _ in range(100):
        anew.compare_in_a_pause()
    return {"failed": failed, "killed": killed, "changes": done, "refused": int(stage.failed.sum()), **judged(folder)}


def judged(folder: Path) -> dict[str, Any]:
    answers = [line for path in sorted(folder.glob("answers-*")) for line in lines(path)]
    given = [line for line in answers if line["kind"] != "in the end"]
    ends = [line for line in answers if line["kind"] == "in the end"]
    wrong = [line for line in given if line["wrong"]]
    return {
        "compared": Counter(line["kind"] for line in given if line["is_still"]),
        "moved_meanwhile": Counter(line["kind"] for line in given if not line["is_still"]),
        "log_read_anew": sum(line["read_anew"] for line in ends),
        "answered_by": {who: sum(line[who] for line in ends) for who in ("columns", "database")},
        "wrong": len(wrong),
        "first_wrong": wrong[:3],
    }


def main(changes: int, seed: int = 1) -> None:
    begin(seed)
    print(json.dumps(soak(changes, seed, Path(os.environ["IMAGESEARCH_DATA_DIR"]))))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
