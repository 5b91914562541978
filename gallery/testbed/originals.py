"""The pictures' files of a testbed folder. Nothing outside of the folder is ever opened, whatever its index says."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from stat import S_ISREG

from gallery.errors import FileTooLarge, ImageSearchError, Phrase, UnreadablePath, gettext_noop, shown
from gallery.imaging import Limits

from .entry import Entry

MD5_DIGITS = 32


def inside(path: Path, root: Path) -> Path | Phrase:
    """Return the regular file that `path` leads to if it lies in `root`, which is resolved; otherwise why not."""
    try:
        found = path.resolve(strict=True)
        mode = found.stat().st_mode
    except FileNotFoundError:
        return Phrase(gettext_noop("it does not exist"))
    except (OSError, RuntimeError, ValueError):  # no permission, a circle of links, a name that no file can have
        return Phrase(gettext_noop("its path cannot be followed"))
    if not found.is_relative_to(root):
        return Phrase(gettext_noop("it lies outside of the folder"))
    if not S_ISREG(mode):  # reading a pipe or a device might never end
        return Phrase(gettext_noop("it is not a regular file"))
    return found


def can_be_a_path(text: str) -> bool:
    """Say whether a file system could know this name: JSON can hold half characters and zeros."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


class Originals:
    """Finds and reads the pictures' files of one folder. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._root = folder.resolve()
        self._beside: dict[str, list[str]] = defaultdict(list)
        with os.scandir(folder) as found:
            for file in found:
                stem = file.name.partition(".")[0].lower()
                if len(stem) == MD5_DIGITS:
                    self._beside[stem].append(file.name)

    def likely_path(self, entry: Entry) -> str:
        """Return the path to name in a report, whether there is a file or not."""
        return shown(next(self._candidates(entry), self.folder / entry.md5))

    def read(self, entry: Entry, limits: Limits) -> bytes:
        """Return the bytes whose MD5 the entry has. Raises UnreadablePath, FileTooLarge."""
        problem: ImageSearchError | None = None
        for path in self._candidates(entry):
            try:
                return self._read(path, entry.md5, limits)
            except (UnreadablePath, FileTooLarge) as error:
                problem = problem or error
        raise problem or UnreadablePath(
            path=shown(self.folder / entry.md5), reason=Phrase(gettext_noop("it does not exist"))
        )

    def _candidates(self, entry: Entry) -> Iterator[Path]:
        """Yield where the file may lie: beside the index first, for `stored_path` is often another machine's."""
        for name in sorted(self._beside.get(entry.md5, ())):
            yield self.folder / name
        if entry.stored_path and can_be_a_path(entry.stored_path):
            yield self.folder / entry.stored_path  # an absolute one stays as it is, and must lie in the folder too
            name = PureWindowsPath(entry.stored_path).name  # it knows both kinds of slashes
            if name:
                yield self.folder / name

    def _read(self, path: Path, md5: str, limits: Limits) -> bytes:
        found = inside(path, self._root)
        if isinstance(found, Phrase):
            raise UnreadablePath(path=shown(path), reason=found)
        try:
            size_bytes = found.stat().st_size
            if size_bytes > limits.max_bytes:
                raise FileTooLarge(size_bytes=size_bytes, limit_bytes=limits.max_bytes)
            content = found.read_bytes()
        except OSError as error:
            raise UnreadablePath(path=shown(path), reason=error.strerror or str(error)) from error
        actual = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if actual != md5:
            raise UnreadablePath(
                path=shown(path),
                reason=Phrase(gettext_noop("its MD5 is %(actual)s, not %(md5)s"), actual=actual, md5=md5),
            )
        return content
