"""Local media storage whose files appear whole or not at all."""

import os
import uuid
from pathlib import Path

from django.core.files.base import File
from django.core.files.storage import FileSystemStorage


class ContentStorage(FileSystemStorage):
    """For files named by their content: a name that exists already holds the same bytes.

    A file is written beside its place, synced, then renamed into it. A crash or a full disk leaves at most a
    `*.part` file, which `verify_index --repair` removes, and never half a picture under a final name.
    """

    PART = ".part"

    def _save(self, name: str, content: File) -> str:
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{uuid.uuid4().hex}{self.PART}")
        try:
            with part.open("xb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            if self.file_permissions_mode is not None:
                part.chmod(self.file_permissions_mode)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return name

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name
