"""Texts as old and new programs wrote them, in whatever letters, and the ones that only a camera wrote."""

import re
from contextlib import suppress
from typing import Any

from gallery.text.plain_text import plain_text

CHINESE = ("gb2312", "gbk")
_HIGH_BYTES = re.compile(rb"[\x80-\xff]+")
_CHINESE_WORD = re.compile("[\u4e00-\u9fff]{2}")
_LETTER_BESIDE_CHINESE = re.compile(
    "[A-Za-z][\u4e00-\u9fff]|[\u4e00-\u9fff][A-Za-z]|[^\0-\x7f\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]"
)
_MIN_UTF8_BYTES = 8  # shorter texts in UTF-16 may be UTF-8 by chance
_COMMON_LETTERS = (
    ("\u3040", "\u30ff"),
    ("\u4e00", "\u9fff"),
    ("\uac00", "\ud7a3"),
)  # kana, Chinese, Korean, beside all alphabets
_USER_COMMENT_CODES = {
    b"ASCII\0\0\0": "guess",
    b"UNICODE\0": "utf-16",
    b"JIS\0\0\0\0\0": "iso2022_jp",
    b"\0\0\0\0\0\0\0\0": "guess",
}
# What cameras and programs write where a caption belongs. Compared without case and repeated spaces.
_CAMERA_TEXTS = {
    "applemark", "ascii", "bty", "cof", "convertimg", "created with gimp", "dav", "dcf 1.0", "default", "edf",
    "exif jpeg", "exif_jpeg_picture", "hdr", "hdrpl", "image", "image description", "img", "jpeg", "maker:samsung",
    "mde", "my beautiful picture", "mysimage", "nfd", "nor", "none", "null", "oznor", "pentax digital camera",
    "picture", "ptr", "qrf", "rhdr", "sdr", "sony dsc", "travelldsc", "unicode", "unknown", "untitled", "wdr",
}  # fmt: skip
_CAMERA_PATTERNS = re.compile(
    r"""[A-Z0-9 .,&/<>_-]* (?: DIGITAL\ (?:STILL\ )?CAMERA | DIGITAL\ IMAGING | \bCSC | \bDSC ) >?
      | <? \s* (?:KENOX|Digimax|Samsung) \b [^>]* >
      | (?: [A-Z]:)? [\\/]? DCIM [\\/0-9A-Z_.-]* .*                    # DJI writes its own path
      | (?: DSC|IMG|PICT|DCP|CIMG|SAM|GOPR|DJI)[_A-Z]*[0-9]{3,}(?:\.[A-Za-z]{3,4})?
      | (?: oplus|vivo|MTK|oppo)_[0-9a-z_]*
      | _?cuva | (?: fil(?:t|et)er|algolist|hw-remosaic|touch|modeInfo|mulitCamera) \s* : .*
      | CREATOR:\ gd-jpeg .* | LEAD\ Technologies .* | File\ written\ by\ Adobe .*
      | \{ .* [:;=] .* \} | \[ \S* [:;=] \S* \]
    """,
    re.VERBOSE | re.DOTALL,
)


