"""What a sentence asks for, and what it excludes in words."""

from dataclasses import dataclass

from gallery.errors import InvalidInput
from gallery.retrieval.query_text import checked_text

from . import chinese, english

MOST = 3  # of one sentence: each is compared with all pictures


@dataclass(frozen=True, slots=True)
class WordedExclusions:
    """What is searched for, "" where the text only excludes, and what is excluded, in the order of the text."""

    rest: str
    excluded: tuple[str, ...] = ()


def worded_exclusions(text: str) -> WordedExclusions:
    """Return what a text asks for and what it excludes in words; the text itself where it excludes nothing."""
    rest, of_english = english.taken_out(text)
    rest, of_chinese = chinese.taken_out(rest)
    found = {each.lower(): each for each in (*of_english, *of_chinese)}
    if not 0 < len(found) <= MOST or not _can_be_searched(rest):
        return WordedExclusions(text)
    return WordedExclusions(rest, tuple(sorted(found.values(), key=text.lower().find)))


def _can_be_searched(rest: str) -> bool:
    try:
        return not rest or bool(checked_text(rest, max_characters=len(rest)))
    except InvalidInput:
        return False
