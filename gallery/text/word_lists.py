"""Which words there are: English ones by how often they are used, and those of other languages in Latin letters."""

from functools import lru_cache
from pathlib import Path

DATA_FOLDER = Path(__file__).parent / "data"
ENGLISH_FILE = DATA_FOLDER / "english_words.txt"
FOREIGN_FILE = DATA_FOLDER / "foreign_words.txt"
SHORTEST_WORD = 3  # letters: shorter ones are parts of words and abbreviations
COMMON = 20_000  # the first of the English words: what people may have meant


def is_english(word: str) -> bool:
    """Say whether a word in lower case is English."""
    return _is_in(word, _lines(ENGLISH_FILE))


def is_foreign(word: str) -> bool:
    """Say whether a word in lower case is of another language, and not English."""
    return _is_in(word, _lines(FOREIGN_FILE))


@lru_cache(maxsize=1)
def common_words() -> tuple[str, ...]:
    """Return the most frequent English words, in that order."""
    return tuple(_lines(ENGLISH_FILE).split("\n", COMMON + 1)[1:-1])


def _is_in(word: str, lines: str) -> bool:
    return f"\n{word}\n" in lines  # 0.1 ms; a set of them would be 10 MB


@lru_cache(maxsize=2)
def _lines(file: Path) -> str:
    return file.read_text(encoding="utf-8")
