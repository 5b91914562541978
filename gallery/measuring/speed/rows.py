"""The vectors that are searched and those that are asked for: made in clusters, or taken from a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from gallery.errors import InvalidInput
from gallery.vectors.unit_vectors import Rows, Vectors, lengths

BLOCK_ROWS = 50_000
ROWS_PER_CLUSTER = 200
SPREAD = 0.6  # length of the noise beside a cluster's centre of length 1: neighbours at cosine 0.7..0.8
QUERY_NOISE = 0.3  # where a file has no rows to spare: length of the noise beside a row of length 1
DEFAULT_DIMENSION = 512
SEED = 20_24


class RowSource(Protocol):
    @property
    def rows(self) -> int: ...

    @property
    def dimension(self) -> int: ...

    def blocks(self) -> Iterator[Vectors]:
        """Yield the rows, unit vectors, some at a time: (n, dimension)."""
        ...

    def queries(self, count: int) -> Vectors:
        """Return unit vectors to ask for, none of which is one of the rows: (count, dimension)."""
        ...


@dataclass(frozen=True)
class ClusteredRows:
    """Vectors around random centres, some hundred to each, as pictures of the same things lie in an encoder's space.

    Not isotropic noise: there every row is about as near as every other, which no set of pictures is like.
    """

    rows: int
    dimension: int = DEFAULT_DIMENSION

    @cached_property
    def _centres(self) -> Vectors:
        random = np.random.default_rng(SEED)
        return unit(random.standard_normal((max(1, self.rows // ROWS_PER_CLUSTER), self.dimension), dtype=np.float32))

    def blocks(self) -> Iterator[Vectors]:
        random = np.random.default_rng(SEED + 1)
        for start in range(0, self.rows, BLOCK_ROWS):
            yield self._near(min(BLOCK_ROWS, self.rows - start), random)

    def queries(self, count: int) -> Vectors:
        return self._near(count, np.random.default_rng(SEED + 2))

    def _near(self, count: int, random: np.random.Generator) -> Vectors:
        chosen = self._centres[random.integers(len(self._centres), size=count)]
        return unit(chosen + np.float32(SPREAD) * unit(random.standard_normal(chosen.shape, dtype=np.float32)))


class FileRows:
    """Rows of an (n, dimension) float32 `.npy` file, brought to length 1. The queries are rows that are held out, as
    far as there are any to spare; the others are rows with noise added.
    """

    def __init__(self, path: Path, *, rows: int | None, queries: int) -> None:
        """Take `rows` of the file, or all but the queries. Raises InvalidInput for a file that cannot be used."""
        self._matrix = _opened(path)
        available, self.dimension = self._matrix.shape
        if rows is not None and rows > available:
            raise InvalidInput(reason=f"{path} has {available} rows; --rows asks for {rows}")
        self.rows = rows if rows is not None else max(1, available - queries)
        held_out = min(queries, available - self.rows)
        order = np.random.default_rng(SEED).permutation(available)
        self._held_out: Rows = np.sort(order[:held_out])
        self._chosen: Rows = np.sort(order[held_out : held_out + self.rows])
        self._path = path

    def blocks(self) -> Iterator[Vectors]:
        for start in range(0, self.rows, BLOCK_ROWS):
            yield self._units(self._chosen[start : start + BLOCK_ROWS])

    def queries(self, count: int) -> Vectors:
        asked = self._units(self._held_out[:count])
        random = np.random.default_rng(SEED + 1)
        near = self._units(random.choice(self._chosen, size=count - len(asked)))
        noise = unit(random.standard_normal(near.shape, dtype=np.float32))
        return np.concatenate([asked, unit(near + np.float32(QUERY_NOISE) * noise)])

    def _units(self, rows: Rows) -> Vectors:
        """Return these rows, brought to length 1. Raises InvalidInput for one that has no direction."""
        vectors = np.array(self._matrix[rows])
        row_lengths = lengths(vectors)
        bad = np.flatnonzero(~np.isfinite(row_lengths) | (row_lengths == 0))
        if len(bad):
            raise InvalidInput(reason=f"row {rows[bad[0]]} of {self._path} is not a finite vector other than zero")
        divided: Vectors = (vectors / row_lengths[:, np.newaxis]).astype(np.float32)
        return divided


def _opened(path: Path) -> Vectors:
    """Map a matrix that can be searched. Raises InvalidInput."""
    if path.exists() and not path.is_file():  # opening a pipe might never end
        raise InvalidInput(reason=f"{path} cannot be read (it is not a regular file)")
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError as error:
        raise InvalidInput(reason=f"{path} cannot be read ({error.strerror or error})") from error
    except (ValueError, EOFError) as error:
        raise InvalidInput(reason=f"{path} is not a .npy file with a matrix") from error
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2 or matrix.dtype != np.float32 or 0 in matrix.shape:
        found = f"{matrix.dtype} of shape {matrix.shape}" if isinstance(matrix, np.ndarray) else "several arrays"
        raise InvalidInput(reason=f"{path} holds {found}; a float32 matrix (rows, dimension) is needed")
    return matrix.view(np.ndarray)


def unit(vectors: Vectors) -> Vectors:
    """Return the rows at length 1: (n, dimension) float32."""
    scaled: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled
