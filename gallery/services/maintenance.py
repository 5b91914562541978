"""Keeping files, vectors and database in step: checking, repairing, compacting."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage

from gallery.models import Actor, Image, IndexState
from gallery.search_index import Blocks, search_index
from gallery.storage import ContentStorage
from gallery.vectors.store import Problem
from gallery.vectors.unit_vectors import Ids

from .embedding.waiting_images import embed_pending
from .media import delete_orphan, is_orphan, original_size_bytes, sha256_of

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


def verify() -> Verification:
    """Compare database, vectors and files, reading all vectors. Changes nothing."""
    totals = search_index().lists.statistics(Image.objects.all())
    problems = [*search_index().problems(), *_bad_originals()]
    problems += [Problem("orphan_file", path) for path in _orphan_files()]
    return Verification(
        rows=IndexState.objects.current().row_count,
        indexed=totals.searchable,
        pending=totals.pending,
        failed=totals.failed,
        problems=tuple(problems),
    )


def repair(*, by: Actor) -> Verification:
    """Mend what can be mended and verify again.

    Damaged or missing vectors are computed again from the originals, vectors and files that nothing refers to are
    removed. A missing or damaged original cannot be made again: it stays a problem.
    Raises PermissionDenied: the operator and the program itself may.
    """
    _refuse_people(by)
    _repair_vectors()
    for path in list(_orphan_files()):
        delete_orphan(path)
    embed_pending()
    return verify()


def _repair_vectors() -> None:
    index = search_index()
    found = index.problems()
    if any(problem.code == "file_damaged" for problem in found):
        index.restore_file()
        found = index.problems()
    index.forget_rows(sorted({problem.row for problem in found if problem.row is not None}))
    if any(problem.code == "checksums_missing" for problem in found):
        index.write_missing_checksums()  # after the damaged rows are gone, so that it vouches for none of them
    if any(problem.code == "codes_damaged" for problem in found):
        index.compute_codes()
    index.next.repair()
    index.remove_stale_files()


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


def _bad_originals() -> Iterator[Problem]:
    """Yield the originals that are gone or have another size than what was uploaded; their content is not read."""
    for image in Image.objects.order_by("pk").only("pk", "sha256", "format", "size_bytes").iterator():
        stored_bytes = original_size_bytes(image)
        if stored_bytes == image.size_bytes or not Image.objects.filter(pk=image.pk).exists():  # deleted meanwhile
            continue
        subject = f"The original file of picture {image.pk}"
        if stored_bytes is None:
            yield Problem("original_missing", f"{subject} is gone.")
        else:
            yield Problem("original_damaged", f"{subject} has {stored_bytes} bytes; {image.size_bytes} were uploaded.")


def _orphan_files() -> Iterator[str]:
    """Yield the originals, thumbnails and copies that no picture uses, and parts that a crash left."""
    for folder in ("originals", "thumbnails", "copies"):
        for paths in _files(folder):
            used = set(Image.objects.filter(sha256__in=map(sha256_of, paths)).values_list("sha256", flat=True))
            unused = (path for path in paths if ContentStorage.is_part(path) or sha256_of(path) not in used)
            yield from filter(is_orphan, unused)


def _files(folder: str) -> Iterator[list[str]]:
    """Yield the paths of the files in each folder in and below this one."""
    try:
        folders, names = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    yield [f"{folder}/{name}" for name in sorted(names)]
    for name in sorted(folders):
        yield from _files(f"{folder}/{name}")
