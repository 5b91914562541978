"""The words of a search, checked."""

import unicodedata

from gallery.errors import EmptyQuery, QueryTooLong, QueryWithControlCharacters, QueryWithoutWords
from gallery.text.plain_text import is_control_character

MAX_CHARACTERS = 500


def checked_text(text: str, *, max_characters: int = MAX_CHARACTERS) -> str:
    """Return what a person typed in NFC, with single spaces.

    Raises EmptyQuery, QueryTooLong, QueryWithControlCharacters, QueryWithoutWords.
    """
    words = " ".join(unicodedata.normalize("NFC", text).split())
    if not words:
        raise EmptyQuery
    if len(words) > max_characters:
        raise QueryTooLong(length=len(words), limit=max_characters)
    for character in words:
        if is_control_character(character):
            raise QueryWithControlCharacters(character=f"U+{ord(character):04X}")
    if not any(_carries_meaning(character) for character in words):
        raise QueryWithoutWords(query=words)
    return words


def _carries_meaning(character: str) -> bool:
    """Letters, digits and emoji mean something; punctuation does not."""
    return unicodedata.category(character)[0] in "LN" or unicodedata.category(character) == "So"
