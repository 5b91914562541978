"""IPTC-IIM, the oldest home of captions: records of numbered data sets behind one another (IIM 4.2, chapter 3)."""

import struct
from dataclasses import dataclass

from .texts import CHINESE, clean_text, guessed_letters, guessed_text

MAX_BYTES = 4_000_000
MAX_DATA_SETS = 20_000
_MARK = 0x1C
_CHARACTER_SET = (1, 90)
_IPTC_RESOURCE = 0x0404
DataSets = dict[tuple[int, int], list[bytes]]


@dataclass(frozen=True, slots=True)
class Iptc:
    """What was read. `date` and `clock` are as written; `is_sure`: its letters are known, not guessed."""

    title: str = ""
    caption: str = ""
    keywords: tuple[str, ...] = ()
    date: str = ""
    clock: str = ""
    is_sure: bool = True
    is_whole: bool = True


def read_iptc(raw: bytes, *, max_characters: int, max_keywords: int) -> Iptc:
    """Read as far as it can be read. Texts are cut, keywords beyond the limit left out. Never raises."""
    sets, is_whole = _data_sets(raw[:MAX_BYTES])
    escape = sets.get(_CHARACTER_SET, [b""])[0]
    is_utf8 = escape.startswith(b"\x1b%")
    texts = [text for key, values in sets.items() if key[0] == 2 for text in values]
    is_known = is_utf8 or all(_is_utf8(value) for value in texts)
    letters = "" if is_known else guessed_letters(b"\n".join(texts))  # of all alike: some words tell more than others

    def text(*numbers: int) -> str:
        values = (value for number in numbers for value in sets.get((2, number), []))
        return next((clean for value in values if (clean := _text(value, letters, max_characters))), "")

    keywords = (_text(value, letters, max_characters) for value in sets.get((2, 25), [])[:max_keywords])
    return Iptc(
        title=text(5, 105),
        caption=text(120),
        keywords=tuple(keyword for keyword in keywords if keyword),
        date=text(55) or text(62),
        clock=text(60) if text(55) else text(63),
        is_sure=is_known,
        is_whole=is_whole,
    )


def iptc_of_photoshop(raw: bytes) -> bytes:
    """Return the IPTC data among Photoshop's resources; nothing where there is none."""
    raw = raw.removeprefix(b"Photoshop 3.0\0")
    position = 0
    while raw[position : position + 4] == b"8BIM" and position + 12 <= len(raw):
        (code,) = struct.unpack_from(">H", raw, position + 4)
        position += 6
        position += (raw[position] + 2) // 2 * 2  # a name: its length, itself, filled up to an even number
        if position + 4 > len(raw):
            break
        (size,) = struct.unpack_from(">I", raw, position)
        position += 4
        if code == _IPTC_RESOURCE:
            return raw[position : position + size]
        position += (size + 1) // 2 * 2
    return b""


def _data_sets(raw: bytes) -> tuple[DataSets, bool]:
    """Return the values of each (record, number), and whether all of it could be read."""
    sets: DataSets = {}
    position = 0
    for _ in range(MAX_DATA_SETS):
        if position >= len(raw) or (not raw[position] and not raw[position:].strip(b"\0")):  # filled up with zeros
            return sets, True
        if raw[position] != _MARK or position + 5 > len(raw):
            return sets, False
        record, number, size = struct.unpack_from(">BBH", raw, position + 1)
        position += 5
        if size & 0x8000:  # so long that the length has a length
            digits = size & 0x7FFF
            size = int.from_bytes(raw[position : position + digits][:8], "big")
            position += digits
        if position + size > len(raw):
            return sets, False
        sets.setdefault((record, number), []).append(raw[position : position + size])
        position += size
    return sets, False


def _text(raw: bytes, letters: str, max_characters: int) -> str:
    try:
        text = raw.decode(letters) if letters in CHINESE else guessed_text(raw, letters)
    except UnicodeDecodeError:
        text = guessed_text(raw)
    return clean_text(text.encode("utf-8", "replace"), max_characters=max_characters)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
