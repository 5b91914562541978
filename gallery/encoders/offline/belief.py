"""How far the detector is believed: as far as the classifier sees something of that name, too.

A dog's head is a bear to the detector, a snake a bird, each in its own picture. The classifier knows better what a
picture is about, but not what else stands in it; so where one class is plain it has more of a say than in a scene.
docs/adr/0029-the-detector-is-believed-where-the-classifier-agrees.md has the measurements.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .concepts import CLASSES, THINGS, read_phrases, thing_names

FloatArray = npt.NDArray[np.float32]

CONFIDENCE_POWER = 1.5  # doubtful things count for less
LEAST_AGREEMENT = 0.01  # of classes: what the detector sees alone is not lost
USUAL_AGREEMENT = 0.1  # where no class is called like the thing
SAY_IN_A_SCENE, SAY_OF_ONE_CLASS = 0.3, 0.6  # power of the agreement
PLAIN_CLASS = 0.3  # probability of the whole picture's best class from which on the picture is about it


class Belief:
    """The classes of the things' names, by the phrase bank. Safe to share between threads."""

    def __init__(self) -> None:
        self._shares = _shares_of_classes()
        self._is_named = self._shares.max(axis=1) >= 1

    def weights(self, confidences: FloatArray, classes: FloatArray, *, plainest: float) -> FloatArray:
        """Return what each thing weighs in a row (80,), 0..1: the detector's confidences (80,) as far as the
        probabilities of the classes (1000,) agree. `plainest` is the largest one in the picture as a whole.
        """
        agreeing = np.where(self._is_named, np.minimum(self._shares @ classes, 1), USUAL_AGREEMENT)
        agreement = (agreeing + LEAST_AGREEMENT) / (1 + LEAST_AGREEMENT)
        say = SAY_IN_A_SCENE + (SAY_OF_ONE_CLASS - SAY_IN_A_SCENE) * min(1.0, plainest / PLAIN_CLASS)
        weights: FloatArray = (confidences**CONFIDENCE_POWER * agreement**say).astype(np.float32)
        return weights


def _shares_of_classes() -> FloatArray:
    """Return (80, 1000): how far a picture of each class shows the thing."""
    phrases = read_phrases()
    shares = np.zeros((THINGS, CLASSES), np.float32)
    for thing, name in enumerate(thing_names()):
        for phrase in (name.english, name.chinese):
            for place, share in phrases[phrase].items():
                if place < CLASSES:
                    shares[thing, place] = max(shares[thing, place], share)
    return shares
