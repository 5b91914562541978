"""A disk without space for what is put aside, as the kernel tells of it."""

import tempfile
from typing import IO, Any

import pytest


def fill_disk_of_spool(patch: pytest.MonkeyPatch) -> None:
    """Let every temporary file that gets too long for memory meet a full disk."""
    patch.setattr(tempfile, "TemporaryFile", _opened)


def _opened(**_arguments: Any) -> IO[bytes]:
    return open("/dev/full", "r+b")
