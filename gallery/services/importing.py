"""Importing folders: read and shrink in threads, store in this thread, encode in another, so that none waits long."""

import hashlib
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from stat import S_ISREG

from PIL.Image import Image as Pixels

from gallery.conf import gallery
from gallery.encoders.base import Encoder, Vectors
from gallery.errors import (
    DecoderUnavailable,
    EncoderMismatch,
    FileTooLarge,
    ImageSearchError,
    Phrase,
    StorageFull,
    StorageNotWritable,
    UnreadablePath,
    UnsupportedFormat,
    gettext_noop,
)
from gallery.imaging import ALL_EXTENSIONS, SNIFFED_BYTES, Facts, Limits, inspect, sniff
from gallery.models import Actor, Image, ImportJob, User

from .decode_limits import decode_limits
from .embedding.encoder_in_use import current_encoder
from .embedding.waiting_images import EmbedReport, commit_batch, embed_images
from .import_jobs import noted_import
from .ingest import bring_back_original, existing_picture, store_picture
from .labels import Labels
from .media import original_is_whole

READERS = min(4, os.cpu_count() or 1)
BATCHES_AHEAD = 2  # bounds memory: decoded pictures that wait for the encoder

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ImportReport:
    """What became of every file. `ignored` are files of a folder that neither are nor claim to be pictures."""

    added: int = 0
    duplicates: int = 0
    ignored: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def images_per_second(self) -> float:
        return (self.added + self.duplicates) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Known:
    """A file that the owner has already."""

    md5: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A good picture, read and shrunk, that is not stored yet."""

    content: bytes
    facts: Facts
    small: dict[int, bytes]
    pixels: Pixels


@dataclass(frozen=True, slots=True)
class Source:
    """One file to bring in; `named` says that the caller named it, so it may not be ignored."""

    path: Path
    named: bool


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
    return _Import(sources, owner=owner, labels=labels, by=by, progress=progress).run()


class _Import:
    """One run. The database is used in the calling thread only; the readers and the encoder are pure."""

    def __init__(
        self, sources: Sequence[Source], *, owner: User, labels: Labels, by: Actor, progress: Callable[[int], None]
    ) -> None:
        self.sources = sources
        self.owner = owner
        self.labels = labels
        self.by = by
        self.progress = progress
        self.job: ImportJob
        self.report = ImportReport()
        self.batch: list[tuple[Image, Pixels]] = []
        self.encoding: deque[tuple[list[Image], Encoder, Future[Vectors]]] = deque()
        self.left_in_queue: list[int] = []  # known pictures that an earlier, killed run did not embed

    def run(self) -> ImportReport:
        self.encoder = current_encoder()
        with noted_import(
            self.report, owner=self.owner, source=self._source(), total=len(self.sources), by=self.by
        ) as self.job:
            self._run_pipeline()
        return self.report

    def _source(self) -> str:
        places = {shown(source.path if source.named else source.path.parent) for source in self.sources}
        return "\n".join(sorted(places)[:20])

    def _run_pipeline(self) -> None:
        known = frozenset(Image.objects.live().filter(owner=self.owner).values_list("md5", flat=True).iterator())
        with ThreadPoolExecutor(READERS) as readers, ThreadPoolExecutor(1) as encoder_thread:
            for source, prepared in self._read_ahead(readers, known):
                self._take(source, prepared)
                if len(self.batch) >= gallery().embed_batch_size:
                    self._encode(encoder_thread)
                self.progress(1)
            self._encode(encoder_thread)
            while self.encoding:
                self._commit_oldest()
        self._note_failures(embed_images(self.left_in_queue))

    def _read_ahead(
        self, readers: ThreadPoolExecutor, known: frozenset[str]
    ) -> Iterator[tuple[Source, "Future[Prepared | Known | None]"]]:
        """Yield each file with its content to come, reading at most a few batches ahead of the encoder."""
        bounds = decode_limits()
        ahead: deque[tuple[Source, Future[Prepared | Known | None]]] = deque()
        for source in self.sources:
            ahead.append((source, readers.submit(_prepare, source, known, bounds)))
            if len(ahead) > BATCHES_AHEAD * gallery().embed_batch_size:
                yield ahead.popleft()
        yield from ahead

    def _take(self, source: Source, prepared: "Future[Prepared | Known | None]") -> None:
        """Store one file, or note why not. A full or read-only disk ends the run: no later file would fare better.

        Nor would one without a decoder.
        """
        try:
            content = prepared.result()
            if content is None:
                self.report.ignored += 1
            elif isinstance(content, Known):
                self._take_known(source, content)
            else:
                self._store(source, content)
        except (StorageFull, StorageNotWritable, DecoderUnavailable):
            raise
        except ImageSearchError as error:
            self.report.failed.append({"path": shown(source.path), "error": str(error)})

    def _take_known(self, source: Source, known: Known) -> None:
        image = existing_picture(known.md5, known.sha256, owner=self.owner)
        self.report.duplicates += 1
        if image is None:
            return
        if not original_is_whole(image):
            self._bring_back(image, source)
        self._leave_in_queue(image)

    def _bring_back(self, image: Image, source: Source) -> None:
        content = _read(source.path, decode_limits())
        if hashlib.sha256(content).hexdigest() == image.sha256:  # the file may have changed since it was hashed
            bring_back_original(image, BytesIO(content), by=self.by)

    def _leave_in_queue(self, image: Image) -> None:
        if image.is_pending:
            self.left_in_queue.append(image.pk)

    def _store(self, source: Source, content: Prepared) -> None:
        upload = store_picture(
            BytesIO(content.content),
            content.facts,
            content.small,
            owner=self.owner,
            name=source.path.name,
            labels=self.labels,
            by=self.by,
            job=self.job,
        )
        if not upload.created:
            self.report.duplicates += 1
            self._leave_in_queue(upload.image)
            return
        self.report.added += 1
        if not upload.image.is_searchable:
            self.batch.append((upload.image, content.pixels))

    def _encode(self, encoder_thread: ThreadPoolExecutor) -> None:
        """Hand the batch to the encoder; wait for an older one first when enough are under way."""
        while len(self.encoding) >= BATCHES_AHEAD:
            self._commit_oldest()
        if self.batch:
            images, pixels = [list(part) for part in zip(*self.batch, strict=True)]
            encoding = encoder_thread.submit(self.encoder.encode_images, pixels)
            self.encoding.append((images, self.encoder, encoding))
            self.batch = []

    def _commit_oldest(self) -> None:
        """Commit a batch. What the encoder breaks at, or what the index left behind by moving to another encoder, is
        left to the queue, which tries picture by picture and with the encoder of then.
        """
        images, encoder, encoding = self.encoding.popleft()
        report = EmbedReport()
        try:
            vectors = encoding.result()
        except Exception as error:  # noqa: BLE001 -- whatever it is: the queue finds out whose fault it is
            logger.warning("The encoder fails on a batch (%s); its pictures are tried one by one.", error)
            self.left_in_queue += [image.pk for image in images]
            return
        try:
            commit_batch(images, vectors, encoder=encoder, report=report)
        except EncoderMismatch:
            self.encoder = current_encoder()
            self.left_in_queue += [image.pk for image in images]
        self._note_failures(report)

    def _note_failures(self, report: EmbedReport) -> None:
        """A picture that is stored but cannot be searched counts as added and is listed with its reason."""
        self.report.failed += [
            {"path": str(failure["name"]), "error": str(failure["error"])} for failure in report.failures
        ]


def _prepare(source: Source, known: frozenset[str], bounds: Limits) -> Prepared | Known | None:
    """Read one file; None for a file of a folder that is no picture and does not claim to be one."""
    if not source.named and source.path.suffix.lower() not in ALL_EXTENSIONS and not _is_picture(source.path):
        return None
    content = _read(source.path, bounds)
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if md5 in known:
        return Known(md5, hashlib.sha256(content).hexdigest())
    picture = inspect(BytesIO(content), limits=bounds, with_thumbnails=True)
    return Prepared(content, picture.facts, picture.thumbnails, picture.pixels)


def _read(path: Path, bounds: Limits) -> bytes:
    mode = _mode_of(path)
    if mode is not None and not S_ISREG(mode):  # reading a pipe or a device might never end
        raise UnreadablePath(path=shown(path), reason=Phrase(gettext_noop("it is not a regular file")))
    try:
        size_bytes = path.stat().st_size
        if size_bytes > bounds.max_bytes:
            raise FileTooLarge(size_bytes=size_bytes, limit_bytes=bounds.max_bytes)
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
