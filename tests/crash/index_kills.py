"""Kill writers of a real index: python -m tests.crash.index_kills random KILLS | points. Prints one JSON object."""

import json
import random
import secrets
import sys
import time
from collections import Counter

import numpy as np

from tests.crash import library  # sets Django up

# isort: split
import gallery.durable
import gallery.vectors
from gallery.conf import gallery as gallery_settings
from gallery.models import OPERATOR, Image, IndexState, User, Visibility
from gallery.search_index import reset_search_index, search_index
from gallery.services.maintenance import _repair_vectors, compact
from tests.crash.children import dies_at, finished, in_child, kill, let_the_server_notice, point_names
from tests.quick_encoder import QuickEncoder, unit_rows
from tests.waiting import until

ENCODER = QuickEncoder()
MAX_PICTURES = 40
WRITERS = (gallery.durable, gallery.vectors)


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
    let_the_server_notice()
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


# Two ways to die


def wait_for_commits(n: int) -> None:
    """Let the writers get on, however slow the machine is."""
    enough = IndexState.objects.current().version + n
    until(lambda: IndexState.objects.current().version >= enough, "the writers get on")


def kill_at_random(kills: int) -> dict[str, object]:
    """Let two writers run and kill both, one a little after the other; each life begins where the last one ended."""
    source, seen = random.Random(1), Counter[str]()
    killed = 0
    while killed < kills:
        writers = [in_child(lambda seed=seed: write_for_ever(seed)) for seed in (killed, killed + 1)]
        wait_for_commits(source.randint(1, 4))
        time.sleep(source.uniform(0, 0.03))
        for writer in writers:
            assert kill(writer), "a writer failed by itself"
            killed += 1
            time.sleep(source.uniform(0, 0.02))
        seen.update(check_committed())
        if source.random() < 0.3:  # else what one crash left is there at the next one
            check_repaired()
    check_repaired()
    return {"kills": killed, "problems": dict(seen), "version": IndexState.objects.current().version}


def kill_at_points() -> dict[str, object]:
    """Do everything that writes, and die at each point that is passed, each time that it is passed."""
    source, deaths = random.Random(2), Counter[str]()
    works = {"add": add, "remove": remove, "forget": forget, "compact": lambda _source: compact(by=OPERATOR)}
    points = point_names(*WRITERS)
    for point in points:
        for name, work in works.items():
            for nth in range(1, 9):
                for _ in range(2):
                    finished(lambda: add(source))
                if name == "add":
                    new_pictures(2)
                if not dies_at(point, lambda work=work: work(source), nth=nth):
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
    return {"deaths": dict(deaths), "points": points}


def main(mode: str, kills: int) -> None:
    library.begin()
    print(json.dumps(kill_at_random(kills) if mode == "random" else kill_at_points()))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
