"""From candidates to hits: scores of the vectors themselves, in float64, and the order of equal ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gallery.vectors.hits import Hits, ScoreDistribution
from gallery.vectors.kernels.scan_job import HISTOGRAM_BINS
from gallery.vectors.row_mask import RowMask
from gallery.vectors.snapshot import Snapshot
from gallery.vectors.unit_vectors import NO_ID, Floats, Ids, Rows, Vectors

FIRST_RESCORED = 64
RESCORE_ROWS = 4_096  # 16 MiB of float64 at 512 numbers
SAMPLED_ROWS = 2_048  # a quantile of so many is off by 1 % of the rows
FLOAT32_TIE = 2.0**-22  # scores this close may be equal once they are rounded to float32


@dataclass(frozen=True)
class Candidates:
    """Of one query: rows and the most that each can score, best first.

    Rows that are not here are certainly worse, if no gate kept them out.
    """

    rows: Rows
    limits: Floats


def exact_best(snapshot: Snapshot, query: Floats, candidates: Candidates, k: int) -> Hits:
    """Score candidates with the vectors themselves until no other can be among the `k` best; (k,) ids and scores.

    Candidates come in the order of their limits, so once the next limit is below the k-th best score found, no other
    candidate can be better; where no gate was before them, that is the proof that no other row can. Rows whose picture
    has gone meanwhile are left out, and damaged ones: those whose score no unit vector could have.
    """
    possible = largest_possible(query)
    found_ids = np.empty(0, dtype=np.int64)
    scores = np.empty(0, dtype=np.float64)
    start, size = 0, min(RESCORE_ROWS, max(FIRST_RESCORED, 2 * k))
    while start < len(candidates.rows):
        if len(scores) >= k and candidates.limits[start] < scores[k - 1] - FLOAT32_TIE:
            break
        rows = candidates.rows[start : start + size]
        new_ids = snapshot.codes.ids_of(rows)
        new_scores = rescored(snapshot.matrix[rows], query)
        real = (new_ids != NO_ID) & (np.abs(new_scores) <= possible)
        found_ids, scores = np.concatenate([found_ids, new_ids[real]]), np.concatenate([scores, new_scores[real]])
        order = np.argsort(-scores, kind="stable")
        found_ids, scores = found_ids[order], scores[order]
        start, size = start + size, min(RESCORE_ROWS, 2 * size)
    return _ranked(found_ids, scores, k)


def scored_directly(snapshot: Snapshot, query: Floats, rows: Rows, k: int) -> Hits:
    """Score a few rows with the vectors themselves, without a scan: (k,) ids and scores, and their distribution."""
    ids, scores = _real_scores(snapshot, query, rows)
    return replace(_ranked(ids, scores, k), distribution=_distribution(scores))


def sampled_distribution(snapshot: Snapshot, query: Floats, mask: RowMask) -> ScoreDistribution:
    """Return how the scores of `mask`'s rows are spread, by SAMPLED_ROWS of them at equal distances or, if they are
    fewer, by all: for engines that do not tell.
    """
    rows = mask.rows[:: -(-mask.count // SAMPLED_ROWS)] if mask.count else mask.rows
    return _distribution(_real_scores(snapshot, query, rows)[1])


def _real_scores(snapshot: Snapshot, query: Floats, rows: Rows) -> tuple[Ids, npt.NDArray[np.float64]]:
    """Return the ids and scores of these rows, without damaged ones and those of pictures that have gone."""
    ids, scores = snapshot.codes.ids_of(rows), rescored(snapshot.matrix[rows], query)
    real = (ids != NO_ID) & (np.abs(scores) <= largest_possible(query))
    return ids[real], scores[real]


def _distribution(scores: npt.NDArray[np.float64]) -> ScoreDistribution:
    histogram = np.histogram(scores, bins=HISTOGRAM_BINS, range=(-1.0, 1.0))[0].astype(np.int64)
    return ScoreDistribution.of(
        histogram, count=len(scores), total=float(scores.sum()), squares=float((scores**2).sum())
    )


def _ranked(ids: Ids, scores: npt.NDArray[np.float64], k: int) -> Hits:
    """Return the best `k` by score as float32, equal ones in ascending order of id."""
    rounded = scores.astype(np.float32)
    order = np.lexsort((ids, -rounded))[:k]
    return Hits(ids=ids[order], scores=rounded[order])


def largest_possible(query: Floats) -> float:
    """Return what no unit vector's score can exceed: a row that does is damaged."""
    return 1.01 * float(np.linalg.norm(query))


def rescored(vectors: Vectors, query: Floats) -> npt.NDArray[np.float64]:
    """Return each vector's dot product with `query`, summed in float64 in an order that no other row can change."""
    products = vectors.astype(np.float64) * query.astype(np.float64)
    scores: npt.NDArray[np.float64] = products.sum(axis=1)
    return scores


def stacked(answers: Sequence[Hits], width: int, *, searched: int) -> Hits:
    """Join the hits of single queries, padded to `width` as Hits says."""
    ids = np.full((len(answers), width), NO_ID, dtype=np.int64)
    scores = np.full((len(answers), width), -np.inf, dtype=np.float32)
    for row, hits in enumerate(answers):
        ids[row, : len(hits.ids)], scores[row, : len(hits.ids)] = hits.ids, hits.scores
    return Hits(ids, scores, searched, answers[0].distribution if len(answers) == 1 else None)
