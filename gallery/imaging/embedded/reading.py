"""From an opened picture, or an XMP file beside one, to what it says."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from PIL import Image
from PIL.ExifTags import GPS, Base
from PIL.TiffImagePlugin import TiffImageFile

from .dates import moment_of, offset_between, with_offset
from .exif_values import IPTC, PHOTOSHOP, RATING, RATING_PERCENT, XMP, Exif, read_exif
from .found import (
    MAX_CAPTION_CHARACTERS,
    MAX_KEYWORD_CHARACTERS,
    MAX_KEYWORDS,
    MAX_TITLE_CHARACTERS,
    Embedded,
    each_once,
)
from .iptc import Iptc, iptc_of_photoshop, read_iptc
from .texts import clean_text, is_camera_text, user_comment, wide_text
from .xmp import PEOPLE, Xmp, read_xmp

_GIF_XMP, _GIF_XMP_END = b"\x21\xff\x0bXMP DataXMP", b"\x01\xff\xfe\xfd"
_IPTC_RESOURCE = 0x0404
_RAW_PROFILE = re.compile(r"\s*\S+\s+[0-9]+\s")
_CUT_KEYWORD_BYTES = 60  # IPTC has room for 64 bytes of a keyword; XMP has the whole of it
_PERCENT_STARS = ((99, 5), (75, 4), (50, 3), (25, 2), (1, 1))  # as Windows writes them
_Block = TypeVar("_Block")


def read_embedded(image: Image.Image, data: bytes) -> Embedded:
    """Return what a picture says; `data` is its whole file. Never raises: one with damaged words is still a picture.

    Call it after load() (a PNG may carry them behind its pixels) and before the file is closed (a TIFF reads late).
    """
    unreadable: list[str] = []

    def read(block: str, reader: Callable[[], _Block], nothing: _Block) -> _Block:
        try:
            return reader()
        except Exception:  # noqa: BLE001 -- damaged blocks raise as open-ended a list as damaged pictures do
            unreadable.append(block)
            return nothing

    exif = read("EXIF", lambda: read_exif(_exif_bytes(image, data)), Exif())
    xmp = read("XMP", lambda: read_xmp(_xmp_bytes(image, data, exif)), Xmp())
    iptc = read("IPTC", lambda: _iptc(image, exif), Iptc())
    unreadable += [
        block for block, whole in (("EXIF", exif.is_whole), ("XMP", xmp.is_whole), ("IPTC", iptc.is_whole)) if not whole
    ]
    found = read("EXIF", lambda: _combined(exif, xmp, iptc, _png_texts(image)), Embedded())
    return Embedded.from_json({**found.as_json(), "unreadable": unreadable})


def read_xmp_file(raw: bytes) -> Embedded:
    """Return what an XMP file beside a picture says. Never raises."""
    xmp = read_xmp(raw)
    found = _combined(Exif(), xmp, Iptc(), {})
    return Embedded.from_json({**found.as_json(), "unreadable": [] if xmp.is_whole else ["XMP"]})


def _combined(exif: Exif, xmp: Xmp, iptc: Iptc, png: Mapping[str, str]) -> Embedded:
    names = [exif.text(Base.Make), exif.text(Base.Model)]
    return Embedded(
        taken_at=_taken_at(exif, xmp, iptc, png),
        title=_first(_titles(exif, xmp, iptc, png), names, MAX_TITLE_CHARACTERS),
        caption=_first(_captions(exif, xmp, iptc, png), names, MAX_CAPTION_CHARACTERS),
        keywords=_keywords(exif, xmp, iptc, png),
        people=each_once([_keyword(text) for name in PEOPLE for text in xmp.texts(name)]),
        rating=_rating(exif, xmp),
    )


# When


def _taken_at(exif: Exif, xmp: Xmp, iptc: Iptc, png: Mapping[str, str]) -> datetime | None:
    """Return the first sound moment: taken, digitized, as XMP, IPTC and PNG say, by satellite, and last changed.

    An offset that the EXIF data lacks is that of the same clock in XMP or IPTC, or what lies between it and the
    satellites' time.
    """
    offsets = [exif.text(tag) for tag in (Base.OffsetTimeOriginal, Base.OffsetTimeDigitized, Base.OffsetTime)]
    hours = exif.value(Base.TimeZoneOffset)  # whole ones, of the older standard TIFF/EP
    offsets.append(f"{hours[0]:+}" if isinstance(hours, tuple) and hours and isinstance(hours[0], int) else "")
    taken = with_offset(moment_of(exif.date(Base.DateTimeOriginal)), offsets)
    digitized = with_offset(moment_of(exif.date(Base.DateTimeDigitized)), [offsets[1], *offsets])
    told = _moments_told(xmp, iptc, png)
    by_satellite = _satellite_time(exif, xmp)
    local = next((moment for moment in (taken, digitized, *told) if moment is not None), None)
    if local is not None:
        return _completed(local, told, by_satellite)
    changed = moment_of(exif.date(Base.DateTime))
    return by_satellite or with_offset(changed, [offsets[2], *offsets])


def _moments_told(xmp: Xmp, iptc: Iptc, png: Mapping[str, str]) -> list[datetime]:
    texts = [xmp.text(name) for name in ("exif:DateTimeOriginal", "photoshop:DateCreated", "xmp:CreateDate")]
    texts += [xmp.text("exif:DateTimeDigitized"), f"{iptc.date} {iptc.clock}", png.get("creation time", "")]
    return [moment for text in texts if (moment := moment_of(text)) is not None]


def _completed(local: datetime, told: Iterable[datetime], by_satellite: datetime | None) -> datetime:
    if local.tzinfo is not None:
        return local
    same = (moment for moment in told if moment.tzinfo is not None and moment.replace(tzinfo=None) == local)
    if (twin := next(same, None)) is not None:
        return twin
    return local.replace(tzinfo=offset_between(local, by_satellite)) if by_satellite is not None else local


def _satellite_time(exif: Exif, xmp: Xmp) -> datetime | None:
    """Return the time of the position, which is UTC."""
    clock = exif.place.get(GPS.GPSTimeStamp)
    if isinstance(clock, tuple | list) and len(clock) == 3:
        clock = _clock_of([_number(part) or 0.0 for part in clock])
    day = clean_text(exif.place.get(GPS.GPSDateStamp), max_characters=40)
    written = f"{day} {clean_text(clock, max_characters=40)}" if day and clock else xmp.text("exif:GPSTimeStamp")
    moment = moment_of(written)
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _clock_of(parts: list[float]) -> str:
    """Return hours, minutes and seconds as a clock; hours and minutes may have fractions, which stand for the rest."""
    hours, minutes, seconds = parts
    whole = int(3600 * hours + 60 * minutes + seconds + 0.001)  # a third of an hour is no round number
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}" if 0 <= whole < 86_400 else ""


# In which words


def _titles(exif: Exif, xmp: Xmp, iptc: Iptc, png: Mapping[str, str]) -> list[str]:
    return [
        xmp.text("dc:title"),
        xmp.text("photoshop:Headline"),
        xmp.text("acdsee:caption"),
        iptc.title,
        wide_text(exif.camera.get(Base.XPTitle), max_characters=MAX_TITLE_CHARACTERS),
        wide_text(exif.camera.get(Base.XPSubject), max_characters=MAX_TITLE_CHARACTERS),
        png.get("title", ""),
    ]


def _captions(exif: Exif, xmp: Xmp, iptc: Iptc, png: Mapping[str, str]) -> list[str]:
    return [
        xmp.text("dc:description"),
        iptc.caption,
        exif.text(Base.ImageDescription, max_characters=MAX_CAPTION_CHARACTERS),
        wide_text(exif.camera.get(Base.XPComment), max_characters=MAX_CAPTION_CHARACTERS),
        user_comment(exif.value(Base.UserComment), max_characters=MAX_CAPTION_CHARACTERS),
        xmp.text("exif:UserComment"),
        xmp.text("tiff:ImageDescription"),
        xmp.text("acdsee:notes"),
        png.get("description", ""),
        png.get("comment", ""),
    ]


def _first(texts: Iterable[str], names: list[str], max_characters: int) -> str:
    """Return the first text that a person wrote."""
    clean = (_clean(text, max_characters) for text in texts)
    return next((text for text in clean if text and not is_camera_text(text, *names)), "")


def _keywords(exif: Exif, xmp: Xmp, iptc: Iptc, png: Mapping[str, str]) -> tuple[str, ...]:
    """Return the keywords of all blocks, each once. A hierarchy counts where there is no flat list of it."""
    subjects = xmp.texts("dc:subject") or _flat(xmp)
    windows = wide_text(exif.camera.get(Base.XPKeywords), max_characters=MAX_CAPTION_CHARACTERS).split(";")
    older = [word for word in iptc.keywords if iptc.is_sure or not subjects]
    texts = [*subjects, *(word for word in older if not _is_cut(word, subjects)), *windows]
    texts += re.split("[,;]", png.get("keywords", ""))
    return each_once([_keyword(text) for text in texts[: 20 * MAX_KEYWORDS]])


def _flat(xmp: Xmp) -> list[str]:
    paths = [*xmp.texts("lr:hierarchicalSubject"), *xmp.texts("MicrosoftPhoto:LastKeywordXMP")]
    parts = [part for path in paths for part in path.split("|")]
    return parts + [part for path in xmp.texts("digiKam:TagsList") for part in path.split("/")]


def _is_cut(word: str, subjects: Iterable[str]) -> bool:
    return len(word.encode()) >= _CUT_KEYWORD_BYTES and any(
        whole != word and whole.startswith(word) for whole in subjects
    )


def _keyword(text: str) -> str:
    return " ".join(_clean(text, MAX_KEYWORD_CHARACTERS).split())


def _clean(text: str, max_characters: int) -> str:
    """Clean what is decoded already: it must not be taken for Latin-1 once more."""
    return clean_text(text[: 4 * max_characters].encode("utf-8", "replace"), max_characters=max_characters)


def _rating(exif: Exif, xmp: Xmp) -> int | None:
    """Return the stars; none for unrated, and for rejected, which has none."""
    stars = _number(xmp.text("xmp:Rating")) or _number(xmp.text("acdsee:rating")) or _number(exif.camera.get(RATING))
    if stars:
        return int(stars) if 1 <= stars <= 5 else None
    percent = _number(xmp.text("MicrosoftPhoto:Rating")) or _number(exif.camera.get(RATING_PERCENT)) or 0
    return next((stars for least, stars in _PERCENT_STARS if least <= percent <= 100), None)


def _number(value: Any) -> float | None:
    if isinstance(value, tuple | list):
        value = value[0] if value else None
    try:
        number = float(value)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return number if math.isfinite(number) else None


# Where it lies


def _exif_bytes(image: Image.Image, data: bytes) -> bytes:
    if isinstance(image, TiffImageFile):
        return data
    raw = image.info.get("exif")
    return raw if isinstance(raw, bytes) else _raw_profile(image, "exif") or b""


def _xmp_bytes(image: Image.Image, data: bytes, exif: Exif) -> bytes:
    if data.startswith(b"GIF8"):
        return _gif_xmp(data)
    raw = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or _raw_profile(image, "xmp")
    if not isinstance(raw, str | bytes):
        raw = exif.camera.get(XMP, b"")
    return raw.encode("utf-8", "replace") if isinstance(raw, str) else bytes(raw)


def _gif_xmp(data: bytes) -> bytes:
    """Return the XMP that lies in one piece in a block of its own, before bytes that count down to the block's end."""
    start = data.find(_GIF_XMP)
    end = data.find(_GIF_XMP_END, start)
    return data[start + len(_GIF_XMP) : end] if 0 <= start < end else b""


