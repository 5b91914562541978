"""What a text asks for, in terms of the classifier's classes: how likely a picture of each class is what was meant.

A bank of English and Chinese phrases says what each class is called, what kind of thing it is, what its pictures
usually show, and in pictures of which classes people and everyday things are seen. A text attends to the phrases that
are near it in the sentence space. docs/adr/0005-offline-search-by-classes.md has what else was tried.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

CLASSES = 1000
DATA_FOLDER = Path(__file__).parent.parent / "data"
CLASSES_FILE = DATA_FOLDER / "imagenet_classes.json"
EVERYDAY_FILE = DATA_FOLDER / "everyday_words.json"
PHRASE_VECTORS_FILE = DATA_FOLDER / "phrase_vectors.npz"

SCENE_SHARE = 0.6  # how far the usual scene of a class is true of its pictures
PEOPLE = ("person", "people", "man", "woman", "人", "人们", "男人", "女人")
FEWEST_PEOPLE = 0.15  # below this a class says nothing about people
# Temperature of the attention by the cosine of the nearest phrase: sharp where the bank has the very word, broad where
# the text only resembles some.
SHARP, BROAD, BROAD_BELOW_COSINE = 0.05, 0.12, 0.5

Meaning = dict[int, float]  # class: how likely a picture of it is meant, 0..1


def read_phrases() -> dict[str, Meaning]:
    """Return what each phrase of the bank means, in the order of the vectors file."""
    phrases = _collected(_statements_of_classes())
    for phrase, meaning in _collected(_statements_of_everyday_words()).items():
        phrases.setdefault(phrase, meaning)  # the name of a class means that class, whatever else is seen with it
    return phrases


def _collected(statements: Iterator[tuple[str, int, float]]) -> dict[str, Meaning]:
    phrases: dict[str, Meaning] = {}
    for phrase, place, share in statements:
        meaning = phrases.setdefault(phrase, {})
        meaning[place] = max(share, meaning.get(place, 0.0))
    return phrases


def _statements_of_classes() -> Iterator[tuple[str, int, float]]:
    """Yield (phrase, class, share): names, kinds, usual scenes and people."""
    classes = json.loads(CLASSES_FILE.read_text(encoding="utf-8"))
    for place, entry in enumerate(classes):
        for name in (*entry["names"], *entry["zh"], *entry["kinds_en"], *entry["kinds_zh"]):
            yield name.lower(), place, 1.0
        for scene in (entry["scene_en"], entry["scene_zh"]):
            yield scene, place, SCENE_SHARE
    for place, entry in enumerate(classes):
        if entry["people"] > FEWEST_PEOPLE:
            yield from ((word, place, entry["people"]) for word in PEOPLE)


def _statements_of_everyday_words() -> Iterator[tuple[str, int, float]]:
    """Yield (phrase, class, share) of what is seen in pictures of a class without being its name or kind."""
    for entry in json.loads(EVERYDAY_FILE.read_text(encoding="utf-8")):
        for phrase in (*entry["en"], *entry["zh"]):
            yield from ((phrase.lower(), int(place), share) for place, share in entry["classes"].items())


class ConceptBank:
    """All phrases with their sentence vectors. Safe to share between threads."""

    def __init__(self) -> None:
        meanings = read_phrases()
        with np.load(PHRASE_VECTORS_FILE) as file:
            self._vectors: FloatArray = dequantized(file["codes"])
        self.phrases = frozenset(meanings)
        counts = [len(meaning) for meaning in meanings.values()]
        self._phrase_of = np.repeat(np.arange(len(counts)), counts)
        self._class_of = np.array([place for meaning in meanings.values() for place in meaning])
        self._share = np.array([share for meaning in meanings.values() for share in meaning.values()], np.float32)

    def relevance(self, sentence: FloatArray) -> FloatArray:
        """Return (1000,) float32: how likely a picture of each class is what a (512,) unit sentence vector means."""
        attention = _attention(self._vectors @ sentence)
        shares = attention[self._phrase_of] * self._share
        relevance: FloatArray = np.bincount(self._class_of, weights=shares, minlength=CLASSES).astype(np.float32)
        return relevance


def _attention(cosines: FloatArray) -> FloatArray:
    """Return convex weights of the phrases."""
    nearest = float(cosines.max())
    doubt = min(1.0, max(0.0, (1 - nearest) / (1 - BROAD_BELOW_COSINE)))
    weights = np.exp((cosines - nearest) / (SHARP + doubt * (BROAD - SHARP)))
    attention: FloatArray = weights / weights.sum()
    return attention


def quantized(vectors: FloatArray) -> npt.NDArray[np.int8]:
    """Return unit rows as int8: each row is scaled to 127, and its length is found again."""
    codes: npt.NDArray[np.int8] = np.rint(vectors / np.abs(vectors).max(axis=1, keepdims=True) * 127).astype(np.int8)
    return codes


def dequantized(codes: npt.NDArray[np.int8]) -> FloatArray:
    """Return the unit rows that `quantized` was given, to a cosine of about 0.9999."""
    rows = codes.astype(np.float32)
    unit_rows: FloatArray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit_rows
