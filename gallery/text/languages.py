"""Which language a short text is in, by its words."""

import re

from .folding import folded
from .word_lists import SHORTEST_WORD, is_english, is_foreign

WORD = re.compile(r"[^\W\d_]+")
LAST_LATIN_LETTER = "\u024f"  # end of the block Latin Extended-B


def has_letters_beyond_latin(text: str) -> bool:
    """Say whether `text` has a letter that an English text tower was not trained on: 猫, кот, กา..."""
    return any(character > LAST_LATIN_LETTER and character.isalpha() for character in text)


def is_english_text(text: str) -> bool:
    """Say whether `text` is English, as far as its words tell: names and words that no list has count for nothing.

    It is in another language where it has other letters than Latin ones, or at least as many words that are only known
    in other languages as English ones. Words of less than three letters stand in several languages.
    """
    if has_letters_beyond_latin(text):
        return False
    words = [word.lower() for word in WORD.findall(text) if len(word) >= SHORTEST_WORD]
    english = sum(is_english(folded(word)) for word in words)
    foreign = sum(_is_only_foreign(word) for word in words)
    return not foreign or foreign < english


def _is_only_foreign(word: str) -> bool:
    plain = folded(word)
    return not is_english(plain) and (is_foreign(word) or plain != word)
