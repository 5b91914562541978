"""Keeping files, vectors and database in step: checking, repairing, compacting, changing the encoder."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from django.core.files.storage import default_storage

from gallery.conf import gallery
from gallery.encoders.base import Encoder, Vectors
from gallery.encoders.registry import choose_encoder_name, get_encoder
from gallery.errors import InvalidPicture, OriginalMissing
from gallery.imaging import load_pixels
from gallery.models import Image, IndexState
from gallery.search_index import Blocks, search_index
from gallery.storage import ContentStorage
from gallery.vectors.files import FileLock
from gallery.vectors.store import Problem, VectorStore
from gallery.vectors.unit_vectors import Ids

from .embedding import Progress, embed_pending
from .encoding import encoder_of
from .media import delete_orphan, is_orphan, limits, open_original, original_size_bytes, sha256_of

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
    totals = Image.objects.statistics()
    problems = [*search_index().problems(), *_bad_originals()]
    problems += [Problem("orphan_file", path) for path in _orphan_files()]
    return Verification(
        rows=IndexState.objects.current().row_count,
        indexed=totals["searchable"],
        pending=totals["pending"],
        failed=totals["failed"],
        problems=tuple(problems),
    )


def repair() -> Verification:
    """Mend what can be mended and verify again.

    Damaged or missing vectors are computed again from the originals, vectors and files that nothing refers to are
    removed. A missing or damaged original cannot be made again: it stays a problem.
    """
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
    index.remove_stale_files()


def compact() -> int:
    """Write the vectors that are in use to a new epoch file and drop the others; return the row count."""
    index = search_index()
    if not IndexState.objects.current().has_encoder:
        return 0
    return index.rebuild(_copies)


def reindex(encoder_name: str | None = None, *, progress: Progress = lambda _count: None) -> int:
    """Encode the whole library with an encoder (the present one by default) and move to it; return the row count.

    Searches go on in the old index until the new one is whole. Pictures added meanwhile are encoded at the end.
    One at a time: they share a scratch file. Raises UnknownEncoder, EncoderUnavailable, StoreBusy.
    """
    encoder = get_encoder(choose_encoder_name(encoder_name)) if encoder_name else _present_encoder()
    settings = gallery()
    with FileLock(settings.locks_dir / "reindex.lock", timeout_seconds=settings.lock_timeout_seconds):
        rows = _reindex(encoder, progress)
    embed_pending(progress=progress)
    return rows


def _reindex(encoder: Encoder, progress: Progress) -> int:
    scratch = VectorStore(gallery().vectors_dir / "reindex", dimension=encoder.dimension)
    scratch.remove_epoch(1)
    encoded, tried = [np.empty(0, dtype=np.int64)], np.empty(0, dtype=np.int64)
    for new in _rounds():
        for ids, vectors in _encoded(new, encoder, progress):
            scratch.append(vectors, epoch=1, image_ids=ids.tolist())
            encoded.append(ids)
        tried = np.union1d(tried, new)
    rows = search_index().rebuild(_joined(scratch, np.concatenate(encoded), tried, encoder), encoder=encoder)
    scratch.remove_epoch(1)
    return rows


def _present_encoder() -> Encoder:
    state = IndexState.objects.current()
    return encoder_of(state) if state.has_encoder else get_encoder(choose_encoder_name(gallery().encoder))


def _rounds() -> Iterator[Ids]:
    """Yield all searchable pictures, then those that came meanwhile, until there are hardly any."""
    seen, hardly_any = np.empty(0, dtype=np.int64), 0
    while len(new := np.setdiff1d(Image.objects.searchable().ids(), seen)) > hardly_any:
        yield new
        seen, hardly_any = np.union1d(seen, new), gallery().embed_batch_size


def _joined(scratch: VectorStore, encoded: Ids, tried: Ids, encoder: Encoder) -> Callable[[Ids], Blocks]:
    """Return the blocks of the new epoch: what is encoded and still there, then the few that came at the very end.

    They are encoded while writers wait; what could not be opened before is not tried again.
    """

    def blocks(present: Ids) -> Blocks:
        matrix = scratch.read(epoch=1)
        still = np.flatnonzero(np.isin(encoded, present))
        for start in range(0, len(still), COPY_ROWS):
            rows = still[start : start + COPY_ROWS]
            yield encoded[rows], matrix[rows]
        yield from _encoded(np.setdiff1d(present, tried), encoder, lambda _count: None)

    return blocks


def _encoded(ids: Ids, encoder: Encoder, progress: Progress) -> Iterator[tuple[Ids, Vectors]]:
    """Yield the pictures that can be opened with their vectors; the others fall back into the queue."""
    size = gallery().embed_batch_size
    for start in range(0, len(ids), size):
        images = Image.objects.in_bulk(ids[start : start + size].tolist())
        opened = {}
        for image_id, image in images.items():
            try:
                with open_original(image) as file:
                    opened[image_id] = load_pixels(file, limits=limits())
            except (InvalidPicture, OriginalMissing):
                continue
        if opened:
            yield np.array(list(opened), dtype=np.int64), encoder.encode_images(list(opened.values()))
        progress(len(images))


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
    """Yield the originals and thumbnails that no picture uses, and parts that a crash left."""
    for folder in ("originals", "thumbnails"):
        for paths in _files(folder):
            used = set(Image.objects.filter(sha256__in=map(sha256_of, paths)).values_list("sha256", flat=True))
            unused = (path for path in paths if path.endswith(ContentStorage.PART) or sha256_of(path) not in used)
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
