"""Importing files and folders as they lie on a disk."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from gallery.durable.regular_file import open_regular_file
from gallery.encoders.base import Vectors
from gallery.errors import FileTooLarge, UnsupportedFormat, shown
from gallery.imaging import ALL_EXTENSIONS, SNIFFED_BYTES, Embedded, Limits, sniff
from gallery.models import Actor, User

from .changed_files import OnChange
from .embedding.encoder_in_use import current_encoder
from .found_files import FoundFiles, Source, find_files
from .import_jobs import ChangedFile, FileFailure, ImportCounts, SkippedFile, noted_import
from .import_pipeline import ImportPipeline
from .ingest import Upload
from .labels import Labels
from .sidecar_words import with_sidecars

__all__ = ["FoundFiles", "ImportReport", "Source", "find_files", "import_files"]

SHOWN_PLACES = 20  # in the note of an import


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of every file; see `ImportCounts`."""

    added: int
    duplicates: int
    ignored: int
    failed: tuple[FileFailure, ...]
    skipped: tuple[SkippedFile, ...]
    warnings: tuple[FileFailure, ...]
    changed: tuple[ChangedFile, ...]
    seconds: float

    @property
    def images_per_second(self) -> float:
        return (self.added + self.duplicates) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class _File:
    """A file on its way in."""

    source: Source
    labels: Labels
    created_at: datetime | None = None

    @property
    def path(self) -> str:
        return shown(self.source.path)

    @property
    def name(self) -> str:
        return self.source.path.name

    @property
    def place(self) -> bytes:
        """A link to a file is a place of its own; links among the folders above it are not."""
        path = self.source.path
        return os.path.join(os.fsencode(_real_folder(path.parent)), os.fsencode(path.name))

    def read(self, limits: Limits) -> bytes | None:
        path = self.source.path
        if not self.source.named and path.suffix.lower() not in ALL_EXTENSIONS and not _is_picture(path):
            return None
        return _read(path, limits)

    def with_files_beside(self, embedded: Embedded, limits: Limits) -> Embedded:
        return with_sidecars(embedded, self.source.sidecars, limits)

    def vector(self) -> Vectors | None:
        return None


@dataclass(frozen=True, slots=True)
class _Files:
    files: Sequence[_File]

    def note_taken(self, file: _File, upload: Upload) -> None:
        """Every file is the same here."""


@lru_cache(maxsize=1_000)
def _real_folder(folder: Path) -> str:
    return os.path.realpath(folder)


def import_files(
    found: FoundFiles,
    *,
    owner: User,
    labels: Labels,
    by: Actor,
    on_change: OnChange = OnChange.KEEP,
    progress: Callable[[int], None] = lambda _count: None,
) -> ImportReport:
    """Bring the files in and embed them. May be killed at any moment and run again: nothing is lost or doubled."""
    started = time.perf_counter()
    _real_folder.cache_clear()
    files = _Files([_File(source, labels) for source in found.sources])
    pipeline = ImportPipeline(
        files, owner=owner, by=by, encoder=current_encoder(), progress=progress, on_change=on_change
    )

    def counts() -> ImportCounts:
        seen = ImportCounts(ignored=found.ignored, failed=found.failed, skipped=found.skipped)
        return seen + pipeline.counts()

    with noted_import(counts, owner=owner, source=_places(found), total=len(found.sources), by=by) as run:
        pipeline.run(run)
    done = counts()
    return ImportReport(
        added=done.added,
        duplicates=done.duplicates,
        ignored=done.ignored,
        failed=done.failed,
        skipped=done.skipped,
        warnings=done.warnings,
        changed=done.changed,
        seconds=time.perf_counter() - started,
    )


def _places(found: FoundFiles) -> str:
    """Return where the files lie or, if there are none, what was not brought in."""
    places = {shown(each.path if each.named else each.path.parent) for each in found.sources}
    places = places or {each.path for each in found.failed} | {each.path for each in found.skipped}
    return "\n".join(sorted(places)[:SHOWN_PLACES])


def _read(path: Path, limits: Limits) -> bytes:
    """Raises UnreadablePath, FileTooLarge."""
    with open_regular_file(path) as file:
        size_bytes = os.fstat(file.fileno()).st_size
        if size_bytes > limits.max_bytes:
            raise FileTooLarge(size_bytes=size_bytes, limit_bytes=limits.max_bytes)
        return file.read(limits.max_bytes + 1)


def _is_picture(path: Path) -> bool:
    """Look at the first bytes of a file whose name does not say that it is a picture. Raises UnreadablePath."""
    if not path.is_file():
        return False
    with open_regular_file(path) as file:
        try:
            sniff(file.read(SNIFFED_BYTES))
        except UnsupportedFormat:
            return False
    return True
