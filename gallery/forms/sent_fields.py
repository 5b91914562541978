"""What a form may carry once, several times or not at all: whatever else came would be lost without a word."""

from collections.abc import Collection, Iterable
from typing import Any

from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from gallery.errors import RepeatedField, SeveralFiles, UnexpectedFile, UnknownFileField

Files = MultiValueDict[str, Any]


def check_files(files: Files, *, field: str) -> None:
    """Let at most one file pass, under this name. Raises SeveralFiles, UnknownFileField."""
    check_file_fields(files, field=field)
    count = len(files.getlist(field))
    if count > 1:
        raise SeveralFiles(field=field, count=count, limit=1)


def check_file_fields(files: Files, *, field: str | None) -> None:
    """Let files pass under this name only, none where it is None. Raises UnknownFileField, UnexpectedFile."""
    for name in files:
        if name != field:
            raise UnexpectedFile(field=name) if field is None else UnknownFileField(field=name, expected=field)


def check_once(sent: Any, *, fields: Iterable[str], repeatable: Collection[str] = ()) -> None:
    """Let each of these fields of a form stand once; JSON with one twice is refused before. Raises RepeatedField."""
    if not isinstance(sent, QueryDict):
        return
    for field in fields:
        count = len(sent.getlist(field))
        if count > 1 and field not in repeatable:
            raise RepeatedField(field=field, count=count)
