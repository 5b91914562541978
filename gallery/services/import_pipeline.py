"""Bringing many pictures in: read and shrink in threads, store in this thread, encode in another; none waits long."""

import hashlib
import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from typing import Generic, Protocol, TypeVar

from PIL.Image import Image as Pixels

from gallery.conf import gallery
from gallery.encoders.abilities import Look
from gallery.encoders.base import Encoder, Vectors
from gallery.encoders.looking import look_at
from gallery.errors import (
    DecoderUnavailable,
    EncoderMismatch,
    ImageSearchError,
    InTrashLeftOut,
    StorageFull,
    StorageNotWritable,
    StoredError,
)
from gallery.imaging import Embedded, Facts, Limits, inspect
from gallery.models import Actor, Claim, Image, Job, User

from .changed_files import ChangedFiles, OnChange
from .decode_limits import decode_limits
from .embedded_words import with_embedded_words
from .embedding.claimed_images import embed_these
from .embedding.encoder_deaths import at_risk
from .embedding.encoder_in_use import current_encoder
from .embedding.waiting_images import EmbedReport, commit_batch
from .holders import holding
from .import_jobs import FileFailure, ImportCounts, SkippedFile
from .ingest import Upload, bring_back_original, existing_image, store_picture
from .labels import Labels
from .long_work import JobRun
from .media import original_is_whole

READERS = min(4, os.cpu_count() or 1)
FIRST_BATCH = 4  # the encoder begins early; each batch is twice as large as the one before until it is a whole one
BATCHES_AHEAD = 2  # bounds memory: decoded pictures that wait for the encoder
LOOKED_UP = 100  # files of which one query says which were imported before
VECTORS_PER_COMMIT = 256  # each commit syncs the vector file and writes one transaction

logger = logging.getLogger(__name__)
Progress = Callable[[int], None]


class IncomingFile(Protocol):
    """One file that may become a picture, wherever it comes from."""

    @property
    def path(self) -> str:
        """What a report calls it."""

    @property
    def name(self) -> str:
        """The file name that its picture gets."""

    @property
    def place(self) -> bytes | None:
        """The file's real path, by which it is known again at the next import; None if it has none of its own."""

    @property
    def labels(self) -> Labels: ...

    @property
    def created_at(self) -> datetime | None:
        """When it was added to another library, if it was."""

    def read(self, limits: Limits) -> bytes | None:
        """Return its bytes; None if it neither is nor claims to be a picture. Called in a thread of the readers.

        Raises InvalidInput, InvalidPicture.
        """

    def with_files_beside(self, embedded: Embedded, limits: Limits) -> Embedded:
        """Return what its picture says together with what files beside it say. Called in a thread of the readers."""

    def vector(self) -> Vectors | None:
        """Return its vector of the library's encoder, (dimension,) float32, if it comes with one."""


File = TypeVar("File", bound=IncomingFile)


