"""Bringing a testbed folder in: its pictures and what is said of them, and its vectors where they are our encoder's."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gallery.encoders.base import Encoder, Vectors
from gallery.errors import IncompleteTestbedEntry, Phrase, StoredError, shown
from gallery.imaging import Embedded, Limits
from gallery.models import Actor, User
from gallery.services.embedding.encoder_in_use import current_encoder
from gallery.services.import_jobs import FileFailure, ImportCounts, SkippedFile, noted_import
from gallery.services.import_pipeline import ImportPipeline
from gallery.services.ingest import Upload
from gallery.services.labels import Labels

from .entry import Entry
from .folder_vectors import FolderVectors, open_vectors
from .index_file import INDEX_NAME, Index
from .originals import Originals
from .same_model import encoder_for_folder_vectors, misfits

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class TestbedReport:
    """What became of every entry.

    `failed` are those that were not brought in or cannot be searched, `skipped` those in the trash (duplicates
    too), `warnings` those that were brought in, but for something that is left out; `vectors_taken` counts the vectors
    that were taken over, `reembedded` those that were computed, `unused_rows` the rows of the vector file that no entry
    names.
    """

    __test__ = False  # it only begins like a test

    added: int
    duplicates: int
    failed: tuple[FileFailure, ...]
    skipped: tuple[SkippedFile, ...]
    warnings: tuple[FileFailure, ...]
    vectors_taken: int
    reembedded: int
    unused_rows: int
    seconds: float


def import_testbed(
    folder: Path,
    index: Index,
    *,
    owner: User,
    by: Actor,
    reembed: bool = False,
    progress: Progress = lambda _count: None,
) -> TestbedReport:
    """Bring in the entries of `read_index(folder)`. May be killed and run again: nothing is lost or doubled.

    Without `reembed` the folder's vectors are taken over, and a vector that is of no use is computed instead; whether
    they are those of the library's encoder is found out before anything changes. Raises UnusableVectors if not.
    """
    started = time.perf_counter()
    originals = Originals(folder)
    vectors, encoder = (None, current_encoder()) if reembed else _opened_vectors(index.entries, originals)
    files = _TestbedFiles(index.entries, originals, vectors)
    pipeline = ImportPipeline(files, owner=owner, by=by, encoder=encoder, progress=progress)

    def counts() -> ImportCounts:
        return _counts_of_index(index, folder) + pipeline.counts()

    with noted_import(counts, owner=owner, source=shown(folder.resolve()), total=index.total, by=by) as run:
        progress(index.total - len(index.entries))
        run.advance(index.total - len(index.entries))
        pipeline.run(run)
    done = counts()
    return TestbedReport(
        added=done.added,
        duplicates=done.duplicates,
        failed=done.failed,
        skipped=done.skipped,
        warnings=tuple(files.warnings),
        vectors_taken=done.vectors_taken,
        reembedded=done.embedded,
        unused_rows=vectors.unused_rows if vectors is not None else 0,
        seconds=time.perf_counter() - started,
    )


def _counts_of_index(index: Index, folder: Path) -> ImportCounts:
    """Return what becomes of the entries that name no picture, or one that was named before."""
    path = shown(folder / INDEX_NAME)
    broken = tuple(FileFailure(path, StoredError.of(error)) for error in index.broken)
    return ImportCounts(duplicates=index.repeated, failed=broken)


def _opened_vectors(entries: Sequence[Entry], originals: Originals) -> "tuple[_CheckedVectors, Encoder]":
    encoder = encoder_for_folder_vectors(originals.folder)
    vectors = open_vectors(originals.folder, entries)
    return _CheckedVectors(vectors, misfits(entries, originals=originals, vectors=vectors, encoder=encoder)), encoder


@dataclass(frozen=True, slots=True)
class _CheckedVectors:
    """The folder's vectors, without those of which a sample showed that they are not their picture's."""

    vectors: FolderVectors
    misfits: Mapping[str, Phrase]  # by MD5

    @property
    def unused_rows(self) -> int:
        return self.vectors.unused_rows

    def reason_against(self, entry: Entry) -> Phrase | None:
        return self.misfits.get(entry.md5) or self.vectors.reason_against(entry)

    def of(self, entry: Entry) -> Vectors:
        row: Vectors = self.vectors.of([entry])[0]
        return row


@dataclass(frozen=True, slots=True)
class _TestbedFile:
    """An entry on its way in."""

    entry: Entry
    originals: Originals
    vectors: _CheckedVectors | None

    @property
    def path(self) -> str:
        return self.originals.likely_path(self.entry)

    @property
    def name(self) -> str:
        return self.entry.original_name

    @property
    def place(self) -> None:
        """Its MD5 is its name: another content is another entry."""

    @property
    def labels(self) -> Labels:
        return self.entry.labels

    @property
    def created_at(self) -> datetime | None:
        return self.entry.created_at

    def read(self, limits: Limits) -> bytes | None:
        return self.originals.read(self.entry, limits)

    def with_files_beside(self, embedded: Embedded, limits: Limits) -> Embedded:
        return embedded

    def vector(self) -> Vectors | None:
        if self.vectors is None or self.reason_against_vector() is not None:
            return None
        return self.vectors.of(self.entry)

    def reason_against_vector(self) -> Phrase | None:
        return self.vectors.reason_against(self.entry) if self.vectors is not None else None


class _TestbedFiles:
    """The entries of one folder, and what is left out of them."""

    def __init__(self, entries: Sequence[Entry], originals: Originals, vectors: _CheckedVectors | None) -> None:
        self.files = [_TestbedFile(entry, originals, vectors) for entry in entries]
        self.warnings: list[FileFailure] = []

    def note_taken(self, file: _TestbedFile, upload: Upload) -> None:
        notes = list(file.entry.notes) if upload.created else []
        if upload.image.is_pending and (reason := file.reason_against_vector()) is not None:
            notes.append(reason)
        errors = [IncompleteTestbedEntry(entry=file.entry.md5, reason=note) for note in notes]
        self.warnings += [FileFailure(file.path, StoredError.of(error)) for error in errors]
