"""Colours as people name them: in pixels, and in English and Chinese words.

Eleven basic colour terms (Berlin and Kay 1969), each with a few examples; a pixel belongs to the names whose examples
are nearest in CIELAB, softly. Distances are CIE76, which is coarse but enough to tell a red car from a blue one.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

EXAMPLES = {
    "black": ("#000000", "#1c1c1c", "#14181c", "#1c1814"),
    "grey": ("#505050", "#808080", "#a8a8a8", "#6b7078", "#787068", "#909aa0"),
    "white": ("#ffffff", "#e8e8e8", "#f0ece0", "#e0e8f0"),
    "red": ("#ff0000", "#c81e1e", "#8b0000", "#b22222", "#dc143c", "#e0402c", "#a52a2a"),
    "orange": ("#ff8c00", "#ff7f24", "#e67e22", "#f4a040", "#d2691e"),
    "yellow": ("#ffff00", "#ffd700", "#e8c840", "#f0e068", "#d4b020"),
    "green": (
        *("#008000", "#00c000", "#228b22", "#6b8e23", "#90c050"),
        *("#2e5a2e", "#3cb371", "#9acd32", "#556b2f", "#406848"),
    ),
    "blue": (
        *("#0000ff", "#1e3a8a", "#1e90ff", "#4682b4", "#87ceeb"),
        *("#304878", "#00a0d0", "#6090c0", "#102050"),
    ),
    "purple": ("#800080", "#8a2be2", "#9370db", "#4b0082", "#a050b0", "#663399"),
    "pink": ("#ffc0cb", "#ff69b4", "#ff1493", "#e890a8", "#f0a0c0", "#d87093"),
    "brown": ("#8b4513", "#5c3a1e", "#a0704a", "#704828", "#3c2414", "#967048", "#7a5c3c"),
}
COLOURS = tuple(EXAMPLES)
# Share of the main thing's pixels in everyday photos: a little yellow says more than a little grey.
USUAL_SHARES = np.array([0.11, 0.36, 0.09, 0.03, 0.02, 0.02, 0.06, 0.05, 0.01, 0.02, 0.23], np.float32)
SOFTNESS = 10.0  # CIELAB units: how far beyond the nearest example another one still counts

ENGLISH = {name: name for name in COLOURS} | {"gray": "grey", "violet": "purple"}
CHINESE = {
    **{"黑": "black", "灰": "grey", "白": "white", "红": "red", "橙": "orange", "橘": "orange", "黄": "yellow"},
    **{"绿": "green", "蓝": "blue", "紫": "purple", "粉": "pink", "粉红": "pink", "棕": "brown", "褐": "brown"},
    "咖啡": "brown",
}
LONGEST_NAME = 5  # letters of a Chinese name that a colour may stand before or in

_COLOURS_ENGLISH = "|".join(sorted(ENGLISH, key=len, reverse=True))
_COLOURS_CHINESE = "|".join(sorted(CHINESE, key=len, reverse=True))
_ENGLISH_WORD = re.compile(rf"\b(?P<colour>{_COLOURS_ENGLISH})\b", re.IGNORECASE)
_COUNTERS = "只条辆朵个匹头件双的张把"
_CHINESE_WORD = re.compile(rf"[深浅淡亮暗大]?(?P<colour>{_COLOURS_CHINESE})色的?")
_CHINESE_LETTER = re.compile(rf"(?:(?<![\u3400-\u9fff])|(?<=[{_COUNTERS}]))(?P<colour>{_COLOURS_CHINESE})")
_WORD = re.compile(r"[^\W_]+")
_FILLER = re.compile(
    r"\b(a|an|the|of|in|something|things?|colou?r(ed)?|picture|photo)\b|[的色东西一个只]", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class ColouredText:
    """The colours that a text names, and the text without them."""

    colours: tuple[str, ...]
    rest: str


def colours_in(text: str, *, known: Collection[str] = frozenset()) -> ColouredText:
    """Find colour words: “a red car”, “红色的汽车”, “黑猫”; a text that is nothing but colours keeps them as its rest.

    `known` are phrases in lower case with a meaning of their own: the colours in “red wine” or “黑板” are part of it.
    """
    marks = [mark for mark in _marks(_ENGLISH_WORD, text, ENGLISH) if not _is_a_thing(text, mark, known)]
    marks += _marks(_CHINESE_WORD, text, CHINESE)
    marks += [mark for mark in _marks(_CHINESE_LETTER, text, CHINESE) if _is_followed_by_known(text, mark, known)]
    marks = sorted({mark for mark in marks if not _is_within_known(text, mark, known)})
    rest, end = [], 0
    for mark in marks:
        rest.append(text[end : mark.start])
        end = max(end, mark.end)
    remaining = " ".join("".join([*rest, text[end:]]).split())
    colours = tuple(dict.fromkeys(mark.colour for mark in marks))
    return ColouredText(colours, remaining if _names_something(remaining) else text)


@dataclass(frozen=True, slots=True, order=True)
class _Mark:
    start: int
    end: int
    colour: str


def _marks(pattern: re.Pattern[str], text: str, names: dict[str, str]) -> Iterator[_Mark]:
    for match in pattern.finditer(text):
        yield _Mark(match.start(), match.end(), names[match.group("colour").lower()])


def _is_followed_by_known(text: str, mark: _Mark, known: Collection[str]) -> bool:
    return any(text[mark.end : mark.end + length] in known for length in range(1, LONGEST_NAME + 1))


def _is_a_thing(text: str, mark: _Mark, known: Collection[str]) -> bool:
    """Say whether the word is the name of a thing too, as an orange, and no known thing comes after it."""
    after = _WORD.search(text, mark.end)
    is_before_known = after is not None and after.group().lower() in known
    return text[mark.start : mark.end].lower() in known and not is_before_known


def _is_within_known(text: str, mark: _Mark, known: Collection[str]) -> bool:
    """Say whether the colour word stands in a phrase that is known as a whole, one word or letter beside it."""
    if text[mark.start].isascii():
        words = [match.span() for match in _WORD.finditer(text.lower())]
        place = next(index for index, (start, _end) in enumerate(words) if start == mark.start)
        spans = [(first, last) for first in range(max(0, place - 2), place + 1) for last in range(place, place + 3)]
        lengths = [(words[a][0], words[b][1]) for a, b in spans if b < len(words) and a != b]
        return any(text[start:end].lower() in known for start, end in lengths)
    starts = range(max(0, mark.start - LONGEST_NAME), mark.start + 1)
    ends = range(mark.start + 1, mark.start + LONGEST_NAME + 1)
    return any(text[start:end] in known for start in starts for end in ends if end - start > 1)


def _names_something(text: str) -> bool:
    return bool(_WORD.search(_FILLER.sub("", text)))


def colour_evidence(pixels: npt.NDArray[np.uint8], weights: FloatArray) -> FloatArray:
    """Return how much each of COLOURS speaks for itself in sRGB pixels (h, w, 3) weighted by (h, w): 0..1 each.

    A colour that covers as much as usual gives a third, one that covers everything nearly one.
    """
    shares = colour_shares(pixels, weights)
    evidence: FloatArray = (shares / (shares + 2 * USUAL_SHARES)).astype(np.float32)
    return evidence


@dataclass(frozen=True, eq=False)
class ExampleTable:
    """Examples of each of COLOURS in CIELAB, (n, 3) float32; those of the k-th begin at `starts[k]`, (11,).

    `softness`, in CIELAB units, is how far beyond the nearest example another one still counts.
    """

    lab: FloatArray
    starts: npt.NDArray[np.int64]
    softness: float

    @classmethod
    def of(cls, examples: Mapping[str, Sequence[str]], *, softness: float) -> Self:
        codes = [list(bytes.fromhex(code[1:])) for name in COLOURS for code in examples[name]]
        starts = np.cumsum([0, *(len(examples[name]) for name in COLOURS)])[:-1]
        return cls(_lab(np.array(codes, np.uint8)), starts, softness)


def colour_shares(
    pixels: npt.NDArray[np.uint8], weights: FloatArray, *, table: ExampleTable | None = None
) -> FloatArray:
    """Return the share of each of COLOURS (11,), sum 1, in sRGB pixels (h, w, 3) weighted by (h, w).

    Without a table the examples are those of the encoder, whose rows depend on them.
    """
    memberships = _memberships(pixels, table or _TABLE)
    shares: FloatArray = np.tensordot(weights, memberships, axes=2) / weights.sum()
    return shares


def _memberships(pixels: npt.NDArray[np.uint8], table: ExampleTable) -> FloatArray:
    """Return (h, w, 11): how far each pixel belongs to each colour; the sum over the colours is 1."""
    lab = _lab(pixels)
    # |a - b|² less |a|², which all examples share; one product instead of (h, w, 65, 3) differences
    squared = (table.lab**2).sum(axis=1) - 2 * (lab @ table.lab.T)
    nearest = np.minimum.reduceat(squared, table.starts, axis=-1)
    best = np.exp((nearest.min(axis=-1, keepdims=True) - nearest) / (2 * table.softness**2))
    memberships: FloatArray = best / best.sum(axis=-1, keepdims=True)
    return memberships


def _lab(pixels: npt.NDArray[np.uint8]) -> FloatArray:
    """Convert sRGB 0..255 to CIELAB for the D65 white point (IEC 61966-2-1, CIE 15)."""
    relative = _LINEAR[pixels] @ _TO_XYZ.T / _D65
    cubic = np.where(relative > 0.008856, np.cbrt(relative), 7.787 * relative + 16 / 116)
    x, y, z = np.moveaxis(cubic, -1, 0)
    lab: FloatArray = np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)
    return lab


_ENCODED = np.arange(256, dtype=np.float32) / 255
_LINEAR = np.where(_ENCODED <= 0.04045, _ENCODED / 12.92, ((_ENCODED + 0.055) / 1.055) ** 2.4).astype(np.float32)
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    np.float32,
)
_D65 = np.array([0.95047, 1.0, 1.08883], np.float32)
_TABLE = ExampleTable.of(EXAMPLES, softness=SOFTNESS)
