"""Local media storage whose files appear whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

from gallery.durable.synced_writing import PARTIAL_SUFFIX, make_folder, replacing_whole_files, write_all


class ContentStorage(FileSystemStorage):
    """For files named by their content: a name that exists already holds the same bytes.

    A file is written beside its place, synced, then renamed into it. A crash leaves at most a `*.partial` file, which
    the next try overwrites, and never half a picture under a final name. One writer per name at a time: callers hold
    the lock of the content.
    """

    listings_at_once = 1  # a disk answers at once
    PART_SUFFIXES = (PARTIAL_SUFFIX, ".part")  # the second one is of versions before

    def _save(self, name: str, content: File[Any]) -> str:
        path = Path(self.path(name))
        make_folder(path.parent)
        with replacing_whole_files(path) as [fd]:
            size_bytes = 0
            for chunk in content.chunks():
                write_all(fd, chunk, size_bytes)
                size_bytes += len(chunk)
            if self.file_permissions_mode is not None:
                os.fchmod(fd, self.file_permissions_mode)
        return name

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def sizes_below(self, folder: str) -> dict[str, int]:
        """Return the size in bytes of each file below the folder, by its path. See `ListingStorage`."""
        sizes: dict[str, int] = {}
        with suppress(FileNotFoundError), os.scandir(self.path(folder)) as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}"
                if entry.is_dir():
                    sizes |= self.sizes_below(name)
                    continue
                with suppress(FileNotFoundError):  # deleted meanwhile
                    sizes[name] = entry.stat().st_size
        return sizes

    @classmethod
    def is_part(cls, name: str) -> bool:
        """Say whether a crash left this file half written."""
        return name.endswith(cls.PART_SUFFIXES)
