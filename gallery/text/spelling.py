"""English words that are misspelt, and which ones are meant.

What a word may have been is weighed as in a noisy channel (Kernighan, Church and Gale 1990): how few slips lead to it
against how often it is used. The numbers are measured on misspellings made of the encoder's words: docs/encoders.md.
"""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from .word_lists import SHORTEST_WORD, common_words, is_english, is_foreign

WORD = re.compile(r"[^\W\d_]+")
LONG_WORD = 7  # letters: from here on two slips may be one word's
SLIP_COST = 6.0  # in natural logarithms of frequency
SWAP_COST = 4.0  # two neighbours that have changed places, or a letter more or fewer of a pair: the commonest slips
FIRST_LETTER_COST = 2.5  # people seldom miss the first letter
PREFERRED_WORTH = 3.0  # of a word that the encoder knows
CLEARLY = 1.5  # by how much the best word must lead the next one


@dataclass(frozen=True, slots=True)
class Correction:
    """A word as it was written, and the word that is meant."""

    written: str
    meant: str


def corrections(text: str, *, preferred: Collection[str] = frozenset()) -> tuple[Correction, ...]:
    """Return the misspelt words of `text` of which it is clear what is meant, in their order.

    A word is misspelt if it is in no list, English or foreign, and not among `preferred`, which are words in lower
    case. Names as `IMG` or `iPhone` and words with letters beyond a to z are left alone.
    """
    found = {word: _meant(word, preferred) for word in WORD.findall(text) if _may_be_misspelt(word, preferred)}
    return tuple(Correction(word, meant) for word, meant in found.items() if meant is not None)


def corrected(text: str, slips: Collection[Correction]) -> str:
    """Return `text` with each word that was written as the one that is meant."""
    meant = {slip.written: slip.meant for slip in slips}
    return WORD.sub(lambda match: meant.get(match[0], match[0]), text)


def _may_be_misspelt(word: str, preferred: Collection[str]) -> bool:
    lower = word.lower()
    if not word.isascii() or len(word) < SHORTEST_WORD or word[1:] != lower[1:]:
        return False
    return lower not in preferred and not is_english(lower) and not is_foreign(lower)


def _meant(word: str, preferred: Collection[str]) -> str | None:
    candidates = _candidates(word.lower(), preferred)
    if not candidates:
        return None
    best, *others = sorted(candidates, key=lambda candidate: (-candidates[candidate], candidate))
    if others and candidates[best] - candidates[others[0]] < CLEARLY:
        return None
    return best.capitalize() if word[0].isupper() else best


def _candidates(word: str, preferred: Collection[str]) -> dict[str, float]:
    """Return what a word may have been, each with the logarithm of how likely that is."""
    from rapidfuzz.distance import OSA  # noqa: PLC0415 -- only for words that no list has
    from rapidfuzz.process import extract_iter  # noqa: PLC0415 -- only for words that no list has

    slips = 2 if len(word) >= LONG_WORD else 1
    near: dict[str, float] = {}
    for words in (common_words(), tuple(preferred)):
        for candidate, distance, _place in extract_iter(word, words, scorer=OSA.distance, score_cutoff=slips):
            if len(candidate) >= SHORTEST_WORD and (len(word) > SHORTEST_WORD or sorted(candidate) == sorted(word)):
                near[candidate] = _likelihood(word, candidate, int(distance), candidate in preferred)
    return near


def _likelihood(word: str, candidate: str, distance: int, is_preferred: bool) -> float:
    first = SWAP_COST if _is_common_slip(word, candidate) else SLIP_COST
    cost = first + (distance - 1) * SLIP_COST + FIRST_LETTER_COST * (word[0] != candidate[0])
    return -math.log(_ranks().get(candidate, len(_ranks())) + 10) - cost + PREFERRED_WORTH * is_preferred


def _is_common_slip(word: str, candidate: str) -> bool:
    return sorted(word) == sorted(candidate) or _without_pairs(word) == _without_pairs(candidate)


def _without_pairs(word: str) -> str:
    return re.sub(r"(.)\1", r"\1", word)


@lru_cache(maxsize=1)
def _ranks() -> Mapping[str, int]:
    return {word: rank for rank, word in enumerate(common_words())}
