"""The words of a search, checked."""

import re
import unicodedata

from gallery.errors import EmptyQuery, QueryTooLong, QueryWithControlCharacters, QueryWithoutWords
from gallery.text.chinese import simplified
from gallery.text.emoji_names import emoji_as_words
from gallery.text.plain_text import is_control_character

MAX_CHARACTERS = 500
FULL_WIDTH = re.compile("[０-９Ａ-Ｚａ-ｚ]+")  # of Chinese keyboards; their punctuation is what models learned


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
    if not any(_carries_meaning(character) for character in words) and sentence_of(words) == words:
        raise QueryWithoutWords(query=words)
    return words


def sentence_of(words: str) -> str:
    """Return what an encoder is asked for words that a person typed.

    Emoji stand there by their names, full-width letters plain, Chinese in simplified characters.
    """
    plain = FULL_WIDTH.sub(lambda run: unicodedata.normalize("NFKC", run[0]), words)
    return emoji_as_words(simplified(plain))


def _carries_meaning(character: str) -> bool:
    """Letters, digits and emoji mean something; punctuation does not."""
    return unicodedata.category(character)[0] in "LN" or unicodedata.category(character) == "So"
