"""Keeping files, vectors and database in step: checking, repairing, compacting."""

from collections.abc import Callable
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied

from gallery.models import Actor, Image, IndexState
from gallery.search_index import Blocks, search_index
from gallery.vectors.row_check import Problem
from gallery.vectors.unit_vectors import Ids

from .embedding.claimed_images import embed_pending
from .media import delete_orphan
from .stored_files import check_files

COPY_ROWS = 16_384


@dataclass(frozen=True, slots=True)
class Verification:
    """`rows` are those of the vector file, `indexed` the pictures that have one; every picture is in one count."""

    rows: int
    indexed: int
    pending: int
    failed: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        return not self.problems


def verify(*, progress: Callable[[int], None] = lambda _count: None) -> Verification:
    """Compare database, vectors and files, reading all vectors. Changes nothing, and keeps nobody from writing.

    `progress` hears of what is looked at: rows of the index, then pictures.
    """
    totals = search_index().lists.statistics(Image.objects.all())
    problems = search_index().problems(progress=progress)
    files = check_files(progress)
    problems += [*files.problems, *(Problem("orphan_file", path) for path in files.orphans)]
    return Verification(
        rows=IndexState.objects.current().row_count,
        indexed=totals.searchable,
        pending=totals.pending,
        failed=totals.failed,
        problems=tuple(problems),
    )


def repair(*, by: Actor, progress: Callable[[int], None] = lambda _count: None) -> Verification:
    """Mend what can be mended and verify again.

    Damaged or missing vectors are computed again from the originals, vectors and files that nothing refers to are
    removed. A missing or damaged original cannot be made again: it stays a problem.
    Raises PermissionDenied: the operator and the program itself may.
    """
    _refuse_people(by)
    _repair_vectors()
    for path in check_files().orphans:
        delete_orphan(path)
    embed_pending()
    return verify(progress=progress)


def _repair_vectors() -> None:
    index = search_index()
    found = index.problems()
    if any(problem.code == "file_damaged" for problem in found):
        index.restore_file()
        found = index.problems()
    index.forget_bad_rows(sorted({problem.row for problem in found if problem.row is not None}))
    if any(problem.code == "checksums_missing" for problem in found):
        index.write_missing_checksums()  # after the damaged rows are gone, so that it vouches for none of them
    if any(problem.code == "codes_damaged" for problem in found):
        index.compute_codes()
    if any(problem.code in ("columns_damaged", "columns_wrong") for problem in found):
        index.remove_columns()
    index.next.repair()
    index.remove_stale_files()


def remove_stale_files() -> None:
    """Remove the files that a crash left beside those of the index."""
    if IndexState.objects.current().has_encoder:
        search_index().remove_stale_files()


def compact(*, by: Actor) -> int:
    """Write the vectors that are in use to a new epoch file and drop the others; return the row count.

    Raises PermissionDenied: the operator and the program itself may.
    """
    _refuse_people(by)
    index = search_index()
    if not IndexState.objects.current().has_encoder:
        return 0
    return index.rebuild(_copies)


def _refuse_people(by: Actor) -> None:
    if not by.may_everything:
        raise PermissionDenied


def _copies(ids: Ids) -> Blocks:
    for start in range(0, len(ids), COPY_ROWS):
        yield search_index().vectors(ids[start : start + COPY_ROWS].tolist())
