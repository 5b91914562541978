"""Kill writers of a real index: python -m tests.crash.index_kills random KILLS | points. Prints one JSON object.

A process of its own: it forks, which is safe only where no other thread may hold a lock; so searches use one thread.
State lies in IMAGESEARCH_DATA_DIR, which must be empty.
"""

import json
import os
import random
import re
import secrets
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

import numpy as np
from django.conf import settings
from django.core.management import call_command

import gallery.durable
import gallery.vectors
from gallery.conf import gallery as gallery_settings
from gallery.durable import crash_points
from gallery.models import OPERATOR, Image, IndexState, User, Visibility
from gallery.search_index import reset_search_index, search_index
from gallery.services.maintenance import _repair_vectors, compact
from tests.crash.many_kills import in_child
from tests.quick_encoder import QuickEncoder, unit_rows

ENCODER = QuickEncoder()
MAX_PICTURES = 40


# What a writer does


def new_pictures(n: int, *, public: int = 0) -> list[int]:
    """Make pictures that wait for a vector, the first few of them public."""
    owner = User.objects.get()
    images = [
        Image(
            owner=owner,
            md5=secrets.token_hex(16),
            sha256=secrets.token_hex(32),
            size_bytes=1,
            format="PNG",
            width_px=1,
            height_px=1,
            original_name="a.png",
            visibility=Visibility.PUBLIC if number < public else Visibility.PRIVATE,
        )
        for number in range(n)
    ]
    return [image.pk for image in Image.objects.bulk_create(images)]


def vectors_of(image_ids: list[int]) -> np.ndarray:
    """Return the vector that each picture always has."""
    return np.concatenate([unit_rows(1, seed=image_id) for image_id in image_ids])


def some_embedded(source: random.Random, n: int) -> list[int]:
    ids = Image.objects.searchable().ids().tolist()
    return source.sample(ids, min(n, len(ids)))


def add(source: random.Random) -> None:
    waiting = Image.objects.pending().ids().tolist()[:5] or new_pictures(source.randint(1, 4))
    search_index().add(waiting, vectors_of(waiting), encoder=ENCODER)


def remove(source: random.Random) -> None:
    ids = some_embedded(source, 2)
    with search_index().removing(ids):
        Image.objects.filter(pk__in=ids).delete()


def forget(source: random.Random) -> None:
    rows = [row for row, _id in Image.objects.rows().tolist()]
    search_index().forget_rows(source.sample(rows, min(2, len(rows))))


def write_for_ever(seed: int) -> None:
    source = random.Random(seed)
    while True:
        work = source.choices([add, remove, forget, lambda _source: compact(by=OPERATOR)], [5, 2, 1, 1])[0]
        if work is add and Image.objects.count() > MAX_PICTURES:
            work = remove
        work(source)


# What must be true afterwards


def found(vectors: np.ndarray, k: int, *, all_rows: bool = False) -> np.ndarray:
    allowed = None if all_rows else Image.objects.all()
    return search_index().search(vectors, k=k, allowed=allowed).ids


def check_committed() -> Counter[str]:
    """Check what a reader sees in a library that nobody has repaired; return the problems that there are."""
    reset_search_index()
    state = IndexState.objects.current()
    path = gallery_settings().vectors_dir / f"embeddings-{state.epoch}.npy"
    if state.row_count:
        assert len(np.load(path)) >= state.row_count
    embedded = Image.objects.searchable().ids().tolist()
    if embedded:
        vectors = vectors_of(embedded)
        assert found(vectors, 1)[:, 0].tolist() == embedded
        assert sorted(found(vectors[:1], len(embedded) + 9)[0].tolist()) == embedded
    problems = Counter(problem.code for problem in search_index().problems())
    assert set(problems) <= {"orphan_vector", "stale_vectors"}, problems
    return problems


def check_repaired() -> None:
    """Repair, and see that even a search without a filter finds what is embedded and nothing else."""
    _repair_vectors()
    assert search_index().problems() == []
    check_committed()
    check_unfiltered()