def guessed_text(raw: bytes, letters: str = "") -> str:
    """Decode what names no character set: UTF-8, else `letters`, or what `guessed_letters` says."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":  # cut in the middle of a letter
            return raw[: error.start].decode("utf-8-sig")
    try:
        return raw.decode(letters or guessed_letters(raw))
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def guessed_letters(raw: bytes) -> str:
    """Return the character set of what is no UTF-8: Chinese (GB 2312, GBK) where every letter can be, else Latin-1.

    French also has two accented letters side by side, so Chinese must show at least one word of two characters. GBK
    takes plain letters for halves of its own, so there no plain letter may stand beside Chinese.
    """
    runs = _HIGH_BYTES.findall(raw)
    if all(len(run) % 2 == 0 for run in runs) and any(len(run) >= 4 for run in runs):
        with suppress(UnicodeDecodeError):
            raw.decode(CHINESE[0])
            return CHINESE[0]
    with suppress(UnicodeDecodeError):
        text = raw.decode(CHINESE[1])
        if _CHINESE_WORD.search(text) and not _LETTER_BESIDE_CHINESE.search(text):
            return CHINESE[1]
    return "cp1252"


def clean_text(value: object, *, max_characters: int) -> str:
    """Return a text in NFC without control characters, trimmed and cut; empty for anything that is none.

    Pillow reads EXIF as Latin-1, whatever it is in.
    """
    if isinstance(value, tuple | list):
        value = value[0] if value else ""
    if isinstance(value, str):
        with suppress(UnicodeEncodeError):
            value = value.encode("latin-1")
    if isinstance(value, bytes):
        value = guessed_text(value[: 4 * max_characters])
    if not isinstance(value, str):
        return ""
    return plain_text(value[: 4 * max_characters].partition("\0")[0]).strip()[:max_characters].strip()


def wide_text(value: Any, *, max_characters: int) -> str:
    """Return a text that Windows wrote into EXIF: UTF-16, the lowest byte first."""
    raw = _bytes(value)[: 2 * max_characters + 2]
    text = raw[: len(raw) // 2 * 2].decode("utf-16-le", "replace").removeprefix("\ufeff")
    return _clean_str(text, max_characters)


def user_comment(value: Any, *, max_characters: int) -> str:
    """Return the text of EXIF's UserComment, whose first eight bytes say in which letters it is."""
    raw = _bytes(value)[: 4 * max_characters + 8]
    code = _USER_COMMENT_CODES.get(raw[:8])
    if code is None:
        return clean_text(raw.strip(b"\0 "), max_characters=max_characters)
    body = raw[8:].lstrip(b"\0") if code == "guess" else raw[8:]
    if code == "utf-16":
        return _clean_str(_utf16(body), max_characters)
    if code == "iso2022_jp":
        return _clean_str(body.decode("iso2022_jp", "replace"), max_characters)
    return clean_text(body, max_characters=max_characters)


def is_camera_text(text: str, *names: str) -> bool:
    """Say whether a caption is what a camera wrote by itself; `names` are those of this one."""
    plain = " ".join(text.split())
    folded = plain.casefold()
    if not any(letter.isalnum() for letter in plain) or folded in _CAMERA_TEXTS:
        return True
    return folded in {name.casefold() for name in names if name} or bool(_CAMERA_PATTERNS.fullmatch(plain))


def _clean_str(text: str, max_characters: int) -> str:
    """Clean what is decoded already: it must not be taken for Latin-1 once more."""
    return clean_text(text.encode("utf-8", "replace"), max_characters=max_characters)


def _utf16(raw: bytes) -> str:
    """Decode UTF-16 in the order of bytes that gives letters: many cameras use the other one than they say.

    Some write UTF-8 and call it that.
    """
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw[: len(raw) // 2 * 2].decode("utf-16", "replace")
    plain = raw.strip(b"\0 ")
    if len(plain) >= _MIN_UTF8_BYTES and min(plain) >= ord(" "):
        with suppress(UnicodeDecodeError):
            return plain.decode("utf-8")
    raw = raw[: len(raw) // 2 * 2]
    little, big = raw.decode("utf-16-le", "replace"), raw.decode("utf-16-be", "replace")
    return max(little, big, key=_likeliness)


def _likeliness(text: str) -> int:
    """Count letters of the commonest scripts: a wrong order of bytes makes rare ones of them."""
    return sum(letter < "\u1100" or any(first <= letter <= last for first, last in _COMMON_LETTERS) for letter in text)


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode("latin-1", "replace")
    if isinstance(value, bytes):
        return value
    if isinstance(value, tuple | list):
        return bytes(each for each in value if isinstance(each, int) and 0 <= each < 256)
    return b""
