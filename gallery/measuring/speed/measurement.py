"""Taking turns: every contender answers one query after the other, in another order each time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from gallery.vectors.unit_vectors import Ids, Vectors

from .contenders import Contender

BATCH_TURNS = 10  # a batch takes long, and its time is that of many queries already
REST_SECONDS = 0.002
REST_AT_MOST_SECONDS = 0.25
REST_CPU_SHARE = 0.2  # of one core

Turn = Callable[[], object]


@dataclass
class Measured:
    """Milliseconds per query of every turn, and the answers to the queries of that turn."""

    times_ms: list[float] = field(default_factory=list)
    answers: list[tuple[int, Ids]] = field(default_factory=list)  # (query number, rows found)

    def percentile_ms(self, percent: float) -> float:
        return float(np.percentile(self.times_ms, percent))


def measure(
    contenders: Sequence[Contender],
    readers: dict[str, Turn],
    queries: Vectors,
    *,
    rounds: int,
    progress: Callable[[int], None],
) -> dict[str, Measured]:
    """Ask each contender one query in each of `rounds` rounds, and a batch in some; read memory in each round too.

    The first search of each, which maps pages, compiles and starts threads, is not counted. `queries` are at least as
    many as rounds and as the largest batch.
    """
    random = np.random.default_rng(0)
    results = {name: Measured() for name in [*(one.name for one in contenders), *readers]}
    for contender in contenders:
        contender.search(queries[: contender.batch])
    for read in readers.values():
        read()
    for number in range(rounds):
        due = [one for one in contenders if one.batch == 1 or _has_batch_turn(number, rounds)]
        turns: list[Contender | str] = [*due, *readers]
        for place in random.permutation(len(turns)):
            turn = turns[place]
            rest()
            if isinstance(turn, str):
                results[turn].times_ms.append(_timed_ms(readers[turn]))
            else:
                _search(turn, queries, number, results[turn.name])
        progress(1)
    return results


def _has_batch_turn(number: int, rounds: int) -> bool:
    return number % -(-rounds // BATCH_TURNS) == 0


def _search(contender: Contender, queries: Vectors, number: int, measured: Measured) -> None:
    asked = np.arange(number, number + contender.batch) % len(queries)
    vectors = queries[asked]
    started = time.perf_counter()
    found = contender.search(vectors)
    measured.times_ms.append((time.perf_counter() - started) * 1000 / contender.batch)
    measured.answers += zip(asked.tolist(), found, strict=True)


def _timed_ms(read: Turn) -> float:
    started = time.perf_counter()
    read()
    return (time.perf_counter() - started) * 1000


def rest() -> None:
    """Wait until no thread of this process runs: those of OpenBLAS and OpenMP go on spinning for a while after their
    work is done, and would take a core from whoever is measured next.
    """
    give_up = time.perf_counter() + REST_AT_MOST_SECONDS
    while time.perf_counter() < give_up:
        wall, used = time.perf_counter(), time.process_time()
        time.sleep(REST_SECONDS)
        if time.process_time() - used < REST_CPU_SHARE * (time.perf_counter() - wall):
            return
