"""Bringing a testbed folder in: its pictures and what is said of them, and its vectors where they are our encoder's."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from gallery.conf import gallery
from gallery.encoders.base import Encoder
from gallery.errors import ImageSearchError, IncompleteTestbedEntry, InvalidInput, InvalidPicture, Phrase
from gallery.imaging import Facts, Limits, inspect, thumbnails
from gallery.models import Actor, Image, ImportJob, User
from gallery.services.decode_limits import decode_limits
from gallery.services.embedding.encoder_in_use import current_encoder
from gallery.services.embedding.waiting_images import EmbedReport, commit_batch, embed_images
from gallery.services.import_jobs import noted_import
from gallery.services.importing import READERS, shown
from gallery.services.ingest import Upload, bring_back_original, existing_picture, store_picture
from gallery.services.media import original_is_whole

from .entry import Entry
from .folder_vectors import FolderVectors, open_vectors
from .index_file import Index
from .originals import Originals
from .same_model import encoder_for_folder_vectors, misfits

VECTORS_PER_COMMIT = 256  # each commit syncs the vector file and writes one transaction
READ_AHEAD = 4 * READERS  # bounds memory: pictures that are read and wait to be stored
Progress = Callable[[int], None]


@dataclass(slots=True)
class TestbedReport:
    """What became of every entry.

    `failed` are those that were not brought in or cannot be searched, `warnings` those that were, but for something
    that is left out; `vectors_taken` counts the vectors that were taken over, `reembedded` those that were computed,
    `unused_rows` the rows of the vector file that no entry names.
    """

    __test__ = False  # it only begins like a test

    added: int = 0
    duplicates: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)
    vectors_taken: int = 0
    reembedded: int = 0
    unused_rows: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A good picture, read and shrunk, that is not stored yet."""

    content: bytes
    facts: Facts
    small: dict[int, bytes]


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
    return _Import(folder, index, owner=owner, by=by, reembed=reembed, progress=progress).run()


