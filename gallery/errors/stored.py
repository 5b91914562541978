"""Errors that outlive their process: what became of a picture is read later, in any language."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from .base import ImageSearchError, Phrase, readable, readables

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredError:
    """What is kept of an error. `message` is its English sentence, which is all there is where `code` is "".

    `details` are plain JSON; a reason that can be translated is {"template": ..., "values": {...}} there.
    """

    message: str
    code: str = ""
    details: Json = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message

    @classmethod
    def of(cls, error: ImageSearchError) -> Self:
        return cls(_text(str(error)), error.code, {name: _kept(value) for name, value in error.details.items()})

    @classmethod
    def from_json(cls, value: Json | str) -> Self:
        """Return what `as_json` gave, or what a version before wrote: a sentence."""
        if isinstance(value, str):
            return cls(value)
        return cls(value["message"], value.get("code", ""), value.get("details", {}))

    @classmethod
    def with_code(cls, code: str, kept: Json | None) -> Self:
        """Return what is kept of the error with this code. What is kept of none is a sentence of a version before."""
        return cls.from_json(kept) if kept is not None and kept["code"] == code else cls(code)

    def as_json(self) -> Json:
        return {"code": self.code, "message": self.message, "details": self.details}

    def translated(self, template: str, translate: Callable[[str], str]) -> str:
        """Return `template`, the translation of the error's message, with its details filled in, reasons translated.

        Raises KeyError, TypeError or ValueError where the details are not those of the template.
        """
        return template % readables({name: _said(value, translate) for name, value in self.details.items()})


def _kept(value: Any) -> Any:
    if isinstance(value, Phrase):
        return {"template": value.template, "values": {name: _kept(each) for name, each in value.values.items()}}
    if value is None or isinstance(value, bool | int | float):
        return value
    return readable(_text(str(value)))


def _text(text: str) -> str:
    """Return what every database keeps."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _said(value: Any, translate: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return translate(value["template"]) % readables(value["values"])
    return value
