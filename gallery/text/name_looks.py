"""What a user name looks like, so that nobody takes a name that is mistaken for another's.

After Unicode's report on security (UTS 39): characters that look alike are one in the skeleton of a name, and the
scripts of a name are those that people write together. The tables are those of `confusable-homoglyphs`.
"""

import re
import unicodedata
from functools import lru_cache

from confusable_homoglyphs.categories import alias
from confusable_homoglyphs.confusables import confusables_data

from .unseen import UNSEEN

WRITTEN_TOGETHER = (  # "highly restrictive" in UTS 39
    {"LATIN", "HAN", "HIRAGANA", "KATAKANA"},
    {"LATIN", "HAN", "BOPOMOFO"},
    {"LATIN", "HAN", "HANGUL"},
)
OF_EVERY_SCRIPT = {"COMMON", "INHERITED", "UNKNOWN"}
SMALL_CAPITAL = re.compile("LATIN LETTER SMALL CAPITAL ([A-Z])")  # the table lacks most of them
_WITHOUT_UNSEEN = dict.fromkeys(UNSEEN)
SEPARATORS = re.compile(r"[\s._@+-]+")
ALIKE_IN_ANY_CASE = str.maketrans({"i": "l", "1": "l", "|": "l", "0": "o", "w": "vv"})  # I is l, 1 and 0 stand for both


def look_of(name: str) -> str:
    """Return what the name looks like: equal for names that one is mistaken for the other. "" where nothing is seen.

    Letters of another script or width, small and capital ones, `1`, `I` and `l`, `0` and `O`, `rn` and `m`, `vv` and
    `w` are alike; dots, dashes and lines at its ends are not seen, and inside all are one.
    """
    seen = unicodedata.normalize("NFKC", name).translate(_WITHOUT_UNSEEN)
    letters = _prototypes(_prototypes(seen).casefold()).translate(ALIKE_IN_ANY_CASE)
    return SEPARATORS.sub("_", letters).strip("_")


def has_invisible_characters(name: str) -> bool:
    return not UNSEEN.isdisjoint(map(ord, name))


def mixed_scripts(name: str) -> list[str]:
    """Return the scripts of the name, as "Cyrillic", if people do not write them together; else none."""
    scripts = {_script(character) for character in name} - OF_EVERY_SCRIPT
    if len(scripts) <= 1 or any(scripts <= together for together in WRITTEN_TOGETHER):
        return []
    return sorted(script.replace("_", " ").title() for script in scripts)


def _script(character: str) -> str:
    return "LATIN" if "a" <= character.casefold() <= "z" else str(alias(character) or "UNKNOWN").upper()


def _prototypes(text: str) -> str:
    return "".join(map(_prototype, unicodedata.normalize("NFD", text)))


@lru_cache(maxsize=10_000)
def _prototype(character: str) -> str:
    """Return the one that stands for all that look like the character: the table lists each beside its prototype."""
    if small_capital := SMALL_CAPITAL.fullmatch(unicodedata.name(character, "")):
        return small_capital[1]
    likes = [_plain(each["c"]) for each in confusables_data.get(character, [])]
    own = len(likes)
    hubs = [(len(confusables_data.get(each, [])), each) for each in likes]
    count, hub = max(hubs, default=(0, ""), key=lambda found: found[0])
    if count > own or (count == own == 1 and hub < character):
        return hub
    return character


def _plain(text: str) -> str:
    return text.replace("\u200e", "")
