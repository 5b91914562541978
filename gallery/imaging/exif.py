"""The few EXIF values worth keeping: when and with what a picture was taken. Never where: places stay private."""

import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from PIL import Image
from PIL.ExifTags import IFD, Base

MAX_TEXT = 200  # characters
_FIRST_PHOTO_YEAR = 1826
_TEXTS = {"camera_make": Base.Make, "camera_model": Base.Model}
_DETAIL_TEXTS = {"lens_model": Base.LensModel}
_DETAIL_NUMBERS = {
    "exposure_s": Base.ExposureTime,
    "f_number": Base.FNumber,
    "iso": Base.ISOSpeedRatings,
    "focal_length_mm": Base.FocalLength,
}


def details(exif: Image.Exif) -> dict[int, Any]:
    """Return the tags of the photo itself (the "Exif" part), empty when they cannot be read."""
    try:
        return exif.get_ifd(IFD.Exif)
    except Exception:  # noqa: BLE001 -- damaged EXIF raises as openly as damaged pictures; it must not lose the picture
        return {}


def selection(exif: Image.Exif, photo: dict[int, Any]) -> dict[str, str | int | float]:
    """Return camera_make, camera_model, lens_model, exposure_s, f_number, iso, focal_length_mm: those that are there.

    JSON-safe: texts are at most MAX_TEXT characters without control characters, numbers are finite.
    """
    texts = {name: _text(exif.get(tag)) for name, tag in _TEXTS.items()}
    texts |= {name: _text(photo.get(tag)) for name, tag in _DETAIL_TEXTS.items()}
    numbers = {name: _number(photo.get(tag)) for name, tag in _DETAIL_NUMBERS.items()}
    kept: dict[str, str | int | float] = {name: text for name, text in texts.items() if text}
    return kept | {name: number for name, number in numbers.items() if number is not None}


def taken_at(photo: dict[int, Any]) -> datetime | None:
    """Return DateTimeOriginal, aware if OffsetTimeOriginal is there and sound, else naive (the camera's local time).

    None for a missing or nonsense date: unreadable, before photography, or more than two days ahead of the clock.
    """
    moment = _moment(_text(photo.get(Base.DateTimeOriginal)), "%Y:%m:%d %H:%M:%S")
    if moment is None or not _plausible(moment):
        return None
    offset = _moment(_text(photo.get(Base.OffsetTimeOriginal)), "%z")
    return moment.replace(tzinfo=offset.tzinfo) if offset else moment


def _moment(text: str, pattern: str) -> datetime | None:
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007 -- cameras write local time without a zone
    except ValueError:
        return None


def _plausible(moment: datetime) -> bool:
    latest = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=2)
    return moment.year >= _FIRST_PHOTO_YEAR and moment <= latest


def _text(value: object) -> str:
    """Return a clean text, empty for anything else. Pillow reads EXIF as Latin-1, yet many cameras write UTF-8."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return ""
    with suppress(UnicodeError):
        value = value.encode("latin-1").decode("utf-8")
    return "".join(letter for letter in value if letter.isprintable()).strip()[:MAX_TEXT]


def _number(value: Any) -> int | float | None:
    if isinstance(value, tuple) and value:
        value = value[0]
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return round(number, 6) if math.isfinite(number) else None
