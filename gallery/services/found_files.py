"""Looking for pictures in folders as they lie on a disk. One bad path, file or folder never stops the rest."""

import os
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR

from gallery.conf import gallery
from gallery.errors import (
    KnownFolderLeftOut,
    LeftOut,
    LoopLeftOut,
    OwnFilesLeftOut,
    Phrase,
    SidecarLeftOut,
    StoredError,
    SubFolderLeftOut,
    UnreadablePath,
    gettext_noop,
    shown,
    unreadable,
)

from .import_jobs import FileFailure, SkippedFile
from .other_files import FolderNames, NamesToIgnore
from .sidecars import Sidecars

Identity = tuple[int, int]  # device and inode: the same for one folder under all its names


@dataclass(frozen=True, slots=True)
class Source:
    """One file to bring in; `named` says that the caller named it, so it may not be ignored.

    `sidecars` are the files beside it that describe it, the most particular first (`services/sidecars.py`).
    """

    path: Path
    named: bool
    sidecars: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """What paths lead to: files to bring in, in order, and what became of everything else.

    `skipped` is left out for a reason that is told; `ignored` counts what the setting `import_ignore` leaves out, a
    folder once.
    """

    sources: tuple[Source, ...] = ()
    failed: tuple[FileFailure, ...] = ()
    skipped: tuple[SkippedFile, ...] = ()
    ignored: int = 0


def find_files(paths: Iterable[Path], *, recursive: bool) -> FoundFiles:
    """Look at paths that somebody named, and into those that are folders.

    With `recursive` into all folders below too, each once, whatever links lead to it; links to folders are followed
    last, so that a file goes by its own path. What is named is looked at even where `import_ignore` has its name.
    """
    walk = _Walk(recursive=recursive)
    for path in paths:
        walk.look_at(path)
    walk.follow_links()
    return walk.found()


class _Walk:
    def __init__(self, *, recursive: bool) -> None:
        self._recursive = recursive
        self._to_ignore = NamesToIgnore(gallery().import_ignore)
        self._own_files = _identity(gallery().data_dir)
        self._known: dict[Identity, Path] = {}
        self._links: deque[Path] = deque()
        self._not_entered: list[Path] = []
        self._sources: list[Source] = []
        self._failed: list[FileFailure] = []
        self._skipped: list[SkippedFile] = []
        self._ignored = 0
        self._sidecars: dict[Path, Sidecars] = {}  # by folder, of files that are named by themselves

    def found(self) -> FoundFiles:
        entered = (path for path in self._not_entered if _identity(path) not in self._known)
        sub_folders = [_skipped(path, SubFolderLeftOut()) for path in entered]
        skipped = sorted([*self._skipped, *sub_folders], key=lambda each: each.path)
        return FoundFiles(tuple(self._sources), tuple(self._failed), tuple(skipped), self._ignored)

    def look_at(self, path: Path) -> None:
        try:
            is_folder = S_ISDIR(path.stat().st_mode)
        except FileNotFoundError:
            missing = UnreadablePath(path=shown(path), reason=Phrase(gettext_noop("it does not exist")))
            self._failed.append(FileFailure(shown(path), StoredError.of(missing)))
            return
        except (OSError, ValueError) as error:
            self._fail(path, error)
            return
        if is_folder:
            self._look_into_all(path)
        else:
            self._sources.append(Source(path, named=True, sidecars=self._beside(path)))

    def follow_links(self) -> None:
        """Look into the folders that links lead to, and in turn into those that links in them lead to."""
        while self._links:
            link = self._links.popleft()
            if Path(os.path.realpath(link.parent)).is_relative_to(os.path.realpath(link)):
                self._skipped.append(_skipped(link, LoopLeftOut()))
            else:
                self._look_into_all(link)

    def _look_into_all(self, top: Path) -> None:
        folders = [top]
        while folders:
            folder = folders.pop()
            if self._may_enter(folder, is_top=folder is top):
                folders += reversed(self._look_into(folder))

    def _may_enter(self, folder: Path, *, is_top: bool) -> bool:
        """Note that a folder is looked into, or why not."""
        identity = _identity(folder)
        if identity is None:
            return True  # whatever is wrong with it, looking into it says so
        if identity in self._known:
            self._skipped.append(_skipped(folder, KnownFolderLeftOut(path=shown(self._known[identity]))))
            return False
        if identity == self._own_files and not is_top:
            self._skipped.append(_skipped(folder, OwnFilesLeftOut()))
            return False
        self._known[identity] = folder
        return True

    def _look_into(self, folder: Path) -> list[Path]:
        """Take a folder's files and return the folders in it that are to be looked into."""
        names: list[str] = []
        inner: list[Path] = []
        for entry in self._entries(folder):
            if entry.name in self._to_ignore:
                self._ignored += 1
            elif not _is_folder(entry):
                names.append(entry.name)
            elif not self._recursive:
                self._not_entered.append(folder / entry.name)
            elif entry.is_symlink():
                self._links.append(folder / entry.name)
            else:
                inner.append(folder / entry.name)
        self._take(folder, names)
        return inner

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        """Return what lies in a folder, by name; what can be read of it, if not all can."""
        entries: list[os.DirEntry[str]] = []
        try:
            with os.scandir(folder) as found:
                entries.extend(found)
        except OSError as error:
            self._fail(folder, error)
        return sorted(entries, key=lambda entry: entry.name)

    def _take(self, folder: Path, names: Sequence[str]) -> None:
        kinds, sidecars = FolderNames(names), Sidecars(names)
        found = {name: sidecars.of(name) for name in names}
        describing = {sidecar for name in names for sidecar in found[name] if sidecar != name}
        for name in names:
            reason = SidecarLeftOut() if name in describing else kinds.reason_against(name)
            if reason is not None:
                self._skipped.append(_skipped(folder / name, reason))
            else:
                self._sources.append(Source(folder / name, False, tuple(folder / each for each in found[name])))

    def _beside(self, file: Path) -> tuple[Path, ...]:
        """Return the sidecars of a file that is named by itself."""
        folder = file.parent
        if folder not in self._sidecars:
            try:
                self._sidecars[folder] = Sidecars(os.listdir(folder))
            except OSError:  # whoever may read the file need not be able to list its folder
                self._sidecars[folder] = Sidecars(())
        return tuple(folder / name for name in self._sidecars[folder].of(file.name))

    def _fail(self, path: Path, error: OSError | ValueError) -> None:
        self._failed.append(FileFailure(shown(path), StoredError.of(unreadable(path, error))))


def _skipped(path: Path, reason: LeftOut) -> SkippedFile:
    return SkippedFile(shown(path), StoredError.of(reason))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Links to folders are folders; what cannot be told is a file, whose reading then says why."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _identity(folder: Path) -> Identity | None:
    try:
        status = folder.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
