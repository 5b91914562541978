"""One version of the vectors, as local engines open it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .allowed import Allowed
from .codes import Codes
from .row_mask import RowMask
from .unit_vectors import Ids, Rows, Vectors


@dataclass(frozen=True)
class Snapshot:
    """Vectors, (row_count, dimension) float32, and their codes, which say whose each row is. Both may be maps of files.

    Never changed but in one way: rows of pictures that go are emptied in place, and then nobody finds them. A later
    snapshot of the same epoch has the same rows and more.
    """

    matrix: Vectors
    codes: Codes

    @classmethod
    def of(cls, matrix: Vectors, ids: Ids) -> "Snapshot":
        """Take `matrix` itself, where row r is image `ids[r]`, or nothing if that is -1, and compute its codes.

        Rows have length 1, or 0 where the id is -1. No image id may occur twice. Raises ValueError if the shapes do not
        fit.
        """
        if matrix.ndim != 2 or len(matrix) != len(ids) or matrix.dtype != np.float32:
            raise ValueError(f"{len(ids)} ids do not fit a {matrix.dtype} matrix of shape {matrix.shape}")
        return cls(matrix, Codes.of(matrix, np.asarray(ids, dtype=np.int64)))

    @property
    def row_count(self) -> int:
        return self.codes.row_count

    @property
    def dimension(self) -> int:
        return self.codes.dimension

    @cached_property
    def rows_by_id(self) -> tuple[Ids, Rows]:
        """The images that have a row, ascending, and their rows."""
        rows = self.codes.live.rows
        ids = self.codes.ids[rows]
        order = np.argsort(ids, kind="stable")
        return ids[order], rows[order]

    def allowing(self, allowed_ids: Ids) -> Allowed:
        """Allow those of these images that are here. The ids are sorted, without repeats."""
        ids, rows = self.rows_by_id
        if len(ids):
            places = np.minimum(np.searchsorted(ids, allowed_ids), len(ids) - 1)
            rows = rows[places[ids[places] == allowed_ids]]
        return self.allowing_rows(RowMask.of_rows(rows, self.row_count))

    def allowing_rows(self, mask: RowMask) -> Allowed:
        return Allowed.of_rows(mask, self.codes)

    def mask_of(self, allowed: Allowed | None) -> RowMask:
        """Return which rows may be found: all that are somebody's, where nothing is said."""
        return self.codes.live if allowed is None else allowed.bitmap.first(self.row_count)
