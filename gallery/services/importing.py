"""Importing files and folders as they lie on a disk."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from stat import S_ISREG

from gallery.encoders.base import Vectors
from gallery.errors import FileTooLarge, Phrase, UnreadablePath, UnsupportedFormat, gettext_noop
from gallery.imaging import ALL_EXTENSIONS, SNIFFED_BYTES, Limits, sniff
from gallery.models import Actor, User

from .embedding.encoder_in_use import current_encoder
from .import_jobs import FileFailure, SkippedFile, noted_import
from .import_pipeline import ImportPipeline
from .ingest import Upload
from .labels import Labels

SHOWN_PLACES = 20  # in the note of an import


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of every file; see `ImportCounts`."""

    added: int
    duplicates: int
    ignored: int
    failed: tuple[FileFailure, ...]
    skipped: tuple[SkippedFile, ...]
    seconds: float

    @property
    def images_per_second(self) -> float:
        return (self.added + self.duplicates) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Source:
    """One file to bring in; `named` says that the caller named it, so it may not be ignored."""

    path: Path
    named: bool


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

    def read(self, limits: Limits) -> bytes | None:
        path = self.source.path
        if not self.source.named and path.suffix.lower() not in ALL_EXTENSIONS and not _is_picture(path):
            return None
        return _read(path, limits)

    def vector(self) -> Vectors | None:
        return None


@dataclass(frozen=True, slots=True)
class _Files:
    files: Sequence[_File]

    def note_taken(self, file: _File, upload: Upload) -> None:
        """Every file is the same here."""


def find_files(paths: Iterable[Path], *, recursive: bool) -> list[Source]:
    """Return the files to look at, in order. Raises UnreadablePath for a path that does not exist or open."""
    sources: list[Source] = []
    for path in paths:
        if _mode_of(path) is None:
            raise UnreadablePath(path=shown(path), reason=Phrase(gettext_noop("it does not exist")))
        if path.is_dir():
            sources += [Source(file, named=False) for file in _files_of(path, recursive)]
        else:
            sources.append(Source(path, named=True))
    return sources


def _mode_of(path: Path) -> int | None:
    """Return the kind and permissions of a file or folder, None if it does not exist. Raises UnreadablePath."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadablePath(path=shown(path), reason=error.strerror or str(error)) from error


def shown(path: Path | str) -> str:
    """Return a path as text that can be stored and printed, whatever bytes the file system holds."""
    return os.fsencode(path).decode("utf-8", "replace")


def _files_of(folder: Path, recursive: bool) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise UnreadablePath(path=shown(error.filename), reason=error.strerror or "unknown")

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if recursive else []
        yield from (Path(parent, name) for name in sorted(names) if not name.startswith("."))


def import_files(
    sources: Sequence[Source],
    *,
    owner: User,
    labels: Labels,
    by: Actor,
    progress: Callable[[int], None] = lambda _count: None,
) -> ImportReport:
    """Bring the files in and embed them. May be killed at any moment and run again: nothing is lost or doubled."""
    started = time.perf_counter()
    files = _Files([_File(source, labels) for source in sources])
    pipeline = ImportPipeline(files, owner=owner, by=by, encoder=current_encoder(), progress=progress)
    with noted_import(pipeline.counts, owner=owner, source=_places(sources), total=len(sources), by=by) as job:
        pipeline.run(job)
    done = pipeline.counts()
    return ImportReport(
        added=done.added,
        duplicates=done.duplicates,
        ignored=done.ignored,
        failed=done.failed,
        skipped=done.skipped,
        seconds=time.perf_counter() - started,
    )


def _places(sources: Sequence[Source]) -> str:
    places = {shown(each.path if each.named else each.path.parent) for each in sources}
    return "\n".join(sorted(places)[:SHOWN_PLACES])


def _read(path: Path, limits: Limits) -> bytes:
    mode = _mode_of(path)
    if mode is not None and not S_ISREG(mode):  # reading a pipe or a device might never end
        raise UnreadablePath(path=shown(path), reason=Phrase(gettext_noop("it is not a regular file")))
    try:
        size_bytes = path.stat().st_size
        if size_bytes > limits.max_bytes:
            raise FileTooLarge(size_bytes=size_bytes, limit_bytes=limits.max_bytes)
        return path.read_bytes()
    except OSError as error:
        raise UnreadablePath(path=shown(path), reason=error.strerror or str(error)) from error


def _is_picture(path: Path) -> bool:
    """Look at the first bytes of a file whose name does not say that it is a picture."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            sniff(file.read(SNIFFED_BYTES))
    except (OSError, UnsupportedFormat):
        return False
    return True
