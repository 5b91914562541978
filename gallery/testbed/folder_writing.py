"""The three kinds of files of a testbed folder, each written in one pass, and the folder that appears at once."""

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from gallery.conf import gallery
from gallery.durable.crash_points import crash_point
from gallery.durable.file_lock import FileLock
from gallery.durable.synced_writing import NO_SPACE, fsync_dir, sync_file
from gallery.encoders.base import Vectors
from gallery.errors import FolderNotEmpty, FolderNotWritable, StorageFull
from gallery.vectors.npy_header import encode_header

from .folder_vectors import DIMENSION

TAKEN = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield a folder to fill, which gets the name `target` at the end, whole and synced; if the body fails, it is gone.

    Raises FolderNotEmpty, FolderNotWritable, StorageFull, StoreBusy while another export runs.
    """
    settings = gallery()
    partial = target.with_name(f".{target.name}.imagesearch-export")
    lock = FileLock(settings.locks_dir / "export.lock", timeout_seconds=settings.lock_timeout_seconds)
    with lock, _writing_errors(target):
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise FolderNotEmpty(path=str(target))
        target.parent.mkdir(parents=True, exist_ok=True)
        if partial.exists():  # of a run that was killed: only one runs at a time
            shutil.rmtree(partial)
        partial.mkdir()
        try:
            yield partial
            fsync_dir(partial)
            crash_point("before_export_rename")
            partial.rename(target)  # fails where a folder of that name has got files meanwhile
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        fsync_dir(target.parent)


@contextmanager
def _writing_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise StorageFull from error
        if error.errno in TAKEN:
            raise FolderNotEmpty(path=str(target)) from error
        raise FolderNotWritable(path=str(target), reason=error.strerror or str(error)) from error


class _Writer:
    """A file that is synced when it is closed."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("xb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self.file:
            if kind is None:
                self.close()
                sync_file(self.file)

    def close(self) -> None:
        """Write what is known only at the end."""


class VectorsWriter(_Writer):
    """A `.npy` file whose row count is written last."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._row_count = 0
        self.file.write(encode_header(0, DIMENSION))

    def add(self, vector: Vectors) -> int:
        """Append one vector; return its row."""
        self.file.write(vector.astype("<f4").tobytes())
        self._row_count += 1
        return self._row_count - 1

    def close(self) -> None:
        self.file.seek(0)
        self.file.write(encode_header(self._row_count, DIMENSION))


class IndexWriter(_Writer):
    """image_index.json, one line per picture."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._separator = '{"images": {\n'

    def add(self, md5: str, values: dict[str, object]) -> None:
        self._write(f"{self._separator}{json.dumps(md5)}: {json.dumps(values, ensure_ascii=False)}")
        self._separator = ",\n"

    def finish(self, *, total: int, last_updated: str) -> None:
        start = self._separator if total == 0 else ""
        rest = json.dumps({"last_updated": last_updated, "total_images": total}).removeprefix("{")
        self._write(f"{start}\n}}, {rest}\n")

    def _write(self, text: str) -> None:
        self.file.write(text.encode("utf-8"))
