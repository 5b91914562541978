"""The files of pictures, each once, at an address made from their content: originals, thumbnails, plain copies."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO, cast

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage

from gallery.conf import gallery
from gallery.durable.file_lock import FileLock
from gallery.durable.synced_writing import storage_errors
from gallery.errors import InvalidPicture, NoPlainCopy, OriginalMissing
from gallery.imaging import (
    COPY_FORMATS,
    EXTENSIONS,
    STRIPPED_FORMATS,
    THUMBNAIL_SIZES_PX,
    CannotStrip,
    copy_without_metadata,
    load_pixels,
    strip,
    thumbnails,
)
from gallery.models import Image
from gallery.rooms import Room, go_on_in
from gallery.storage import ContentStorage

from .decode_limits import copy_limits


def original_path(sha256: str, format: str) -> str:
    return f"originals/{sha256[:2]}/{sha256[2:4]}/{sha256}{EXTENSIONS[format]}"


def thumbnail_path(sha256: str, size_px: int) -> str:
    return f"thumbnails/{size_px}/{sha256[:2]}/{sha256[2:4]}/{sha256}.webp"


def copy_path(sha256: str, format: str) -> str:
    """Return where the copy without metadata of a content lies, where it needs one of this format."""
    return f"copies/{sha256[:2]}/{sha256[2:4]}/{sha256}{EXTENSIONS[format]}"


@dataclass(frozen=True, slots=True)
class OriginalFile:
    """What somebody gets of an original. Without metadata its format may be another than the original's."""

    file: BinaryIO
    format: str


@contextmanager
def content_lock(sha256: str) -> Iterator[None]:
    """Hold the lock of one content address, so that its file is not deleted while another owner adds it."""
    settings = gallery()
    path = settings.locks_dir / f"content-{sha256[:2]}.lock"
    with FileLock(path, timeout_seconds=settings.lock_timeout_seconds):
        yield


def save_original(file: BinaryIO, *, sha256: str, format: str) -> bool:
    """Write the original unless it is there whole; say whether it was written. Hold the content's lock.

    Raises StorageFull, StorageNotWritable.
    """
    path = original_path(sha256, format)
    stored_bytes = _size_bytes(path)
    file.seek(0, os.SEEK_END)
    if stored_bytes == file.tell():
        return False
    if stored_bytes is not None:
        default_storage.delete(path)  # cut short on the disk; a storage that never overwrites would keep both
    file.seek(0)
    _save(path, File(file))
    return True


def save_thumbnails(thumbnails: dict[int, bytes], *, sha256: str) -> None:
    """Write the WebP thumbnails that are not there. Hold the content's lock. Raises as `save_original`."""
    for size_px, content in thumbnails.items():
        path = thumbnail_path(sha256, size_px)
        if not default_storage.exists(path):
            _save(path, ContentFile(content))


def _save(path: str, content: File[Any]) -> None:
    with storage_errors(gallery().data_dir):
        default_storage.save(path, content)


def original_size_bytes(image: Image) -> int | None:
    """Return the size of the stored original, None if it is gone."""
    return _size_bytes(original_path(image.sha256, image.format))


def original_is_whole(image: Image) -> bool:
    """Say whether the original is there with all its bytes. Its content is not read."""
    return original_size_bytes(image) == image.size_bytes


def _size_bytes(path: str) -> int | None:
    try:
        return default_storage.size(path)
    except OSError:  # what cannot be reached is not there, as for `exists`; whoever writes it is told why
        return None


def open_original(image: Image) -> BinaryIO:
    """Open the stored bytes. Raises OriginalMissing."""
    try:
        return _open(original_path(image.sha256, image.format))
    except FileNotFoundError:
        raise OriginalMissing(image_id=image.pk) from None


def open_plain_original(image: Image) -> OriginalFile:
    """Open the original without metadata: stripped, or a copy that is made once where it cannot be.

    Raises OriginalMissing, NoPlainCopy, DecoderUnavailable, StorageFull, StorageNotWritable.
    """
    if image.format in STRIPPED_FORMATS:
        with open_original(image) as original:
            content = original.read()
        try:
            return OriginalFile(BytesIO(strip(content, image.format)), image.format)
        except CannotStrip:  # damaged somewhere: what is decoded of it holds no metadata
            pass
    return _open_copy(image) or _make_copy(image)


def _open_copy(image: Image) -> OriginalFile | None:
    for format in COPY_FORMATS:
        with suppress(FileNotFoundError):
            return OriginalFile(_open(copy_path(image.sha256, format)), format)
    return None


def _make_copy(image: Image) -> OriginalFile:
    with open_original(image) as original:
        try:
            format, content = copy_without_metadata(original, limits=copy_limits())
        except InvalidPicture as error:
            raise NoPlainCopy(image_id=image.pk, reason=error.code) from error
    with content_lock(image.sha256):
        if not Image.objects.filter(sha256=image.sha256).exists():  # deleted meanwhile: nobody would delete the copy
            raise OriginalMissing(image_id=image.pk)
        path = copy_path(image.sha256, format)
        if not default_storage.exists(path):
            _save(path, ContentFile(content))
    return OriginalFile(BytesIO(content), format)


def open_thumbnail(image: Image, size_px: int) -> BinaryIO:
    """Open a thumbnail, making it again from the original if it is gone, in the room where copies are made.

    Raises OriginalMissing, what `load_pixels` raises, StorageFull, StorageNotWritable.
    """
    path = thumbnail_path(image.sha256, size_px)
    try:
        return _open(path)
    except FileNotFoundError:
        go_on_in(Room.DOWNLOAD)
        with open_original(image) as original:
            small = thumbnails(load_pixels(original, limits=copy_limits()))
        with content_lock(image.sha256):
            save_thumbnails(small, sha256=image.sha256)
            return _open(path)


def open_kept_thumbnail(image: Image, size_px: int) -> BinaryIO:
    """Open a thumbnail as it is stored. Raises FileNotFoundError where it is gone."""
    return _open(thumbnail_path(image.sha256, size_px))


def _open(path: str) -> BinaryIO:
    return cast("BinaryIO", default_storage.open(path, "rb"))


def delete_unused_files(sha256: str, format: str) -> bool:
    """Delete the files of a content that no picture uses any more; say whether they were deleted."""
    with content_lock(sha256):
        return delete_unused_files_locked(sha256, format)


def delete_unused_files_locked(sha256: str, format: str) -> bool:
    """Do what `delete_unused_files` does, for who holds the content's lock already."""
    if Image.objects.filter(sha256=sha256).exists():
        return False
    default_storage.delete(original_path(sha256, format))
    for size_px in THUMBNAIL_SIZES_PX:
        default_storage.delete(thumbnail_path(sha256, size_px))
    for copy_format in COPY_FORMATS:
        default_storage.delete(copy_path(sha256, copy_format))
    return True


def is_orphan(path: str) -> bool:
    """Say whether no picture uses this file; whoever is storing that content right now is waited for."""
    with content_lock(sha256_of(path)):
        return _is_orphan_locked(path)


def delete_orphan(path: str) -> None:
    """Delete a file unless a picture uses it by now."""
    with content_lock(sha256_of(path)):
        if _is_orphan_locked(path):
            default_storage.delete(path)


def sha256_of(path: str) -> str:
    """Return the content that the path of an original, a thumbnail or a copy names."""
    return path.rsplit("/", 1)[-1].split(".", 1)[0]


def _is_orphan_locked(path: str) -> bool:
    if not default_storage.exists(path):
        return False
    return ContentStorage.is_part(path) or not Image.objects.filter(sha256=sha256_of(path)).exists()