def _iptc(image: Image.Image, exif: Exif) -> Iptc:
    raw = _iptc_bytes(image, exif)
    return read_iptc(raw, max_characters=MAX_CAPTION_CHARACTERS, max_keywords=10 * MAX_KEYWORDS)


def _iptc_bytes(image: Image.Image, exif: Exif) -> bytes:
    resources = image.info.get("photoshop")
    if isinstance(resources, dict):
        return bytes(resources.get(_IPTC_RESOURCE) or b"")
    if own := exif.camera.get(IPTC) or iptc_of_photoshop(exif.camera.get(PHOTOSHOP, b"")):
        return bytes(own)
    profile = _raw_profile(image, "iptc") or _raw_profile(image, "8bim") or b""
    return iptc_of_photoshop(profile) or profile


def _raw_profile(image: Image.Image, kind: str) -> bytes | None:
    """Return a block that ImageMagick wrote into a PNG's texts, as hexadecimal digits behind its name and length."""
    text = image.info.get(f"Raw profile type {kind}")
    if not isinstance(text, str) or not (start := _RAW_PROFILE.match(text)):
        return None
    return bytes.fromhex("".join(text[start.end() :].split()))


def _png_texts(image: Image.Image) -> dict[str, str]:
    """Return a PNG's own texts by their keyword, in small letters."""
    texts = getattr(image, "text", {}) if image.format == "PNG" else {}
    return {name.lower(): str(text) for name, text in texts.items()}
