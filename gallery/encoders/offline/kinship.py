"""How far two things that a row tells of are of one kind: a beagle and a husky, a beagle and a goose.

The classifier knows a thousand kinds apart, 118 of them dogs: two pictures of dogs rarely share a class. What the
classes share are the words that describe them in the phrase bank: names, kinds, usual scenes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .concepts import read_phrases
from .layout import CLASSES_PART, THINGS_PART

FloatArray = npt.NDArray[np.float32]

CLASSES = CLASSES_PART.stop - CLASSES_PART.start
THINGS_WORTH = 0.5  # of what the detector saw, where a class counts 1: docs/adr/0027
KINDS = CLASSES + THINGS_PART.stop - THINGS_PART.start  # as the phrase bank counts them: classes, then things


class Kinship:
    """The cosine of the phrases of two kinds, each phrase weighted by its rarity: log(kinds / kinds that it describes).

    That is tf-idf with the shares of the bank as frequencies (Salton and Buckley 1988). "animal" describes 400 classes
    and joins little, "dog" more, and a kind is nearest to itself. Only sparse sums: no matrix of kinds is kept.
    """

    def __init__(self) -> None:
        meanings = [meaning for meaning in read_phrases().values() if meaning]
        counts = np.array([len(meaning) for meaning in meanings])
        self._phrases = len(meanings)
        self._phrase_of = np.repeat(np.arange(self._phrases), counts)
        self._kind_of = np.array([place for meaning in meanings for place in meaning])
        shares = np.array([share for meaning in meanings for share in meaning.values()])
        weighted = shares * np.sqrt(np.log(KINDS / counts))[self._phrase_of]
        lengths = np.sqrt(np.bincount(self._kind_of, weights=weighted**2, minlength=KINDS))
        self._weight = weighted / lengths[self._kind_of]

    def kin_of(self, rows: FloatArray) -> FloatArray:
        """Return what is of a kind with what (n, 1280) rows tell of, in the parts of classes and things alone."""
        kin = np.zeros_like(rows)
        for row, its_kin in zip(rows, kin, strict=True):
            spread = self._spread(np.concatenate([row[CLASSES_PART], row[THINGS_PART]]))
            its_kin[CLASSES_PART], its_kin[THINGS_PART] = spread[:CLASSES], THINGS_WORTH * spread[CLASSES:]
        return kin

    def _spread(self, kinds: FloatArray) -> npt.NDArray[np.float64]:
        said = np.bincount(self._phrase_of, weights=self._weight * kinds[self._kind_of], minlength=self._phrases)
        again = self._weight * said[self._phrase_of]
        return np.bincount(self._kind_of, weights=again, minlength=KINDS).astype(np.float64)
