"""What is wrong between the files of the index and the database."""

import numpy as np
import numpy.typing as npt

from gallery.encoders.base import Vectors
from gallery.errors import StoreDamaged
from gallery.models import Image, IndexState, ModelChange, NextEmbedding
from gallery.vectors.codes import CodesFile
from gallery.vectors.store import Problem, VectorStore
from gallery.vectors.unit_vectors import Ids

from .files import IndexFiles, ids_of_rows

RowFlags = npt.NDArray[np.bool_]


def problems_of(files: IndexFiles, store: VectorStore, state: IndexState) -> list[Problem]:
    """Read everything and return what is wrong. Hold the lock.

    `file_damaged` (then nothing is said of single pictures), `not_finite`, `not_unit`, `checksum_mismatch`,
    `vector_missing` and `orphan_vector` rows, `checksums_missing`, `codes_damaged`, and `stale_vectors`: files that a
    crash left beside the current epoch's.
    """
    problems = store.check(epoch=state.epoch)
    if not _is_damaged(problems):
        problems = [*lost_rows(store, state), *problems]
    if _is_damaged(problems):
        return problems
    matrix = store.read(epoch=state.epoch)
    pairs, filled = Image.objects.rows(), np.asarray(matrix.any(axis=1))
    problems += [*_missing(pairs, filled), *_orphans(pairs, filled)]
    problems += _wrong_codes(files.codes(state.epoch, state.dimension), matrix[: state.row_count], problems)
    return problems + [Problem("stale_vectors", path.name) for path in files.stale(store, state.epoch)]


def next_problems_of(store: VectorStore, change: ModelChange) -> tuple[list[Problem], list[int]]:
    """Return what is wrong with the epoch under construction, and in which rows: none where it is the whole file."""
    problems = store.check(epoch=change.epoch)
    held = 0 if _is_damaged(problems) else store.row_count(epoch=change.epoch)
    if _is_damaged(problems) or held < change.row_count:
        detail = problems[0].detail if _is_damaged(problems) else f"it has {held:,} of {change.row_count:,} rows"
        return [Problem("next_file_damaged", f"The epoch under construction: {detail}")], []
    pairs, filled = NextEmbedding.objects.rows(), np.asarray(store.read(epoch=change.epoch).any(axis=1))
    problems += [*_missing(pairs, filled), *_orphans(pairs, filled)]
    bad = [problem for problem in problems if problem.row is not None]
    rows = sorted({problem.row for problem in bad if problem.row is not None})
    return [Problem(f"next_{problem.code}", f"The epoch under construction: {problem.detail}") for problem in bad], rows


def lost_rows(store: VectorStore, state: IndexState) -> list[Problem]:
    """Return `file_damaged` if the vectors are fewer than the database counts."""
    committed = store.row_count(epoch=state.epoch)
    if committed >= state.row_count:
        return []
    return [Problem("file_damaged", f"it has {committed:,} rows, the database counts {state.row_count:,}")]


def refuse_damaged_rows(store: VectorStore, epoch: int) -> None:
    """Raise StoreDamaged if there are any: copied, such a row would get a checksum that fits it."""
    damaged = [problem for problem in store.check(epoch=epoch) if problem.row is not None]
    if damaged:
        raise StoreDamaged(path=str(store.path(epoch)), reason=damaged[0].detail.rstrip("."))


def _is_damaged(problems: list[Problem]) -> bool:
    return any(problem.code == "file_damaged" for problem in problems)


def _missing(pairs: Ids, filled: RowFlags) -> list[Problem]:
    """Rows that a picture refers to but that are beyond the file or hold zeros."""
    problems = []
    for row, image_id in pairs[~_within(pairs[:, 0], filled)]:
        where = "beyond the file" if row >= len(filled) else "which is empty"
        problems.append(Problem("vector_missing", f"Picture {image_id} has row {row}, {where}.", int(row)))
    return problems


def _within(rows: Ids, filled: RowFlags) -> RowFlags:
    """Return which of these rows are in the file and not empty."""
    here = rows < len(filled)
    here[here] = filled[rows[here]]
    return here


def _orphans(pairs: Ids, filled: RowFlags) -> list[Problem]:
    """Rows with a vector that no picture refers to: what a crash between file and database leaves."""
    orphaned = filled.copy()
    orphaned[pairs[:, 0][pairs[:, 0] < len(filled)]] = False
    return [Problem("orphan_vector", f"Row {row} belongs to no picture.", int(row)) for row in np.flatnonzero(orphaned)]


def _wrong_codes(file: CodesFile, matrix: Vectors, known: list[Problem]) -> list[Problem]:
    """Compare all codes with the vectors and with the pictures; rows with a problem of their own are left out."""
    try:
        wrong = file.wrong_rows(matrix)
        ids = file.read(len(matrix)).ids
    except StoreDamaged as error:
        return [Problem("codes_damaged", str(error))]
    owners = ids_of_rows(len(matrix))
    others = np.flatnonzero(ids != owners)
    rows = np.setdiff1d(np.union1d(wrong, others), [problem.row for problem in known if problem.row is not None])
    if not len(rows):
        return []
    return [Problem("codes_damaged", f"{len(rows):,} rows have codes of something else, row {rows[0]:,} first.")]
