"""The pictures of a folder, a batch at a time, so that memory does not grow with their number."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL.Image import Image as Pixels

from gallery.errors import InvalidPicture, Phrase, UnreadablePath, gettext_noop
from gallery.imaging import load_pixels
from gallery.services.decode_limits import decode_limits


@dataclass(frozen=True, slots=True)
class OpenedPicture:
    """`digest` is of the file's bytes: files with the same one are the same picture under two names."""

    path: Path
    digest: bytes
    pixels: Pixels


def picture_files(folder: Path) -> list[Path]:
    """Return the folder's files by name, without hidden ones; which of them are pictures shows when they are read.

    Raises UnreadablePath.
    """
    if not folder.is_dir():
        raise UnreadablePath(path=str(folder), reason=Phrase(gettext_noop("it is not a folder")))
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise UnreadablePath(path=str(folder), reason=error.strerror or str(error)) from error


def open_picture(path: Path) -> OpenedPicture:
    """Raises InvalidPicture, OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        return OpenedPicture(path, digest, load_pixels(file, limits=decode_limits()))


def opened_batches(files: Sequence[Path], *, size: int, failed: list[str]) -> Iterator[list[OpenedPicture]]:
    """Yield `size` files at a time, opened; the names of those that cannot be are added to `failed`."""
    for start in range(0, len(files), size):
        opened = []
        for path in files[start : start + size]:
            try:
                opened.append(open_picture(path))
            except (InvalidPicture, OSError):
                failed.append(path.name)
        yield opened


def spread(files: Sequence[Path], count: int) -> list[Path]:
    """Return `count` of the files at equal distances, or all if they are fewer: the same ones at every run."""
    if count >= len(files):
        return list(files)
    return [files[place * len(files) // count] for place in range(count)]
