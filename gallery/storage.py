"""Local media storage whose files appear whole or not at all."""

import os
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage


class ContentStorage(FileSystemStorage):
    """For files named by their content: a name that exists already holds the same bytes.

    A file is written beside its place, synced, then renamed into it. A crash leaves at most a `*.part` file, which
    the next try overwrites, and never half a picture under a final name. One writer per name at a time: callers hold
    the lock of the content.
    """

    PART = ".part"

    def _save(self, name: str, content: File[Any]) -> str:
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + self.PART)
        try:
            with part.open("wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            if self.file_permissions_mode is not None:
                part.chmod(self.file_permissions_mode)
            part.replace(path)
            _sync_folder(path.parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return name

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name


def _sync_folder(folder: Path) -> None:
    """Return once the folder's entries are on the disk, so that no row refers to a file that a power cut undoes."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