class Files(Protocol[File]):
    """What an import brings in."""

    @property
    def files(self) -> Sequence[File]: ...

    def note_taken(self, file: File, upload: Upload) -> None:
        """Be told what a file became, before `vector` is asked."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A file that the owner has already."""

    content: bytes
    md5: str
    sha256: str


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A good picture, read and shrunk, that is not stored yet."""

    content: bytes
    facts: Facts
    thumbnails: dict[int, bytes]
    pixels: Pixels


_Read = _Prepared | _Known | None


class ImportPipeline(Generic[File]):
    """One run. The database is used in the calling thread only; the readers and the encoder are pure.

    May be killed at any moment and run again: nothing is lost or doubled. A picture is decoded once.
    """

    def __init__(
        self,
        files: Files[File],
        *,
        owner: User,
        by: Actor,
        encoder: Encoder,
        progress: Progress,
        on_change: OnChange = OnChange.KEEP,
    ) -> None:
        self._files = files
        self._owner = owner
        self._by = by
        self._encoder = encoder
        self._progress = progress
        self._changed_files = ChangedFiles(owner=owner, by=by, on_change=on_change)
        self._counts = ImportCounts()
        self._failed: list[FileFailure] = []
        self._warnings: list[FileFailure] = []
        self._skipped: list[SkippedFile] = []
        self._with_vector: list[tuple[Image, Look]] = []
        self._with_pixels: list[tuple[Image, Pixels]] = []
        self._encoding: deque[tuple[list[Image], Encoder, Future[list[Look]]]] = deque()
        self._batches = 0
        self._holder = ""  # of the claims of this run
        self._left_in_queue: list[int] = []  # ids; known pictures that an earlier, killed run did not embed are among

    def counts(self) -> ImportCounts:
        """Return what became of the files so far."""
        return replace(
            self._counts,
            changed=self._changed_files.changed,
            failed=tuple(self._failed),
            skipped=tuple(self._skipped),
            warnings=tuple(self._warnings),
        )

    def run(self, run: JobRun) -> None:
        """Bring all files in, as a run of a job that may be cancelled: what was taken by then is embedded.

        Raises StorageFull, StorageNotWritable, DecoderUnavailable, and what the encoder raises: it ends the run. Raises
        WorkCancelled.
        """
        with holding() as self._holder:
            self._bring_in(run)
        self._changed_files.replace_previous()

    def _bring_in(self, run: JobRun) -> None:
        known = frozenset(Image.objects.filter(owner=self._owner).values_list("md5", flat=True).iterator())
        with ThreadPoolExecutor(READERS) as readers, ThreadPoolExecutor(1) as encoder_thread:
            for file, read in self._read_ahead(readers, known):
                self._take(file, read, run.job)
                self._commit_vectors(at_least=VECTORS_PER_COMMIT)
                self._encode(encoder_thread, at_least=self._batch_size)
                self._progress(1)
                run.advance()
                if run.is_cancelled:
                    readers.shutdown(wait=False, cancel_futures=True)
                    break
            self._commit_vectors(at_least=1)
            self._encode(encoder_thread, at_least=1)
            while self._encoding:
                self._commit_oldest()
        run.check_cancelled()
        self._count_embedded(embed_these(self._left_in_queue, holder=self._holder))

    def _read_ahead(self, readers: ThreadPoolExecutor, known: frozenset[str]) -> Iterator[tuple[File, Future[_Read]]]:
        """Yield each file with its content to come, reading at most a few batches ahead of the encoder."""
        limits = decode_limits()
        ahead: deque[tuple[File, Future[_Read]]] = deque()
        for number, file in enumerate(self._files.files):
            if number % LOOKED_UP == 0:
                self._changed_files.look_up([one.place for one in self._files.files[number : number + LOOKED_UP]])
            ahead.append((file, readers.submit(_prepare, file, known, limits)))
            if len(ahead) > BATCHES_AHEAD * gallery().embed_batch_size:
                yield ahead.popleft()
        while ahead:
            yield ahead.popleft()

    def _take(self, file: File, read: "Future[_Read]", job: Job) -> None:
        """Store one file, or note why not. A full or read-only disk ends the run: no later file would fare better.

        Nor would one without a decoder.
        """
        try:
            content = read.result()
            if content is None:
                self._counts += ImportCounts(ignored=1)
            elif isinstance(content, _Known):
                self._take_known(file, content, job)
            else:
                self._take_new(file, content, job)
        except (StorageFull, StorageNotWritable, DecoderUnavailable):
            raise
        except ImageSearchError as error:
            self._failed.append(FileFailure(file.path, StoredError.of(error)))

    def _take_known(self, file: File, known: _Known, job: Job) -> None:
        """Leave the picture and its labels as they are; bring its original back if that is lost."""
        image = existing_image(known.md5, known.sha256, owner=self._owner)
        if image is None:  # deleted since the run began
            self._take_new(file, _inspected(file, known.content, decode_limits(), md5=known.md5), job)
            return
        if not original_is_whole(image):
            bring_back_original(image, BytesIO(known.content), by=self._by)
        self._taken(file, Upload(image, created=False), None)
        self._changed_files.note(file.path, file.place, image, self._changed_files.previous(file.place))

    def _take_new(self, file: File, prepared: _Prepared, job: Job) -> None:
        previous = self._changed_files.previous(file.place)
        place = self._changed_files.place_to_note(file.place, previous)
        handed_over = self._changed_files.labels_for(previous, file.labels, prepared.facts, prepared.pixels)
        words = with_embedded_words(handed_over or file.labels, prepared.facts.embedded)
        upload = store_picture(
            BytesIO(prepared.content),
            prepared.facts,
            prepared.thumbnails,
            owner=self._owner,
            name=file.name,
            labels=words.labels,
            by=self._by,
            job=job,
            created_at=file.created_at,
            place=place,
            holder=self._holder,
            is_thought_new=True,
        )
        if upload.created:
            self._warnings += [FileFailure(file.path, error) for error in words.left_out]
        self._taken(file, upload, prepared.pixels if upload.created else None)
        has_labels, is_noted = upload.created and handed_over is not None, place is not None
        self._changed_files.note(
            file.path, file.place, upload.image, previous, has_labels=has_labels, is_noted=is_noted
        )

    def _taken(self, file: File, upload: Upload, pixels: Pixels | None) -> None:
        """Count it and have it embedded: with the vector it brings, with its pixels, or by the queue."""
        self._counts += ImportCounts(added=1) if upload.created else ImportCounts(duplicates=1)
        if upload.image.trashed_at is not None:
            self._skipped.append(SkippedFile(file.path, StoredError.of(InTrashLeftOut())))
        self._files.note_taken(file, upload)
        if not upload.image.is_pending:
            return
        if (vector := file.vector()) is not None:
            self._with_vector.append((upload.image, Look(vector)))
        elif pixels is not None:
            self._with_pixels.append((upload.image, pixels))
        else:
            self._left_in_queue.append(upload.image.pk)

    def _commit_vectors(self, *, at_least: int) -> None:
        if len(self._with_vector) < at_least:
            return
        images, looks = [image for image, _ in self._with_vector], [look for _, look in self._with_vector]
        self._with_vector = []
        report = self._committed(images, looks, self._encoder)
        self._counts += ImportCounts(vectors_taken=report.embedded)
        self._note_failures(report)

    @property
    def _batch_size(self) -> int:
        return min(gallery().embed_batch_size, FIRST_BATCH << self._batches)

    def _encode(self, encoder_thread: ThreadPoolExecutor, *, at_least: int) -> None:
        """Hand the batch to the encoder; wait for an older one first when enough are under way."""
        if len(self._with_pixels) < at_least:
            return
        while len(self._encoding) >= BATCHES_AHEAD:
            self._commit_oldest()
        images, pixels = [image for image, _ in self._with_pixels], [opened for _, opened in self._with_pixels]
        self._with_pixels = []
        looks = encoder_thread.submit(_encoded, images, pixels, self._encoder)
        self._encoding.append((images, self._encoder, looks))
        self._batches += 1

    def _commit_oldest(self) -> None:
        """Commit a batch. What the encoder breaks at, or what the index left behind by moving to another encoder, is
        left to the queue, which tries picture by picture and with the encoder of then.
        """
        images, encoder, encoding = self._encoding.popleft()
        try:
            looks = encoding.result()
        except Exception as error:  # noqa: BLE001 -- whatever it is: the queue finds out whose fault it is
            logger.warning("The encoder fails on a batch (%s); its pictures are tried one by one.", error)
            self._left_in_queue += [image.pk for image in images]
            return
        try:
            self._count_embedded(self._committed(images, looks, encoder))
        except EncoderMismatch:
            self._encoder = current_encoder()
            self._left_in_queue += [image.pk for image in images]

    def _committed(self, images: Sequence[Image], looks: Sequence[Look], encoder: Encoder) -> EmbedReport:
        report = commit_batch(images, looks, encoder=encoder)
        Claim.objects.release([image.pk for image in images], holder=self._holder)
        return report

    def _count_embedded(self, report: EmbedReport) -> None:
        self._counts += ImportCounts(embedded=report.embedded)
        self._note_failures(report)

    def _note_failures(self, report: EmbedReport) -> None:
        """A picture that is stored but cannot be searched counts as added and is listed with its reason."""
        self._failed += [FileFailure(failure.name, failure.error) for failure in report.failures]


def _encoded(images: Sequence[Image], pixels: Sequence[Pixels], encoder: Encoder) -> list[Look]:
    """Encode pictures in a thread of its own. Should this process die, all of them are suspects."""
    with at_risk(images):
        return look_at(pixels, encoder)


def _prepare(file: File, known: frozenset[str], limits: Limits) -> _Read:
    content = file.read(limits)
    if content is None:
        return None
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if md5 in known:
        return _Known(content, md5, hashlib.sha256(content).hexdigest())
    return _inspected(file, content, limits, md5=md5)


def _inspected(file: File, content: bytes, limits: Limits, *, md5: str) -> _Prepared:
    picture = inspect(BytesIO(content), limits=limits, with_thumbnails=True, known_md5=md5)
    embedded = file.with_files_beside(picture.facts.embedded, limits)
    return _Prepared(content, replace(picture.facts, embedded=embedded), picture.thumbnails, picture.pixels)
