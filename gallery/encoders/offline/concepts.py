"""What a text asks for, in terms of the classifier's classes and the detector's things: how likely each is meant.

A bank of English and Chinese phrases says what each class is called, what kind of thing it is, what its pictures
usually show, in pictures of which classes people and everyday things are seen, and what the detector's things are. A
text attends to the phrases that are near it in the sentence space. docs/adr/0005-offline-search-by-classes.md has what
else was tried.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

CLASSES = 1000
THINGS = 80
CONCEPTS = CLASSES + THINGS
DATA_FOLDER = Path(__file__).parent.parent / "data"
CLASSES_FILE = DATA_FOLDER / "imagenet_classes.json"
EVERYDAY_FILE = DATA_FOLDER / "everyday_words.json"
THINGS_FILE = DATA_FOLDER / "coco_things.json"
PHRASE_VECTORS_FILE = DATA_FOLDER / "phrase_vectors.npz"

SCENE_SHARE = 0.6  # how far the usual scene of a class is true of its pictures
PEOPLE = ("person", "people", "man", "woman", "人", "人们", "男人", "女人")
FEWEST_PEOPLE = 0.15  # below this a class says nothing about people
NAMES_IT = 0.75  # from this share on a phrase is another name of a thing
SEEN_ITSELF = 0.9  # how much less classes say of a thing that none of them is, where the detector sees it itself
# Temperature of the attention by the cosine of the nearest phrase: sharp where the bank has the very word, broad where
# the text only resembles some.
SHARP, BROAD, BROAD_BELOW_COSINE = 0.05, 0.12, 0.5
SAID_ITSELF = 0.5  # the least of a phrase that is the text: others are as near by signs that the sentence encoder lacks

Meaning = dict[int, float]  # place of a class, or CLASSES + that of a thing: how likely its picture is meant, 0..1


@dataclass(frozen=True, slots=True)
class ThingName:
    """What a thing that the detector knows is called: COCO's name and the Chinese one."""

    english: str
    chinese: str


@cache
def thing_names() -> tuple[ThingName, ...]:
    """Return the 80 things in the order of the detector's scores."""
    return tuple(ThingName(entry["name"], entry["zh"]) for entry in _read_things())


def _read_things() -> list[dict[str, Any]]:
    things: list[dict[str, Any]] = json.loads(THINGS_FILE.read_text(encoding="utf-8"))
    return things


def read_phrases() -> dict[str, Meaning]:
    """Return what each phrase of the bank means, in the order of the vectors file."""
    phrases = _collected(_statements_of_classes())
    names = _names_of_what_is_seen()
    for phrase, meaning in _collected(_statements_of_everyday_words()).items():
        if phrase in names:
            phrases.setdefault(phrase, meaning)  # it means that class or thing, whatever else is seen with it
        else:
            phrases[phrase] = _joined(phrases.get(phrase, {}), meaning)  # a concert is more than its kind, a stage
    for phrase, meaning in _collected(_statements_of_things()).items():
        phrases.setdefault(phrase, _classes_by_its_name(meaning, phrases)).update(meaning)
    return phrases


def _names_of_what_is_seen() -> frozenset[str]:
    """Return the names of the classes and of the things, without their kinds, scenes and what only hints at them."""
    of_classes = {name.lower() for entry in _read_classes() for name in (*entry["names"], *entry["zh"])}
    return frozenset(of_classes | {phrase for phrase, _place, share in _statements_of_things() if share >= NAMES_IT})


def _joined(first: Meaning, second: Meaning) -> Meaning:
    return first | {place: max(share, first.get(place, 0.0)) for place, share in second.items()}


def _classes_by_its_name(things: Meaning, phrases: dict[str, Meaning]) -> Meaning:
    """Return what the classes say of things by their names: they say the same where another word means just these."""
    names = [thing_names()[place - CLASSES].english for place, share in things.items() if share == 1]
    return {place: share for name in names for place, share in phrases.get(name, {}).items() if place < CLASSES}


def _collected(statements: Iterator[tuple[str, int, float]]) -> dict[str, Meaning]:
    phrases: dict[str, Meaning] = {}
    for phrase, place, share in statements:
        meaning = phrases.setdefault(phrase, {})
        meaning[place] = max(share, meaning.get(place, 0.0))
    return phrases


