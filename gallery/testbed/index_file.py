"""Reading image_index.json. Whoever wrote it, every value is checked: one bad entry never costs the others."""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils import timezone

from gallery.errors import (
    DescriptionTooLong,
    InvalidTag,
    InvalidTestbedEntry,
    Phrase,
    TooManyTags,
    UnreadableTestbed,
    gettext_noop,
)
from gallery.models.image import MAX_DESCRIPTION_CHARACTERS
from gallery.services.labels import Labels, check_labels
from gallery.text.plain_text import plain_text
from gallery.text.tag_names import MAX_TAGS_PER_IMAGE, parse_tags

from .entry import Entry
from .originals import inside

INDEX_NAME = "image_index.json"
FORMATS = ("JPEG", "PNG", "BMP", "GIF")  # all that the testbed opens
MAX_INDEX_BYTES = 256 << 20  # half a million pictures; reading it takes about six times as much memory
MD5 = re.compile(r"[0-9a-f]{32}")
YEARS = range(2, 9999)  # the first and the last year overflow in some time zone
LONGEST_SHOWN = 80  # characters of a key or value that is not what it should be


@dataclass(slots=True)
class Index:
    """`broken` are entries that name no picture; `repeated` counts further entries of the same one."""

    entries: list[Entry] = field(default_factory=list)
    broken: list[InvalidTestbedEntry] = field(default_factory=list)
    repeated: int = 0

    @property
    def total(self) -> int:
        return len(self.entries) + len(self.broken) + self.repeated


class _Pairs(dict[str, Any]):
    """A JSON object that also remembers the keys it has twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs if len(self) < len(pairs) else None

    def all_items(self) -> list[tuple[str, Any]]:
        return list(self.items()) if self.pairs is None else self.pairs


def read_index(folder: Path) -> Index:
    """Return every entry of the folder's image_index.json. Raises UnreadableTestbed if it makes no sense."""
    if not folder.is_dir():
        raise UnreadableTestbed(path=str(folder), reason=Phrase(gettext_noop("it is not a folder")))
    path = folder / INDEX_NAME
    content = _parsed(path, _read(path))
    images = content.get("images") if isinstance(content, _Pairs) else None
    if not isinstance(images, _Pairs):
        raise UnreadableTestbed(path=str(path), reason=Phrase(gettext_noop("it has no object “images”")))
    return _index_of(images)


def _read(path: Path) -> bytes:
    found = inside(path, path.parent.resolve())
    if isinstance(found, Phrase):
        raise UnreadableTestbed(path=str(path), reason=found)
    try:
        size_bytes = found.stat().st_size
        if size_bytes > MAX_INDEX_BYTES:
            raise UnreadableTestbed(
                path=str(path),
                reason=Phrase(
                    gettext_noop("it has %(size_bytes)s bytes; the limit is %(limit_bytes)s"),
                    size_bytes=size_bytes,
                    limit_bytes=MAX_INDEX_BYTES,
                ),
            )
        return found.read_bytes()
    except OSError as error:
        raise UnreadableTestbed(path=str(path), reason=error.strerror or str(error)) from error


def _parsed(path: Path, content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_Pairs)
    except json.JSONDecodeError as error:
        reason = Phrase(
            gettext_noop("it is not JSON (line %(line)s, column %(column)s)"), line=error.lineno, column=error.colno
        )
    except (ValueError, RecursionError):  # bytes that are not UTF-8, numbers of thousands of digits, nesting
        reason = Phrase(gettext_noop("it is not JSON in UTF-8"))
    raise UnreadableTestbed(path=str(path), reason=reason) from None


def _index_of(images: _Pairs) -> Index:
    index, seen = Index(), set()
    for key, value in images.all_items():
        md5 = key.lower()
        if not MD5.fullmatch(md5):
            index.broken.append(_broken(key, Phrase(gettext_noop("its key is not an MD5 of 32 hexadecimal digits"))))
        elif md5 in seen:
            index.repeated += 1
        elif not isinstance(value, dict):
            index.broken.append(_broken(key, Phrase(gettext_noop("it is not an object"))))
        else:
            seen.add(md5)
            index.entries.append(_entry(md5, value))
    return index


def _broken(key: str, reason: Phrase) -> InvalidTestbedEntry:
    return InvalidTestbedEntry(entry=_shown(key), reason=reason)


def _shown(value: object) -> str:
    return plain_text(value if isinstance(value, str) else repr(value))[:LONGEST_SHOWN]


def _entry(md5: str, values: dict[str, Any]) -> Entry:
    notes: list[Phrase] = []
    return Entry(
        md5=md5,
        original_name=_text(values, "original_name", notes),
        labels=_labels(values, notes),
        created_at=_moment(values.get("created_at"), notes),
        stored_path=_text(values, "stored_path", notes),
        row=_whole_number(values.get("embedding_index")),
        size_px=_size_px(values),
        notes=tuple(notes),
    )


def _text(values: dict[str, Any], name: str, notes: list[Phrase]) -> str:
    value = values.get(name)
    if isinstance(value, str):
        return value
    if value is not None:
        notes.append(_left_out(name, value))
    return ""


def _left_out(name: str, value: object) -> Phrase:
    return Phrase(gettext_noop("its %(name)s, “%(value)s”, is left out"), name=name, value=_shown(value))


def _whole_number(value: object) -> int | None:
    is_one = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_one and isinstance(value, int) else None


def _size_px(values: dict[str, Any]) -> tuple[int, int] | None:
    width_px, height_px = _whole_number(values.get("width")), _whole_number(values.get("height"))
    return (width_px, height_px) if width_px and height_px else None


def _moment(value: object, notes: list[Phrase]) -> datetime | None:
    """Return when the picture was added; without a time zone it is taken to be in the site's."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.year not in YEARS:
        notes.append(_left_out("created_at", value))
        return None
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def _labels(values: dict[str, Any], notes: list[Phrase]) -> Labels:
    """Return what fits our limits: a description that is too long is cut, a tag that is too long left out."""
    description = _text(values, "description", notes)
    try:
        check_labels(description=description)
    except DescriptionTooLong as error:
        notes.append(Phrase(gettext_noop("its description is cut: it has %(length)s characters"), **error.details))
        description = plain_text(description).strip()[:MAX_DESCRIPTION_CHARACTERS]
    return check_labels(description=description, tags=_tags(values.get("tags"), notes))


def _tags(value: object, notes: list[Phrase]) -> list[str]:
    """Return the tags of a list, or of one comma-separated text."""
    texts = [value] if isinstance(value, str) else value
    if texts is not None and not isinstance(texts, list):
        notes.append(_left_out("tags", value))
    tags: list[str] = []
    for text in texts if isinstance(texts, list) else []:
        try:
            tags += parse_tags(text) if isinstance(text, str) else _no_tag(text, notes)
        except (InvalidTag, TooManyTags):
            tags += _no_tag(text, notes)
    tags = list(dict.fromkeys(tags))
    for tag in tags[MAX_TAGS_PER_IMAGE:]:
        _no_tag(tag, notes)
    return tags[:MAX_TAGS_PER_IMAGE]


def _no_tag(value: object, notes: list[Phrase]) -> list[str]:
    notes.append(_left_out("tag", value))
    return []
