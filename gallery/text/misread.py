"""Words found although one of their signs was misread: a letter taken for another one."""

from dataclasses import dataclass

from .emoji_names import has_chinese

LEAST_SIGNS, LEAST_CHINESE_SIGNS = 5, 3  # of words in which one may be wrong: shorter ones would be found everywhere
MOST_SIGNS = 100


@dataclass(frozen=True, slots=True)
class Misread:
    """What a text has where one sign of it was misread: `before` and `after` that sign, and surely the other half."""

    before: str
    after: str
    other_half: str


def spaced_otherwise(words: str) -> frozenset[str]:
    """Return folded words as they are, and without spaces, which are overlooked where they are narrow."""
    return frozenset({words, words.replace(" ", "")} - {""})


def misreadings(words: str) -> tuple[Misread, ...]:
    """Return how folded words may stand in a text of which one sign was misread; none where they are too short for it.

    As they are they are among them: whatever sign stands at the place fits.
    """
    if not tolerates(words):
        return ()
    middle = len(words) // 2
    halves = words[:middle], words[middle:]
    return tuple(Misread(words[:place], words[place + 1 :], halves[place < middle]) for place in range(len(words)))


def tolerates(words: str) -> bool:
    """Say whether one sign of folded words may be wrong."""
    if not LEAST_CHINESE_SIGNS <= len(words) <= MOST_SIGNS:
        return False
    return len(words) >= LEAST_SIGNS or all(map(has_chinese, words))


def stands_in(words: str, text: str) -> bool:
    """Say whether folded words stand in a folded text, one sign misread if they are long enough for it."""
    return any(_stands_in(each, text) for each in spaced_otherwise(words))


def _stands_in(words: str, text: str) -> bool:
    if words in text:
        return True
    return any(_is_there(each, text) for each in misreadings(words))


def _is_there(misread: Misread, text: str) -> bool:
    if misread.other_half not in text:
        return False
    start = text.find(misread.before)
    while start >= 0:
        place = start + len(misread.before)
        if place < len(text) and text.startswith(misread.after, place + 1):
            return True
        start = text.find(misread.before, start + 1)
    return False