def _statements_of_classes() -> Iterator[tuple[str, int, float]]:
    """Yield (phrase, class, share): names, kinds, usual scenes and people."""
    classes = _read_classes()
    for place, entry in enumerate(classes):
        yield from ((name, place, 1.0) for name in _names_of(entry))
        for scene in (entry["scene_en"], entry["scene_zh"]):
            yield scene, place, SCENE_SHARE
    worth = _worth_of_guesses()
    for place, entry in enumerate(classes):
        if entry["people"] > FEWEST_PEOPLE:
            yield from ((word, place, entry["people"] * worth.get(word, 1.0)) for word in PEOPLE)


def _read_classes() -> list[dict[str, Any]]:
    classes: list[dict[str, Any]] = json.loads(CLASSES_FILE.read_text(encoding="utf-8"))
    return classes


def _names_of(entry: dict[str, Any]) -> list[str]:
    """Return what a class and its kinds are called, in lower case."""
    return [name.lower() for name in (*entry["names"], *entry["zh"], *entry["kinds_en"], *entry["kinds_zh"])]


def _statements_of_everyday_words() -> Iterator[tuple[str, int, float]]:
    """Yield (phrase, class, share) of what is seen in pictures of a class without being its name or kind."""
    worth = _worth_of_guesses()
    for entry in json.loads(EVERYDAY_FILE.read_text(encoding="utf-8")):
        for phrase in (name.lower() for name in (*entry["en"], *entry["zh"])):
            factor = worth.get(phrase, 1.0)
            yield from ((phrase, int(place), share * factor) for place, share in entry["classes"].items())


def _worth_of_guesses() -> dict[str, float]:
    """Return, for what the detector knows and no class is called, the factor of what is guessed from the classes."""
    named = {name for entry in _read_classes() for name in _names_of(entry)}
    worth: dict[str, float] = {}
    for entry in _read_things():
        if entry["name"] not in named:
            worth |= {phrase: 1 - SEEN_ITSELF * share for phrase, share in entry["phrases"].items()}
    return worth


def _statements_of_things() -> Iterator[tuple[str, int, float]]:
    """Yield (phrase, place, share): names, kinds, and what is usually seen around a thing."""
    for place, entry in enumerate(_read_things(), start=CLASSES):
        yield from ((phrase, place, share) for phrase, share in entry["phrases"].items())


class ConceptBank:
    """All phrases with their sentence vectors. Safe to share between threads."""

    def __init__(self) -> None:
        meanings = read_phrases()
        with np.load(PHRASE_VECTORS_FILE) as file:
            self._vectors: FloatArray = dequantized(file["codes"])
        self.phrases = frozenset(meanings)
        self._place_of = {phrase: place for place, phrase in enumerate(meanings)}
        counts = [len(meaning) for meaning in meanings.values()]
        self._phrase_of = np.repeat(np.arange(len(counts)), counts)
        self._class_of = np.array([place for meaning in meanings.values() for place in meaning])
        self._share = np.array([share for meaning in meanings.values() for share in meaning.values()], np.float32)

    def relevance(self, sentence: FloatArray, *, phrase: str = "") -> FloatArray:
        """Return (1080,) float32: how likely a picture of each class, then of each thing, is what a (512,) unit
        sentence vector means, and the `phrase` that it is of, if that is one of the bank.
        """
        attention = _attention(self._vectors @ sentence)
        place = self._place_of.get(phrase)
        if place is not None and attention[place] < SAID_ITSELF:
            others = 1 - attention[place]
            attention *= (1 - SAID_ITSELF) / others
            attention[place] = SAID_ITSELF
        shares = attention[self._phrase_of] * self._share
        relevance: FloatArray = np.bincount(self._class_of, weights=shares, minlength=CONCEPTS).astype(np.float32)
        return relevance

    def relevance_of_all(self, sentences: Sequence[FloatArray], phrases: Sequence[str]) -> FloatArray:
        """Return the (1080,) relevance of a text, given first, and of the things that it enumerates, all alike.

        Their sum prefers a picture that shows several of them; the text as a whole is one voice more.
        """
        whole, *parts = (
            self.relevance(sentence, phrase=phrase) for sentence, phrase in zip(sentences, phrases, strict=True)
        )
        if not parts:
            return whole
        named = np.mean([_equal(part) for part in parts], axis=0)
        joined: FloatArray = (float(whole.max()) * (_equal(whole) + named) / 2).astype(np.float32)
        return joined


def _equal(relevance: FloatArray) -> FloatArray:
    """Return a relevance whose largest is 1."""
    equal: FloatArray = relevance / max(float(relevance.max()), 1e-9)
    return equal


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
