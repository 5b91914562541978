"""The few EXIF values worth keeping: with what a picture was taken. When and in which words: `embedded`."""

import math
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from PIL import Image
from PIL.ExifTags import IFD, Base

from gallery.imaging.orientation import without_headers
from gallery.imaging.tiff import count_pages

MAX_TEXT = 200  # characters
_CAMERA_TEXTS = {"camera_make": Base.Make, "camera_model": Base.Model}
_PHOTO_TEXTS = {"lens_model": Base.LensModel}
_PHOTO_NUMBERS = {
    "exposure_s": Base.ExposureTime,
    "f_number": Base.FNumber,
    "iso": Base.ISOSpeedRatings,
    "focal_length_mm": Base.FocalLength,
}


@dataclass(frozen=True, slots=True)
class Shot:
    """How a picture was taken. `selection` is JSON-safe.

    The keys of `selection`: camera_make, camera_model, lens_model, exposure_s, f_number, iso, focal_length_mm, each
    only where known. Texts have at most MAX_TEXT characters and no control characters; numbers are finite.
    """

    selection: dict[str, str | int | float] = field(default_factory=dict)


def read_shot(image: Image.Image) -> Shot:
    """Return what the EXIF data tells, nothing when it cannot be read: a picture with damaged EXIF is still one.

    Call it after load() (a PNG may carry EXIF behind its pixels) and before the file is closed (a TIFF reads late).
    """
    try:
        _check_size(image.info.get("exif"))
        camera = image.getexif()
        photo = camera.get_ifd(IFD.Exif)
        return Shot(_selection(camera, photo))
    except Exception:  # noqa: BLE001 -- damaged EXIF raises as open-ended a list as damaged pictures do
        return Shot()


def _check_size(raw: object) -> None:
    """Raise ValueError for EXIF data that promises absurdly many values (a TIFF itself is counted earlier)."""
    if isinstance(raw, bytes):
        count_pages(without_headers(raw), stop_after=1)


def _selection(camera: Image.Exif, photo: dict[int, Any]) -> dict[str, str | int | float]:
    texts = {name: _text(camera.get(tag)) for name, tag in _CAMERA_TEXTS.items()}
    texts |= {name: _text(photo.get(tag)) for name, tag in _PHOTO_TEXTS.items()}
    numbers = {name: _number(photo.get(tag)) for name, tag in _PHOTO_NUMBERS.items()}
    kept: dict[str, str | int | float] = {name: text for name, text in texts.items() if text}
    return kept | {name: number for name, number in numbers.items() if number is not None}


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
    if isinstance(value, int):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return round(number, 6) if math.isfinite(number) else None
