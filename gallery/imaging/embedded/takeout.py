"""The JSON that Google Takeout writes beside each picture: description, people, when it was taken (UTC).

Its title is the name of the file; the position stays private; what was a favourite, and in which album, is not read.
"""

import json
from datetime import UTC, datetime
from typing import Any

from .dates import moment_of
from .found import MAX_CAPTION_CHARACTERS, MAX_KEYWORD_CHARACTERS, MAX_KEYWORDS, Embedded, each_once
from .texts import clean_text, is_camera_text

MAX_BYTES = 1_000_000
_OWN_KEYS = {
    "photoTakenTime",
    "creationTime",
    "googlePhotosOrigin",
    "imageViews",
    "geoData",
}  # other programs have none


def read_takeout(raw: bytes) -> Embedded | None:
    """Return what it says, None for JSON of another program. Never raises."""
    if len(raw) > MAX_BYTES:
        return Embedded(unreadable=("JSON",))
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        return Embedded(unreadable=("JSON",))
    if not isinstance(told, dict) or not _OWN_KEYS & told.keys():
        return None
    caption = _text(told.get("description"), MAX_CAPTION_CHARACTERS)
    people = told.get("people")
    names = [_name(each) for each in people[:MAX_KEYWORDS]] if isinstance(people, list) else []
    return Embedded(
        taken_at=_moment(told.get("photoTakenTime")),
        caption="" if is_camera_text(caption) else caption,
        people=each_once(names),
    )


def _moment(told: Any) -> datetime | None:
    """Return a timestamp in seconds as a moment in UTC."""
    try:
        moment = datetime.fromtimestamp(int(told["timestamp"]), UTC)
    except (TypeError, ValueError, LookupError, OverflowError, OSError):
        return None
    return moment_of(moment.isoformat())


def _name(person: Any) -> str:
    return _text(person.get("name"), MAX_KEYWORD_CHARACTERS) if isinstance(person, dict) else ""


def _text(value: Any, max_characters: int) -> str:
    text = value[: 4 * max_characters] if isinstance(value, str) else ""
    return clean_text(text.encode("utf-8", "replace"), max_characters=max_characters)
