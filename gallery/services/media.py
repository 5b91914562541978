"""The files of pictures: originals and thumbnails, each once, at an address made from their content."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage

from gallery.conf import gallery
from gallery.errors import OriginalMissing
from gallery.imaging import EXTENSIONS, THUMBNAIL_SIZES_PX, Limits, load_pixels, thumbnails
from gallery.models import Image
from gallery.vectors.files import FileLock, storage_errors


def limits() -> Limits:
    settings = gallery()
    return Limits(max_bytes=settings.max_upload_bytes, max_pixels=settings.max_pixels, max_frames=settings.max_frames)


def original_path(sha256: str, format: str) -> str:
    return f"originals/{sha256[:2]}/{sha256[2:4]}/{sha256}{EXTENSIONS[format]}"


def thumbnail_path(sha256: str, size_px: int) -> str:
    return f"thumbnails/{size_px}/{sha256[:2]}/{sha256[2:4]}/{sha256}.webp"


@contextmanager
def content_lock(sha256: str) -> Iterator[None]:
    """Hold the lock of one content address, so that its file is not deleted while another owner adds it."""
    settings = gallery()
    folder = settings.locks_dir
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"content-{sha256[:2]}.lock", timeout_seconds=settings.lock_timeout_seconds):
        yield


def save_original(file: IO[bytes], *, sha256: str, format: str) -> None:
    """Write the original unless it is there. Raises StorageFull, StorageNotWritable."""
    path = original_path(sha256, format)
    if default_storage.exists(path):
        return
    file.seek(0)
    _save(path, File(file))


def save_thumbnails(images: dict[int, bytes], *, sha256: str) -> None:
    """Write the WebP thumbnails that are not there. Raises StorageFull, StorageNotWritable."""
    for size_px, content in images.items():
        path = thumbnail_path(sha256, size_px)
        if not default_storage.exists(path):
            _save(path, ContentFile(content))


def _save(path: str, content: File) -> None:
    with storage_errors(gallery().data_dir):
        default_storage.save(path, content)


def open_original(image: Image) -> IO[bytes]:
    """Open the stored bytes. Raises OriginalMissing."""
    try:
        return default_storage.open(original_path(image.sha256, image.format), "rb")
    except FileNotFoundError:
        raise OriginalMissing(image_id=image.pk) from None


def open_thumbnail(image: Image, size_px: int) -> IO[bytes]:
    """Open a thumbnail, making it again from the original if it is gone. Raises OriginalMissing."""
    path = thumbnail_path(image.sha256, size_px)
    try:
        return default_storage.open(path, "rb")
    except FileNotFoundError:
        with open_original(image) as original:
            save_thumbnails(thumbnails(load_pixels(original, limits=limits())), sha256=image.sha256)
        return default_storage.open(path, "rb")


def delete_unused_files(sha256: str, format: str) -> bool:
    """Delete the files of a content that no picture uses any more; say whether they were deleted."""
    with content_lock(sha256):
        if Image.objects.filter(sha256=sha256).exists():
            return False
        default_storage.delete(original_path(sha256, format))
        for size_px in THUMBNAIL_SIZES_PX:
            default_storage.delete(thumbnail_path(sha256, size_px))
    return True
