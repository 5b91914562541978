"""Readers and writers on one library: python -m tests.crash.soak ANSWERS. Prints one JSON object.

Each change of the index is logged within its transaction, with all that it leaves; each answer is logged with the
versions before and after it. Afterwards every answer must be, in float64, that of one of the versions between. They go
on until there are so many answers, a tenth of them given while the library changed, and a tenth as many versions.
"""

import json
import os
import random
import sys
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.crash import library  # sets Django up

# isort: split
from gallery.models import OPERATOR, Image, IndexState, Visibility
from gallery.search_index import SearchIndex, search_index
from gallery.services.maintenance import compact
from tests.crash.children import finished, in_child
from tests.crash.index_kills import ENCODER, add, forget, new_pictures, remove, vectors_of
from tests.crash.library import Log, lines
from tests.quick_encoder import unit_rows
from tests.waiting import until

READERS, WRITERS = 4, 2
FEWEST, MOST = 300, 400  # more than are scored without a scan
K = 7


def log_changes(log: Log) -> None:
    """Let this process log each version of the index that it makes, with its pictures and who may see them."""
    real = SearchIndex._bump

    def bump_and_log(index: SearchIndex, *, row_count: int | None = None) -> IndexState:
        state = real(index, row_count=row_count)
        public = Image.objects.searchable().filter(visibility=Visibility.PUBLIC).ids().tolist()
        log.write(version=state.version, everything=Image.objects.searchable().ids().tolist(), public=public)
        return state

    SearchIndex._bump = bump_and_log


def write_until_stopped(folder: Path, seed: int) -> None:
    log_changes(Log(folder / "versions"))
    source = random.Random(seed)
    while not (folder / "stop").exists():
        count = Image.objects.count()
        work = source.choices([add, remove, forget, lambda _source: compact(by=OPERATOR)], [5, 4, 1, 0.5])[0]
        if count > MOST:
            work = remove
        elif count < FEWEST:
            work = add
            new_pictures(5, public=3)  # public from the first: who may see a picture is logged with the index only
        work(source)


def read_until_stopped(folder: Path, seed: int) -> None:
    log, source = Log(folder / f"answers-{seed}"), random.Random(seed)
    while not (folder / "stop").exists():
        query, public = source.randrange(10**6), source.random() < 0.5
        allowed = Image.objects.filter(visibility=Visibility.PUBLIC) if public else Image.objects.all()
        before = IndexState.objects.current().version
        hits = search_index().search(unit_rows(1, seed=query), k=K, allowed=allowed)
        after = IndexState.objects.current().version
        ids, scores = hits.ids[0].tolist(), hits.scores[0].tolist()
        log.write(before=before, after=after, query=query, public=public, ids=ids, scores=scores)


@cache
def vector_of(image_id: int) -> np.ndarray:
    return vectors_of([image_id])[0].astype(np.float64)


def best_of(image_ids: list[int], query: int) -> tuple[list[int], np.ndarray]:
    """Answer in float64, by sorting everything; scores that are equal as float32 come in the order of ids."""
    matrix = np.stack([vector_of(image_id) for image_id in image_ids])
    scores = (matrix * unit_rows(1, seed=query)[0].astype(np.float64)).sum(axis=1)
    order = np.lexsort((image_ids, -scores.astype(np.float32)))[:K]
    return [image_ids[place] for place in order], scores[order]


def is_answer_of(answer: dict[str, Any], state: dict[str, Any]) -> bool:
    ids, scores = best_of(state["public" if answer["public"] else "everything"], answer["query"])
    return answer["ids"] == ids and bool(np.allclose(answer["scores"], scores, atol=1e-6))


def wrong_answers(states: dict[int, dict[str, Any]], answers: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    versions = sorted(states)
    for answer in answers:
        between = versions[
            max(0, bisect_right(versions, answer["before"]) - 1) : bisect_right(versions, answer["after"])
        ]
        if not any(is_answer_of(answer, states[version]) for version in between):
            yield answer


def answers_in(folder: Path) -> list[dict[str, Any]]:
    return [line for seed in range(READERS) for line in lines(folder / f"answers-{seed}")]


def given_while_it_changed(answers: list[dict[str, Any]]) -> int:
    return sum(answer["after"] > answer["before"] for answer in answers)


def soak(enough: int, folder: Path) -> dict[str, Any]:
    def begin() -> None:
        log_changes(Log(folder / "versions"))
        ids = new_pictures((FEWEST + MOST) // 2, public=(FEWEST + MOST) // 4)
        search_index().add(ids, vectors_of(ids), encoder=ENCODER)

    def said_enough() -> bool:
        answers, versions = answers_in(folder), len(lines(folder / "versions"))
        return len(answers) >= enough and min(given_while_it_changed(answers), versions) >= enough // 10

    finished(begin)
    children = [in_child(lambda seed=seed: write_until_stopped(folder, seed)) for seed in range(WRITERS)]
    children += [in_child(lambda seed=seed: read_until_stopped(folder, seed)) for seed in range(READERS)]
    try:
        until(said_enough, f"{enough} answers", pause_seconds=0.2)
    finally:
        (folder / "stop").touch()
    failed = [status for child in children if (status := os.waitpid(child, 0)[1])]

    states = {line["version"]: line for line in lines(folder / "versions")}
    answers = answers_in(folder)
    wrong = list(wrong_answers(states, answers))
    return {
        "failed": failed,
        "versions": len(states),
        "answers": len(answers),
        "answers_while_it_changed": given_while_it_changed(answers),
        "wrong": len(wrong),
        "first_wrong": wrong[:3],
        "problems": [problem.code for problem in search_index().problems()],
    }


def main(enough: int) -> None:
    library.begin()
    print(json.dumps(soak(enough, Path(os.environ["IMAGESEARCH_DATA_DIR"]))))


if __name__ == "__main__":
    main(int(sys.argv[1]))
