"""The order of the texts of a base and of a patch together."""

from functools import cached_property

import numpy as np

from gallery.vectors.unit_vectors import Ids, Rows

from .texts import Texts

_STEP = 32  # bits; between two texts of the base there is room for all of a patch


class TextOrder:
    """Gives each text a number that compares as it does: a multiple of 2 ** 32 if the base has it.

    The patch's own texts, and those of no row, come between; the patch is placed among the base once.
    """

    def __init__(self, base: Texts, patch: Texts) -> None:
        self._base = base
        self._patch = patch

    def keys(self, places: Rows) -> Ids:
        """Return the number of each text, (len(places),) int64; places ascend, the patch's behind the base's."""
        split = int(np.searchsorted(places, self._base.row_count))
        found = np.empty(len(places), dtype=np.int64)
        if split:
            found[:split] = self._base.ranking[0][places[:split]]
            found[:split] += 1
            found[:split] <<= _STEP
        if split < len(places):
            found[split:] = self._patch_keys[places[split:] - self._base.row_count]
        return found

    def key_of(self, text: str) -> int:
        """Return the number of any text."""
        texts = Texts.of([text])
        less, is_there = self._base.first_not_less(texts)
        if is_there[0]:
            return (int(less[0]) + 1) << _STEP
        less_in_patch, is_in_patch = self._patch.first_not_less(texts)
        return (int(less[0]) << _STEP) + 2 * int(less_in_patch[0]) + (2 if is_in_patch[0] else 1)

    @cached_property
    def _patch_keys(self) -> Ids:
        less, is_there = self._base.first_not_less(self._patch)
        within = 2 * (self._patch.ranking[0].astype(np.int64) + 1)
        return np.where(is_there, (less + 1) << _STEP, (less << _STEP) + within)
