"""One committed version of the index as a process sees it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gallery.encoders.base import EncoderKey, Vectors
from gallery.models import IndexState
from gallery.vectors.codes import Codes
from gallery.vectors.engines.base import Engine
from gallery.vectors.unit_vectors import Ids


@dataclass(frozen=True)
class CommittedIndex:
    """Everything in it is of one epoch, hence of one encoder."""

    epoch: int
    version: int
    encoder: EncoderKey
    engine: Engine
    matrix: Vectors
    codes: Codes

    @property
    def row_count(self) -> int:
        return self.codes.row_count

    def rows_of(self, rows: Ids, image_ids: Ids) -> npt.NDArray[np.bool_]:
        """Return which of these rows are here and are still those of these images."""
        here = rows < self.row_count
        here[here] = self.codes.ids_of(rows[here]) == image_ids[here]
        return here


def is_of(committed: CommittedIndex | None, state: IndexState) -> bool:
    return committed is not None and (committed.epoch, committed.version) == (state.epoch, state.version)
