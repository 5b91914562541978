"""Reading forms with files such that no file is lost for its name.

Django leaves out a file whose part has a head that is not UTF-8 (names in GBK, Shift-JIS, Latin-1), that is longer than
1,024 bytes, or that names a charset nobody knows; and one whose name is empty once it is cleaned.
"""

import html
import re
from collections.abc import Iterator
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from django.http.multipartparser import MultiPartParser

from .services.labels import clean_name

CHUNK_BYTES = 64 * 1024
MAX_HEAD_BYTES = 64 * 1024  # a longer one is no head
MAX_KEPT_BYTES = 1_000  # Django reads 1,024
MAX_NAME_BYTES = 700
MAX_FIELD_CHARACTERS = 50
NAMELESS = "\u200d"  # nobody sees it: clean_name takes what the picture is called otherwise
END_OF_HEAD = b"\r\n\r\n"
CUT_LETTER = re.compile("\ufffd\\\\")  # the second byte of a letter in GBK or Shift-JIS may be a backslash
KEPT_LINES = ("content-disposition:", "content-type:", "content-transfer-encoding:")
PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class FormParser(MultiPartParser):
    """Django's, fed with heads that it understands."""

    def __init__(self, meta: Any, input_data: Any, upload_handlers: Any, encoding: str | None = None) -> None:
        super().__init__(meta, input_data, upload_handlers, encoding)
        self._input_data = MendedHeads(input_data, b"--" + self._boundary)  # type: ignore[attr-defined]  # not in the stubs

    def sanitize_file_name(self, file_name: str) -> str:
        return clean_name(html.unescape(file_name), fallback=NAMELESS)


class MendedHeads:
    """A form's bytes as they come, with every part's head made one that Django understands."""

    def __init__(self, stream: Readable, separator: bytes) -> None:
        self._pieces = _mended(stream, separator)
        self._left = b""

    def read(self, size: int = CHUNK_BYTES, /) -> bytes:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._left = piece
        given, self._left = self._left[:size], self._left[size:]
        return given


def _mended(stream: Readable, separator: bytes) -> Iterator[bytes]:
    seen, is_over = b"", False
    while not is_over:
        while (place := seen.find(separator)) < 0 and not is_over:
            kept = len(separator) - 1  # the separator may have begun
            if len(seen) > kept:
                yield seen[:-kept]
                seen = seen[-kept:]
            more = stream.read(CHUNK_BYTES)
            seen, is_over = seen + more, not more
        if place < 0:
            break
        yield seen[: place + len(separator)]
        seen = seen[place + len(separator) :]
        while (end := seen.find(END_OF_HEAD)) < 0 and len(seen) < MAX_HEAD_BYTES and not is_over:
            more = stream.read(CHUNK_BYTES)
            seen, is_over = seen + more, not more
        is_over = False if seen else is_over
        if 0 <= end <= MAX_HEAD_BYTES and separator not in seen[:end]:
            yield mended_head(seen[:end])
            seen = seen[end:]
    yield seen


def mended_head(head: bytes) -> bytes:
    """Return the head of a part as Django understands it; unchanged if it does already."""
    text = head.decode("utf-8", "replace")
    if text.isascii() and len(head) <= MAX_KEPT_BYTES and "*" not in text and "\0" not in text:
        return head
    lines = [line for line in CUT_LETTER.sub("\ufffd", text).split("\r\n") if line.lower().startswith(KEPT_LINES)]
    mended = [_mended_disposition(line) if line.lower().startswith(KEPT_LINES[0]) else line[:100] for line in lines]
    return "".join(f"\r\n{line}" for line in mended).encode("utf-8", "replace")


def _mended_disposition(line: str) -> str:
    kind, _, _ = line.partition(";")
    given = {name.lower(): _unquoted(value.strip()) for name, value in PARAMETER.findall(line)}
    file_name = _extended(given["filename*"]) if "filename*" in given else ""
    file_name = file_name or given.get("filename", "")
    parts = [kind[:50], f'name="{_quoted(given.get("name", "")[:MAX_FIELD_CHARACTERS])}"']
    if file_name:
        parts.append(f'filename="{_quoted(_short(clean_name(file_name, fallback=NAMELESS)))}"')
    elif "filename" in given:
        parts.append('filename=""')
    return "; ".join(parts)


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    return value.removeprefix('"').removesuffix('"').replace("\\\\", "\\").replace('\\"', '"')


def _quoted(value: str) -> str:
    return value.replace("\0", "").replace("\\", "\\\\").replace('"', '\\"')


def _extended(value: str) -> str:
    """Return what RFC 5987 writes as CHARSET'LANGUAGE'PERCENT-ENCODED; bytes that are no text become U+FFFD."""
    charset, _, rest = value.partition("'")
    content = unquote_to_bytes(rest.partition("'")[2])
    try:
        return content.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):  # nobody knows this charset
        return content.decode("utf-8", "replace")


def _short(name: str) -> str:
    """Return the name in at most MAX_NAME_BYTES of UTF-8, its ending kept."""
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    ending = dot + suffix if stem and len(suffix) <= 10 else ""
    room = MAX_NAME_BYTES - len(ending.encode())
    return name.removesuffix(ending).encode()[:room].decode("utf-8", "ignore") + ending
