"""Writing a library as a testbed folder, in one pass: pictures, their vectors, and what is said of them."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from django.utils import timezone

from gallery.durable.synced_writing import write_synced
from gallery.encoders.base import Vectors
from gallery.errors import NotExported, NotTestbedEncoder, OriginalMissing, Phrase, StoredError, gettext_noop
from gallery.imaging import EXTENSIONS
from gallery.models import Actor, Image, ImageQuerySet, IndexState, User
from gallery.search_index import search_index
from gallery.services.embedding.waiting_images import ImageFailure
from gallery.services.media import open_original
from gallery.vectors.unit_vectors import are_unit, lengths

from .folder_vectors import DIMENSION, VECTORS_NAME
from .folder_writing import IndexWriter, VectorsWriter, new_folder
from .index_file import FORMATS, INDEX_NAME
from .same_model import may_be_testbed_model

BATCH = 256  # pictures whose vectors are read at a time
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ExportReport:
    """`images` were written, `skipped` were not; each says why. Bytes that several owners have are one picture."""

    encoder: str
    images: int
    skipped: tuple[ImageFailure, ...]
    seconds: float


def images_to_export(owner: User | None, *, by: Actor) -> ImageQuerySet:
    """Return what `by` may see of the owner's pictures, or of everybody's, without the trash; the oldest first."""
    seen = Image.objects.visible_to(by)
    return (seen if owner is None else seen.filter(owner=owner)).order_by("created_at", "pk")


def export_testbed(
    folder: Path,
    *,
    by: Actor,
    owner: User | None = None,
    with_vectors: bool = True,
    progress: Progress = lambda _count: None,
) -> ExportReport:
    """Write the pictures of `owner` (of everybody by default) as a folder that does not exist yet or is empty.

    It is written beside its place and renamed at the end: a crash leaves only `.NAME.imagesearch-export`, which the
    next run removes. Of several owners' pictures of the same bytes the one that was added first gives the labels.
    Raises NotTestbedEncoder, FolderNotEmpty, FolderNotWritable, StorageFull, StoreBusy.
    """
    started = time.perf_counter()
    state = IndexState.objects.current()
    if with_vectors and state.has_encoder:
        _require_testbed_model(state)
    target = folder.resolve()
    with new_folder(target) as partial:
        export = _Export(partial, target, state, with_vectors=with_vectors)
        export.write(images_to_export(owner, by=by), progress)
    return ExportReport(
        encoder=state.encoder_id,
        images=export.image_count,
        skipped=tuple(export.skipped()),
        seconds=time.perf_counter() - started,
    )


def _require_testbed_model(state: IndexState) -> None:
    if state.dimension != DIMENSION or not may_be_testbed_model(state.encoder_id):
        raise NotTestbedEncoder(encoder=state.encoder_id, dimension=state.dimension)


class _Export:
    def __init__(self, partial: Path, target: Path, state: IndexState, *, with_vectors: bool) -> None:
        self.partial = partial
        self.target = target
        self.state = state
        self.with_vectors = with_vectors
        self._written: set[str] = set()  # MD5s
        self._left_out: dict[str, list[NotExported]] = {}  # by MD5: another owner's picture of it may still do

    @property
    def image_count(self) -> int:
        return len(self._written)

    def skipped(self) -> Iterator[ImageFailure]:
        for errors in self._left_out.values():
            yield from map(_failure, errors)

    def write(self, images: ImageQuerySet, progress: Progress) -> None:
        with ExitStack() as files:
            index = files.enter_context(IndexWriter(self.partial / INDEX_NAME))
            vectors = files.enter_context(VectorsWriter(self.partial / VECTORS_NAME)) if self.with_vectors else None
            for batch in _batches(images):
                found = self._vectors_of(batch) if vectors is not None else {}
                for image in batch:
                    self._write_image(image, found.get(image.pk), index, vectors)
                    progress(1)
            index.finish(total=self.image_count, last_updated=timezone.localtime().isoformat())

    def _vectors_of(self, images: list[Image]) -> dict[int, Vectors]:
        """Return the whole vectors of these pictures by id. Raises EncoderMismatch if the index has moved on."""
        ids, rows = search_index().vectors([image.pk for image in images])
        state = IndexState.objects.current()
        if self.state.has_encoder:
            self.state.encoder_key.require_same(state.encoder_key)
        whole = are_unit(lengths(rows)) if len(ids) else np.empty(0, dtype=np.bool_)
        return dict(zip(ids[whole].tolist(), rows[whole], strict=True))

    def _write_image(
        self, image: Image, vector: Vectors | None, index: IndexWriter, vectors: VectorsWriter | None
    ) -> None:
        """Write one picture unless its bytes are there already; what cannot be written is left out with the reason."""
        if image.md5 in self._written:
            return
        try:
            if image.format not in FORMATS:
                raise _skip(image, Phrase(gettext_noop("such a folder holds no %(format)s files"), format=image.format))
            if vectors is not None and vector is None:
                raise _skip(image, _why_without_vector(image))
            content = _content_of(image)
        except NotExported as error:
            self._left_out.setdefault(image.md5, []).append(error)
            return
        name = f"{image.md5}{EXTENSIONS[image.format]}"
        write_synced(self.partial / name, content)
        row = vectors.add(vector) if vectors is not None and vector is not None else None
        index.add(image.md5, _entry_of(image, path=str(self.target / name), row=row))
        self._written.add(image.md5)
        self._left_out.pop(image.md5, None)


def _batches(images: ImageQuerySet) -> Iterator[list[Image]]:
    rows = images.prefetch_related("tags").iterator(chunk_size=BATCH)
    while batch := list(islice(rows, BATCH)):
        yield batch


def _content_of(image: Image) -> bytes:
    """Return the original's bytes. Raises NotExported if they are not those that were uploaded."""
    try:
        with open_original(image) as file:
            content = file.read()
    except OriginalMissing:
        raise _skip(image, Phrase(gettext_noop("its original file is gone"))) from None
    except OSError as error:
        raise _skip(image, error.strerror or str(error)) from error
    if hashlib.sha256(content).hexdigest() != image.sha256:
        raise _skip(image, Phrase(gettext_noop("its original file is damaged")))
    return content


def _why_without_vector(image: Image) -> Phrase:
    if image.is_pending:
        return Phrase(gettext_noop("it has no vector yet; run: manage.py embed_pending"))
    if image.is_failed:
        return Phrase(gettext_noop("it could not be embedded; --without-vectors exports it"))
    return Phrase(gettext_noop("its vector is damaged; run: manage.py verify_index --repair"))


def _skip(image: Image, reason: str) -> NotExported:
    return NotExported(image_id=image.pk, name=image.original_name, reason=reason)


def _failure(error: NotExported) -> ImageFailure:
    return ImageFailure(error.details["image_id"], error.details["name"], StoredError.of(error))


def _entry_of(image: Image, *, path: str, row: int | None) -> dict[str, object]:
    return {
        "id": image.md5,
        "original_name": image.original_name,
        "stored_path": path,
        "description": image.description,
        "tags": [tag.name for tag in image.tags.all()],
        "width": image.width_px,
        "height": image.height_px,
        "file_size": image.size_bytes,
        "format": image.format,
        "created_at": timezone.localtime(image.created_at).isoformat(),
        "embedding_index": row,
    }
