"""One text per row, as UTF-8 in one buffer."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gallery.vectors.unit_vectors import Rows

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Texts:
    """The text of row r is `content[starts[r] : starts[r + 1]]`: (n + 1,) int64 and (bytes,) uint8.

    `ranks` (n,) uint32: equal texts have equal ranks, and a rank is less where the text is, compared byte by byte;
    None until somebody orders by it.
    """

    starts: npt.NDArray[np.int64]
    content: npt.NDArray[np.uint8]
    ranks: npt.NDArray[np.uint32] | None = None

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Texts":
        return cls.of_bytes([text.encode("utf-8", "surrogatepass") for text in texts])

    @classmethod
    def of_bytes(cls, texts: Sequence[bytes]) -> "Texts":
        lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
        return cls(np.concatenate([[0], np.cumsum(lengths)]), np.frombuffer(b"".join(texts), dtype=np.uint8))

    @property
    def row_count(self) -> int:
        return len(self.starts) - 1

    def at(self, row: int) -> bytes:
        return self.content[self.starts[row] : self.starts[row + 1]].tobytes()

    @cached_property
    def order(self) -> npt.NDArray[np.uint32]:
        """`ranks`, made if they are not there."""
        if self.ranks is not None:
            return self.ranks
        texts = [self.at(row) for row in range(self.row_count)]
        rank_of = {text: rank for rank, text in enumerate(sorted(set(texts)))}
        return np.fromiter(map(rank_of.__getitem__, texts), dtype=np.uint32, count=len(texts))

    def contains(self, needle: bytes, *, ignoring_case: bool) -> Booleans:
        """Return which texts have the needle in them, (n,) bool; `ignoring_case` is of A to Z alone."""
        buffer = self.content.tobytes()
        if ignoring_case:
            buffer, needle = buffer.lower(), needle.lower()  # of bytes: ASCII alone
        found = np.ones(self.row_count, dtype=bool) if not needle else np.zeros(self.row_count, dtype=bool)
        place = buffer.find(needle) if needle else -1
        while place >= 0:
            row = int(np.searchsorted(self.starts, place, "right")) - 1
            if place + len(needle) <= self.starts[row + 1]:
                found[row] = True
                place = buffer.find(needle, int(self.starts[row + 1]))
            else:
                place = buffer.find(needle, place + 1)
        return found

    def take(self, rows: Rows) -> "Texts":
        """Return the texts of these rows, in this order."""
        firsts, lengths = self.starts[rows], self.starts[rows + 1] - self.starts[rows]
        ends = np.cumsum(lengths)
        places = np.repeat(firsts - (ends - lengths), lengths) + np.arange(int(ends[-1]) if len(ends) else 0)
        return Texts(np.concatenate([[0], ends]), self.content[places])

    def joined(self, other: "Texts") -> "Texts":
        """Return these texts and the other's behind them."""
        return Texts(
            np.concatenate([self.starts, other.starts[1:] + self.starts[-1]]),
            np.concatenate([self.content, other.content]),
        )
