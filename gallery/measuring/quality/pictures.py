"""The pictures of a folder, which get numbers for names: no search may know what a file was called."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from gallery.errors import Phrase, UnreadablePath, UnwritablePath, gettext_noop
from gallery.imaging import ALL_EXTENSIONS

Item = TypeVar("Item")


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


def link_by_number(files: Sequence[Path], folder: Path) -> None:
    """Make links to the files, named 000000.jpg and so on by their places. Raises UnwritablePath."""
    try:
        folder.mkdir()
        for number, path in enumerate(files):
            suffix = path.suffix.lower()
            (folder / f"{number:06}{suffix if suffix in ALL_EXTENSIONS else ''}").symlink_to(path.resolve())
    except OSError as error:
        raise UnwritablePath(path=str(folder), reason=error.strerror or str(error)) from error


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """Return `count` of the items at equal distances, or all if they are fewer: the same ones at every run."""
    if count >= len(items):
        return list(items)
    return [items[place * len(items) // count] for place in range(count)]
