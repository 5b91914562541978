"""What the words of a search mean: slips of spelling put right, signs as words. What was typed stays as it is."""

from collections.abc import Set
from dataclasses import dataclass

from gallery.text.spelling import corrected, corrections

from .query_text import sentence_of


@dataclass(frozen=True, slots=True)
class Understanding:
    """`sentence` is what an encoder is asked.

    `suggestion` is the text as it was probably meant, None where no word is misspelt. `is_applied` says that the
    sentence is that suggestion already.
    """

    sentence: str
    suggestion: str | None = None
    is_applied: bool = False


def understand(words: str, *, known: Set[str] = frozenset(), as_typed: bool = False) -> Understanding:
    """Return what is meant by words that a person typed, for an encoder that knows `known`, in lower case.

    A word that nobody knows is searched as the one that is clearly meant where the encoder knows that; otherwise, and
    where the words are to be taken as typed, the correction is only suggested.
    """
    slips = corrections(words, preferred=known)
    if not slips:
        return Understanding(sentence_of(words))
    suggestion = corrected(words, slips)
    if as_typed or not all(slip.meant.lower() in known for slip in slips):
        return Understanding(sentence_of(words), suggestion)
    return Understanding(sentence_of(suggestion), suggestion, is_applied=True)