class _Import:
    """One run. The database is used in the calling thread only; the readers are pure."""

    def __init__(
        self, folder: Path, index: Index, *, owner: User, by: Actor, reembed: bool, progress: Progress
    ) -> None:
        self.folder = folder
        self.index = index
        self.owner = owner
        self.by = by
        self.progress = progress
        self.job: ImportJob
        self.report = TestbedReport()
        self.originals = Originals(folder)
        self.vectors: FolderVectors | None = None
        self.with_vector: list[tuple[Image, Entry]] = []
        self.without_vector: list[int] = []
        self.encoder: Encoder
        self.misfits: dict[str, Phrase] = {}
        if reembed:
            self.encoder = current_encoder()  # what cannot be embedded later is refused now
        else:
            self._open_vectors()

    def _open_vectors(self) -> None:
        entries = self.index.entries
        self.encoder = encoder_for_folder_vectors(self.folder)
        self.vectors = open_vectors(self.folder, entries)
        self.misfits = misfits(entries, originals=self.originals, vectors=self.vectors, encoder=self.encoder)
        self.report.unused_rows = self.vectors.unused_rows

    def run(self) -> TestbedReport:
        source = shown(self.folder.resolve())
        with noted_import(self.report, owner=self.owner, source=source, total=self.index.total, by=self.by) as self.job:
            self._run_pipeline()
        return self.report

    def _run_pipeline(self) -> None:
        for error in self.index.broken:
            self.report.failed.append({"path": shown(self.folder / "image_index.json"), "error": str(error)})
        self.report.duplicates += self.index.repeated
        self.progress(self.index.total - len(self.index.entries))
        known = frozenset(Image.objects.live().filter(owner=self.owner).values_list("md5", flat=True).iterator())
        with ThreadPoolExecutor(READERS) as readers:
            for entry, prepared in self._read_ahead(readers, known):
                self._take(entry, prepared)
                self._commit(at_least=VECTORS_PER_COMMIT)
                self._embed(at_least=gallery().embed_batch_size)
                self.progress(1)
        self._commit(at_least=1)
        self._embed(at_least=1)

    def _read_ahead(
        self, readers: ThreadPoolExecutor, known: frozenset[str]
    ) -> Iterator[tuple[Entry, "Future[_Prepared | bytes]"]]:
        bounds = decode_limits()
        ahead: deque[tuple[Entry, Future[_Prepared | bytes]]] = deque()
        for entry in self.index.entries:
            ahead.append((entry, readers.submit(_prepare, self.originals, entry, known, bounds)))
            if len(ahead) > READ_AHEAD:
                yield ahead.popleft()
        while ahead:
            yield ahead.popleft()

    def _take(self, entry: Entry, prepared: "Future[_Prepared | bytes]") -> None:
        """Store one entry, or note why not. Any other error, such as a full disk, would meet all later ones too."""
        try:
            content = prepared.result()
            upload = self._known(entry, content) if isinstance(content, bytes) else self._stored(entry, content)
        except (InvalidPicture, InvalidInput) as error:
            self.report.failed.append(self._line(entry, error))
            return
        self.report.added += upload.created
        self.report.duplicates += not upload.created
        if upload.created:
            self.report.warnings += [self._note(entry, note) for note in entry.notes]
        if upload.image.is_pending:
            self._queue(upload.image, entry)

    def _known(self, entry: Entry, content: bytes) -> Upload:
        """Return the picture that its owner has; its labels stay as they are."""
        image = existing_picture(entry.md5, hashlib.sha256(content).hexdigest(), owner=self.owner)
        if image is None or image.trashed_at is not None:  # deleted since the run began
            return self._stored(entry, _inspected(content, decode_limits()))
        if not original_is_whole(image):
            bring_back_original(image, BytesIO(content), by=self.by)
        return Upload(image, created=False)

    def _stored(self, entry: Entry, content: _Prepared) -> Upload:
        return store_picture(
            BytesIO(content.content),
            content.facts,
            content.small,
            owner=self.owner,
            name=entry.original_name,
            labels=entry.labels,
            by=self.by,
            job=self.job,
            created_at=entry.created_at,
        )

    def _queue(self, image: Image, entry: Entry) -> None:
        """Give the picture to those whose vector is taken over, or to those that are encoded."""
        reason = self.misfits.get(entry.md5)
        if self.vectors is not None:
            reason = reason or self.vectors.reason_against(entry)
            if reason is None:
                self.with_vector.append((image, entry))
                return
            self.report.warnings.append(self._note(entry, reason))
        self.without_vector.append(image.pk)

    def _commit(self, *, at_least: int) -> None:
        if self.vectors is None or len(self.with_vector) < at_least:
            return
        images, entries = [list(part) for part in zip(*self.with_vector, strict=True)]
        report = EmbedReport()
        commit_batch(images, self.vectors.of(entries), encoder=self.encoder, report=report)
        self.report.vectors_taken += report.embedded
        self._note_failures(report)
        self.with_vector = []

    def _embed(self, *, at_least: int) -> None:
        if len(self.without_vector) < at_least:
            return
        report = embed_images(self.without_vector)
        self.report.reembedded += report.embedded
        self._note_failures(report)
        self.without_vector = []

    def _note_failures(self, report: EmbedReport) -> None:
        """A picture that is stored but cannot be searched counts as added and is listed with its reason."""
        self.report.failed += [
            {"path": str(failure["name"]), "error": str(failure["error"])} for failure in report.failures
        ]

    def _note(self, entry: Entry, reason: str) -> dict[str, str]:
        return self._line(entry, IncompleteTestbedEntry(entry=entry.md5, reason=reason))

    def _line(self, entry: Entry, error: ImageSearchError) -> dict[str, str]:
        return {"path": self.originals.likely_path(entry), "error": str(error)}


def _prepare(originals: Originals, entry: Entry, known: frozenset[str], bounds: Limits) -> _Prepared | bytes:
    """Read one file; only its bytes if its owner has the picture already."""
    content = originals.read(entry, bounds)
    return content if entry.md5 in known else _inspected(content, bounds)


def _inspected(content: bytes, bounds: Limits) -> _Prepared:
    picture = inspect(BytesIO(content), limits=bounds)
    return _Prepared(content, picture.facts, thumbnails(picture.pixels))
