"""Paths in sentences: a file system may hold any bytes."""

import os
from pathlib import Path

from .inputs import UnreadablePath


def shown(path: Path | str) -> str:
    """Return a path as text that can be stored and printed, whatever bytes the file system holds."""
    return os.fsencode(path).replace(b"\0", b"").decode("utf-8", "replace")


def unreadable(path: Path | str, error: OSError | ValueError) -> UnreadablePath:
    """Return what reading a path met, or that it can be no path, as an error that people can read."""
    reason = error.strerror if isinstance(error, OSError) else None
    return UnreadablePath(path=shown(path), reason=reason or str(error))
