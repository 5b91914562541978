"""The one error tree: a code for machines, a sentence for people, an HTTP status for the doors.

Nothing here imports Django, so that the encoders, the vector store and imaging can raise these anywhere.
Each sentence is an English message id with named placeholders; the page, API and command doors translate it
(`gallery.error_messages.sentence`) and never invent text of their own.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Self

LONGEST_VALUE = 300  # characters; paths must stay whole, a pasted novel must not


def gettext_noop(message: str) -> str:
    """Mark a sentence for translation; the door that shows it translates it."""
    return message


class Phrase(str):
    """A part of a sentence, such as a reason. It is English; the doors say it in the reader's language."""

    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, **values: Any) -> Self:
        phrase = super().__new__(cls, template % readables(values))
        phrase.template, phrase.values = template, values
        return phrase

    def translated(self, template: str) -> str:
        """Return `template`, the translation of this phrase's own, with its values filled in."""
        return template % readables(self.values)


def readable(value: Any) -> Any:
    """Return numbers with thousands separators, long texts cut, everything else unchanged."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        return value[: LONGEST_VALUE - 1] + "…"
    return value


def readables(values: dict[str, Any]) -> dict[str, Any]:
    """An id is a name, not an amount: it stays as it is."""
    return {name: value if name.endswith("_id") else readable(value) for name, value in values.items()}


class ImageSearchError(Exception):
    """Base of every error that a person may read. `details` holds the values that the sentence names."""

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500
    retry_after_seconds: int | None = None  # after which the same request may do
    message: ClassVar[str] = gettext_noop("Something went wrong on our side. Try again in a moment.")

    def __init__(self, **details: Any) -> None:
        self.details = details
        super().__init__(self.sentence(self.message))

    def sentence(self, template: str, values: dict[str, Any] | None = None) -> str:
        """Return `template` (the message id or its translation) with `values`, or this error's own, filled in."""
        return template % readables(self.details if values is None else values)


def kind_named(name: str) -> type[ImageSearchError]:
    """Return the kind of error of this name, which another process of ours has raised."""
    return next(kind for kind in _kinds(ImageSearchError) if kind.__name__ == name)


def _kinds(kind: type[ImageSearchError]) -> Iterator[type[ImageSearchError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)
