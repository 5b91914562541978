"""One committed version of the index as a process sees it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gallery.encoders.base import EncoderKey
from gallery.models import IndexState
from gallery.vectors.engines.contract import RemoteCollection, Searcher
from gallery.vectors.snapshot import Snapshot
from gallery.vectors.unit_vectors import Ids


@dataclass(frozen=True)
class CommittedIndex:
    """Everything in it is of one epoch, hence of one encoder. `local` searches the snapshot, `remote` holds all of it
    sooner or later.
    """

    epoch: int
    version: int
    encoder: EncoderKey
    snapshot: Snapshot
    local: Searcher
    remote: RemoteCollection | None = None

    def rows_of(self, rows: Ids, image_ids: Ids) -> npt.NDArray[np.bool_]:
        """Return which of these rows are here and are still those of these images."""
        here = rows < self.snapshot.row_count
        here[here] = self.snapshot.codes.ids_of(rows[here]) == image_ids[here]
        return here


def is_of(committed: CommittedIndex | None, state: IndexState) -> bool:
    return committed is not None and (committed.epoch, committed.version) == (state.epoch, state.version)
