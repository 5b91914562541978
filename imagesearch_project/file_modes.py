"""Who on this machine may read the data folder: its owner alone, or a group too."""

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

READERS = ("owner", "group")
OF_THE_DATA_FOLDER = {  # docs/operations.md says what each is
    "cache",
    "imagesearch.sqlite3",
    "imagesearch.sqlite3-shm",
    "imagesearch.sqlite3-wal",
    "locks",
    "logs",
    "media",
    "secret_key",
    "static",
    "vectors",
}


@dataclass(frozen=True, slots=True)
class FileModes:
    folder: int
    file: int

    @classmethod
    def of(cls, readers: str) -> "FileModes":
        return cls(folder=0o700, file=0o600) if readers == "owner" else cls(folder=0o750, file=0o640)

    @property
    def umask(self) -> int:
        return 0o777 & ~self.folder

    def is_wider(self, path: Path) -> bool:
        """Say whether others may do with the path what these modes do not let them."""
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            return False
        return bool(stat.S_IMODE(mode) & 0o777 & ~(self.folder if stat.S_ISDIR(mode) else self.file))


def keep_private(data_dir: Path, modes: FileModes) -> None:
    """Let this process make nothing that others may read, and close a data folder that earlier versions left open.

    The umask is that of the whole process: files appear closed, at no cost. A folder in which anything lies that is not
    ours is left as it is, since others may need it, and only what is ours in it is closed; `manage.py check` names it.
    Nobody passes a closed folder, so what lies deeper is not looked at.
    """
    os.umask(modes.umask)
    for path in [*_ours(data_dir), *([] if _is_shared(data_dir) else [data_dir])]:
        _close(path, modes)


def open_to_others(data_dir: Path, modes: FileModes) -> list[Path]:
    """Return the data folder, and what of ours lies directly in it, where these modes are exceeded."""
    return [path for path in (data_dir, *_ours(data_dir)) if modes.is_wider(path)]


def _ours(data_dir: Path) -> list[Path]:
    paths = (data_dir / name for name in sorted(OF_THE_DATA_FOLDER))
    return [path for path in paths if path.exists() and not path.is_symlink()]


def _is_shared(data_dir: Path) -> bool:
    return not {path.name for path in data_dir.iterdir()} <= OF_THE_DATA_FOLDER


def _close(path: Path, modes: FileModes) -> None:
    """Take away what exceeds the modes, of what is ours; a folder's set-group-id bit stays."""
    with suppress(OSError):  # `check` names what stays open
        status = path.stat()
        allowed = modes.folder if stat.S_ISDIR(status.st_mode) else modes.file
        if status.st_uid == os.geteuid() and modes.is_wider(path):
            path.chmod(stat.S_IMODE(status.st_mode) & (allowed | 0o7000))