def check_unfiltered() -> None:
    embedded = Image.objects.searchable().ids().tolist()
    if embedded:
        hits = found(vectors_of(embedded), len(embedded) + 9, all_rows=True)
        assert hits[:, 0].tolist() == embedded
        assert sorted(hits[0].tolist()) == embedded


def finished(work: Callable[[], object]) -> None:
    assert os.waitpid(in_child(work), 0)[1] == 0, "what a living process does must not fail"


# Two ways to die


def wait_for_commits(n: int) -> None:
    """Let the writers get on, however slow the machine is."""
    enough, deadline = IndexState.objects.current().version + n, time.monotonic() + 60
    while IndexState.objects.current().version < enough:
        assert time.monotonic() < deadline, "the writers stand still"
        time.sleep(0.002)


def kill_at_random(kills: int) -> dict[str, object]:
    """Let two writers run and kill both, one a little after the other; each life begins where the last one ended."""
    source, seen = random.Random(1), Counter[str]()
    killed = 0
    while killed < kills:
        writers = [in_child(lambda seed=seed: write_for_ever(seed)) for seed in (killed, killed + 1)]
        wait_for_commits(source.randint(1, 4))
        time.sleep(source.uniform(0, 0.03))
        for writer in writers:
            os.kill(writer, signal.SIGKILL)
            _, status = os.waitpid(writer, 0)
            assert os.WIFSIGNALED(status), "a writer failed by itself"
            killed += 1
            time.sleep(source.uniform(0, 0.02))
        seen.update(check_committed())
        if source.random() < 0.3:  # else what one crash left is there at the next one
            check_repaired()
    check_repaired()
    return {"kills": killed, "problems": dict(seen), "version": IndexState.objects.current().version}


def point_names() -> list[str]:
    """Return the names of all crash points in the code."""
    rooms = [Path(room.__file__).parent for room in (gallery.durable, gallery.vectors)]
    files = [file for room in rooms for file in room.glob("*.py")]
    return sorted({name for file in files for name in re.findall(r'crash_point\("(\w+)"\)', file.read_text())})


def dies_at(point: str, nth: int, work: Callable[[], object]) -> bool:
    """Do the work in a process that is killed the nth time it comes to the point; return whether it was."""

    def doomed() -> None:
        passed = 0

        def die(name: str) -> None:
            nonlocal passed
            passed += name == point
            if passed == nth:
                os.kill(os.getpid(), signal.SIGKILL)

        crash_points.callback = die
        work()

    _, status = os.waitpid(in_child(doomed), 0)
    assert os.WIFSIGNALED(status) or status == 0, f"failed at {point} by itself"
    return os.WIFSIGNALED(status)


def kill_at_points() -> dict[str, object]:
    """Do everything that writes, and die at each point that is passed, each time that it is passed."""
    source, deaths = random.Random(2), Counter[str]()
    works = {"add": add, "remove": remove, "forget": forget, "compact": lambda _source: compact(by=OPERATOR)}
    for point in point_names():
        for name, work in works.items():
            for nth in range(1, 9):
                for _ in range(2):
                    finished(lambda: add(source))
                if name == "add":
                    new_pictures(2)
                if not dies_at(point, nth, lambda work=work: work(source)):
                    break
                deaths[point] += 1
                check_committed()
                if name == "add":
                    finished(lambda: add(source))  # by a process that knows nothing of the other's death
                    check_committed()
                    check_unfiltered()
                check_repaired()
            if Image.objects.count() > MAX_PICTURES:
                finished(lambda: [remove(source) for _ in range(10)])
    return {"deaths": dict(deaths), "points": point_names()}


def main(mode: str, kills: int) -> None:
    settings.GALLERY["search_threads"] = 1
    call_command("migrate", verbosity=0, skip_checks=True)
    User.objects.create_user("alice")
    print(json.dumps(kill_at_random(kills) if mode == "random" else kill_at_points()))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
