"""What every door (page, API, command) does with an error: find it, translate it, say it once."""

import errno
from collections.abc import Iterator
from functools import cache
from pathlib import PurePath
from typing import Any

from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.utils.translation import gettext

from .conf import gallery
from .errors import (
    DatabaseBusy,
    ImageSearchError,
    Phrase,
    StorageFull,
    StorageNotWritable,
    StoredError,
    gettext_noop,
)

Body = dict[str, Any]
BUSY = ("database is locked", "database table is locked", "deadlock detected", "lock timeout")
FULL = ("database or disk is full",)
READ_ONLY = ("readonly database", "unable to open database file")


def sentence(error: ImageSearchError) -> str:
    """Return the error's sentence, and the reasons in it, in the reader's language."""
    return error.sentence(gettext(error.message), {name: _translated(value) for name, value in error.details.items()})


def error_body(code: str, message: str, details: Any = None) -> Body:
    """Return the one shape in which programs are told of an error."""
    return {"code": code, "message": message, "details": details or {}}


def body_of(error: ImageSearchError) -> Body:
    """Our own error. What breaks on our side keeps its details, which may name files, to the log."""
    if error.http_status < 500:
        return error_body(error.code, sentence(error), error.details)
    return error_body(error.code, sentence(for_visitors(error)))


def retry_headers(error: ImageSearchError) -> dict[str, str]:
    """Return the header that says when to try again, if that helps."""
    return {} if error.retry_after_seconds is None else {"Retry-After": str(error.retry_after_seconds)}


def as_validation_error(error: ImageSearchError) -> ValidationError:
    """Return the error as a form says it."""
    return ValidationError(sentence(error), code=error.code)


def _translated(value: Any) -> Any:
    return value.translated(gettext(value.template)) if isinstance(value, Phrase) else value


def stored_sentence(error: StoredError | None) -> str:
    """Return in the reader's language an error that was stored, "" for none.

    Of an error that is not known today its English sentence is all that is left.
    """
    if error is None:
        return ""
    message = _messages().get(error.code)
    if message is None:
        return error.message
    try:
        return error.translated(gettext(message), gettext)
    except (KeyError, TypeError, ValueError):  # its details are those of another version's sentence
        return error.message


@cache
def _messages() -> dict[str, str]:
    return {kind.code: kind.message for kind in _kinds(ImageSearchError)}


def _kinds(kind: type[ImageSearchError]) -> Iterator[type[ImageSearchError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)


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
            return StorageNotWritable(
                path=str(gallery().data_dir), reason=Phrase(gettext_noop("the database is read-only"))
            )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull()
    return None
