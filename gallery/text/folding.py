"""When two spellings are the same to who searches."""

import unicodedata
from functools import lru_cache

from .unseen import FLAG_TAGS, UNSEEN

REVISION = 1  # of texts that are stored folded: whatever changes an answer of `folded` raises it

_SCRIPTS_WHOSE_MARKS_ARE_DROPPED = ("LATIN ", "GREEK ", "CYRILLIC ", "HEBREW ", "ARABIC ")
_MARKED_BUT_THE_SAME_LETTER = "ёѐѝ"  # Cyrillic; й, ў, ї... have a place of their own in the alphabet
_SAME_LETTERS = str.maketrans(
    {
        **dict.fromkeys("ø", "o"),
        **dict.fromkeys("ł", "l"),
        **dict.fromkeys("đð", "d"),
        **dict.fromkeys("ħ", "h"),
        **dict.fromkeys("ŧ", "t"),
        **dict.fromkeys("ı", "i"),
        **{"æ": "ae", "œ": "oe", "þ": "th"},
        **dict.fromkeys("\N{ARABIC LETTER ALEF MAKSURA}\N{ARABIC LETTER FARSI YEH}", "\N{ARABIC LETTER YEH}"),
        **dict.fromkeys("\N{ARABIC LETTER KEHEH}", "\N{ARABIC LETTER KAF}"),
        **dict.fromkeys("\u0629\u06c1\u06d5", "\N{ARABIC LETTER HEH}"),  # teh marbuta; goal and ae of other keyboards
        "\N{ARABIC TATWEEL}": None,
        **dict.fromkeys("‘’ʼ", "'"),
        **dict.fromkeys("‐‒–—−", "-"),
    }
)
_UNSEEN = dict.fromkeys(UNSEEN - FLAG_TAGS)


def folded(text: str) -> str:
    """Return `text` as it is compared: two spellings that fold alike are the same to who searches.

    Gone are letter case, the width and form of signs (NFKC), signs that nobody sees, runs of white space, and the
    marks of Latin, Greek, Cyrillic, Hebrew and Arabic letters. Marks that make another letter stay: й, が, vowels of
    Indic scripts and Thai. Letters without a mark to drop become what people type instead (ø, ß, æ, ı, ی), digits of
    every script 0 to 9. Folding twice changes nothing.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    same = letters.translate(_UNSEEN).translate(_SAME_LETTERS)
    return " ".join(unicodedata.normalize("NFC", _without_marks(same)).split())


def folded_lines(*texts: str) -> str:
    """Return the texts folded, a line each: what is found in it is within one of them."""
    return "\n".join(folded(text) for text in texts)


def _without_marks(letters: str) -> str:
    """Return decomposed `letters` without the marks that may be dropped, and with plain digits."""
    kept = []
    base = ""
    for character in letters:
        if unicodedata.category(character) != "Mn":
            base = _plain_digit(character)
            kept.append(base)
        elif not _has_marks_to_drop(base):
            kept.append(character)
        elif _is_letter_of_its_own(marked := unicodedata.normalize("NFC", base + character)):
            base = kept[-1] = marked
    return "".join(kept)


@lru_cache(maxsize=4096)
def _plain_digit(character: str) -> str:
    return str(unicodedata.decimal(character)) if character.isdecimal() else character


@lru_cache(maxsize=4096)
def _has_marks_to_drop(base: str) -> bool:
    return bool(base) and unicodedata.name(base, "").startswith(_SCRIPTS_WHOSE_MARKS_ARE_DROPPED)


def _is_letter_of_its_own(marked: str) -> bool:
    """Say whether a base and its mark are one letter of Cyrillic, which its readers never take for the base."""
    one_letter = len(marked) == 1 and unicodedata.name(marked, "").startswith("CYRILLIC ")
    return one_letter and marked not in _MARKED_BUT_THE_SAME_LETTER
