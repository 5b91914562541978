"""How each character of a query is read.

One character is read as one, so that a place in what is read is the same place in what was typed.
"""

import unicodedata
from functools import lru_cache

QUOTES = {'"': '"', "「": "」", "“": "”"}  # each opening one, and what closes it
BACKSLASH, DASH, OPENING, CLOSING, OR_SIGN, GAP = "\\", "-", "(", ")", "|", "*"
SIGNS = frozenset({*QUOTES, *QUOTES.values(), BACKSLASH, DASH, OPENING, CLOSING, OR_SIGN, GAP, "[", "]", "^", ":"})

_DASHES = "-–−"
_SPACES = "，、；"  # outside quotes


def read(text: str) -> str:
    """Return `text` as its signs are read: in NFKC, dashes alike, what separates words outside quotes as a space.

    It has as many characters as `text`: what NFKC makes several characters of is no sign, and stays.
    """
    return "".join(map(_read, text))


@lru_cache(maxsize=4096)
def _read(character: str) -> str:
    if character in _SPACES:
        return " "
    normal = unicodedata.normalize("NFKC", character)
    if character.isspace() or normal.isspace():
        return " "
    if len(normal) > 1:
        return character
    return DASH if normal in _DASHES else normal


def is_escape(signs: str, at: int) -> bool:
    """Say whether the character there is a backslash that makes the sign behind it text."""
    return signs[at] == BACKSLASH and at + 1 < len(signs) and signs[at + 1] in SIGNS


def unescaped(text: str) -> str:
    """Return `text` without the backslashes that make signs text."""
    return "".join(text[at] for at in _kept(read(text)))


def _kept(signs: str) -> list[int]:
    kept, at = [], 0
    while at < len(signs):
        at += is_escape(signs, at)
        kept.append(at)
        at += 1
    return kept


def escaped(text: str, *, signs: frozenset[str] = SIGNS) -> str:
    """Return `text` with a backslash before each of `signs`."""
    return "".join(
        BACKSLASH + character if sign in signs else character for character, sign in zip(text, read(text), strict=True)
    )


def split_at_gaps(text: str) -> list[str]:
    """Return the pieces of `text` between those `*` that no backslash makes text, without such backslashes."""
    signs = read(text)
    pieces = [""]
    at = 0
    while at < len(signs):
        if signs[at] == GAP:
            pieces.append("")
        else:
            at += is_escape(signs, at)
            pieces[-1] += text[at]
        at += 1
    return pieces
