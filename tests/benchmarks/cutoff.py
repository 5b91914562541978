"""What it costs to say which results are meant, and how many: beside searches without it, in turns.

    python -m tests.benchmarks cutoff --rows 1000000

`judged` is what each search does beyond finding its 20 results; `counted` what one does besides whose results are all
above the line, so that the others must be counted; `sampled` what an engine costs that does not tell how scores spread.
Milliseconds of the clock, p50 over the turns.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from gallery.encoders.abilities import Clarity
from gallery.measuring.speed.rows import ClusteredRows
from gallery.retrieval.cutoff import Calibration, Calibrations, Evidence
from gallery.vectors.engines.contract import Searcher
from gallery.vectors.engines.exact import ExactEngine
from gallery.vectors.engines.rescoring import sampled_distribution
from gallery.vectors.hits import Hits
from gallery.vectors.snapshot import Snapshot
from gallery.vectors.unit_vectors import Floats

TOP = 20
RESULTS_ABOVE = 1_000  # where the line lies for what is counted
FITTED = Calibration(intercept=4.4, score=2.2, best=-0.4, clarity=2.0, threshold=0.6)
CALIBRATIONS = Calibrations(shares=FITTED)
CLEAR = Clarity(sure_score=0.8, weight=0.9)


def bench_cutoff(rows: int, *, queries: int) -> dict[str, Any]:
    source = ClusteredRows(rows)
    snapshot = Snapshot.of(np.concatenate(list(source.blocks())), np.arange(rows))
    searcher = ExactEngine().open(snapshot)
    found: dict[str, list[float]] = {name: [] for name in ("search", "judged", "counted", "sampled")}
    for place, query in enumerate(source.queries(queries + 1)):
        spent = _turn(searcher, snapshot, query)
        if place:  # the first one compiles and maps pages
            for name, milliseconds in spent.items():
                found[name].append(milliseconds)
    result = {"rows": rows, "dimension": source.dimension} | {
        f"{name}_ms": round(float(np.median(spent)), 3) for name, spent in found.items()
    }
    print(", ".join(f"{name} {value}" for name, value in result.items()), flush=True)
    return result


def _turn(searcher: Searcher, snapshot: Snapshot, query: Floats) -> dict[str, float]:
    hits: list[Hits] = []
    spent = {"search": _milliseconds(lambda: hits.append(searcher.search(query[np.newaxis], TOP).of(0)))}
    [found] = hits
    evidence = Evidence(float(found.scores[0]), found.distribution, CLEAR)
    far = float(searcher.search(query[np.newaxis], min(RESULTS_ABOVE, snapshot.row_count)).of(0).scores[-1])

    def judge() -> None:
        CALIBRATIONS.judge(found.scores.tolist(), evidence)
        Calibrations().judge(found.scores.tolist(), evidence)  # by deviations, as the uncalibrated are

    return spent | {
        "judged": _milliseconds(judge),
        "counted": _milliseconds(lambda: searcher.count_above(query, far)),
        "sampled": _milliseconds(lambda: sampled_distribution(snapshot, query, snapshot.codes.live)),
    }


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000
