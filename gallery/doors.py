"""What every door (page, API, command) does with an error: find it, translate it, say it once."""

import errno
from pathlib import PurePath

from django.db import OperationalError
from django.utils.translation import gettext

from .conf import gallery
from .errors import DatabaseBusy, ImageSearchError, StorageFull, StorageNotWritable

BUSY = ("database is locked", "database table is locked", "deadlock detected", "lock timeout")
FULL = ("database or disk is full",)
READ_ONLY = ("readonly database", "unable to open database file")


def sentence(error: ImageSearchError) -> str:
    """Return the error's sentence in the reader's language."""
    return error.sentence(gettext(error.message))


def for_visitors(error: ImageSearchError) -> ImageSearchError:
    """Return the error without the folders that it names: where the site keeps its files is its operator's business."""
    if error.http_status < 500 or not error.details.get("path"):
        return error
    return type(error)(**error.details | {"path": PurePath(error.details["path"]).name})


def known_error(error: BaseException) -> ImageSearchError | None:
    """Return the error that a person can act on, or None if this one is a defect of ours."""
    if isinstance(error, ImageSearchError):
        return error
    text = str(error).lower()
    if isinstance(error, OperationalError):
        if any(words in text for words in BUSY):
            return DatabaseBusy()
        if any(words in text for words in FULL):
            return StorageFull()
        if any(words in text for words in READ_ONLY):
            return StorageNotWritable(path=str(gallery().data_dir), reason="the database is read-only")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull()
    return None
