"""What a serving process puts aside while it answers: in the site's own folder, as the system's may be memory."""

import tempfile
from contextlib import suppress
from pathlib import Path

from django.conf import settings


def spool_folder() -> Path:
    folder: Path = settings.DATA_DIR / "tmp"
    return folder


def spool_in(folder: Path) -> None:
    """Put temporary files of this process there: bodies, uploads, long answers. Most have no name and leave nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(folder)


def clear_spool(folder: Path) -> None:
    """Delete the temporary files that killed processes left. Whoever has one of them open keeps it."""
    for path in folder.glob(f"{tempfile.gettempprefix()}*"):
        with suppress(OSError):  # a folder, or another's: not ours to judge
            path.unlink()
