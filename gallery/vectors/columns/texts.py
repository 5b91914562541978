"""One text per row, as UTF-8 in one buffer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gallery.vectors.kernels.column_loops import column_loops
from gallery.vectors.unit_vectors import Rows

from .ranges import joined_ranges

Booleans = npt.NDArray[np.bool_]
Chunks = npt.NDArray[np.uint64]
CHUNK_BYTES = 7  # of a text, compared at once; the eighth byte says how many of them there are
MANY_RUNS = 500  # of bytes; to copy more of them, one after the other is no longer fast
_MORE = CHUNK_BYTES + 1
_KEPT_BITS = np.array([(1 << 64) - (1 << (64 - 8 * min(length, CHUNK_BYTES))) for length in range(9)], dtype=np.uint64)


@dataclass(frozen=True, eq=False)
class Texts:
    """The text of row r is `content[starts[r] : starts[r + 1]]`: (n + 1,) int64 and (bytes,) uint8.

    `by_rank` (n,) uint32 are the rows in the order of their texts, compared byte by byte; `ranks` (n,) uint32 is the
    place of each row's text among the different texts: equal texts have equal ranks. Both are None until somebody
    orders by them.
    """

    starts: npt.NDArray[np.int64]
    content: npt.NDArray[np.uint8]
    ranks: npt.NDArray[np.uint32] | None = None
    by_rank: npt.NDArray[np.uint32] | None = None

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

    def ranked(self) -> "Texts":
        """Return the same with ranks."""
        ranks, by_rank = self.ranking
        return replace(self, ranks=ranks, by_rank=by_rank)

    def take(self, rows: Rows) -> "Texts":
        """Return the texts of these rows, in this order."""
        firsts, lengths = self.starts[rows], self.starts[rows + 1] - self.starts[rows]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        return Texts(starts, self.content[joined_ranges(firsts, lengths)])

    def without(self, is_gone: Booleans) -> "Texts":
        """Return the texts that are not gone, (n,) bool."""
        gone = np.flatnonzero(is_gone)
        if len(gone) > MANY_RUNS:
            return self.take(np.flatnonzero(~is_gone))
        stops, firsts = [*self.starts[gone], len(self.content)], [0, *self.starts[gone + 1]]
        lengths = np.diff(self.starts)[~is_gone]
        runs = [self.content[first:stop] for first, stop in zip(firsts, stops, strict=True)]
        return Texts(np.concatenate([[0], np.cumsum(lengths)]), np.concatenate(runs))

    def joined(self, other: "Texts") -> "Texts":
        """Return these texts and the other's behind them."""
        return Texts(
            np.concatenate([self.starts, other.starts[1:] + self.starts[-1]]),
            np.concatenate([self.content, other.content]),
        )

    def contains(self, needle: bytes, *, ignoring_case: bool) -> Booleans:
        """Return which texts have the needle in them, (n,) bool; `ignoring_case` is of A to Z alone."""
        if not needle:
            return np.ones(self.row_count, dtype=bool)
        return column_loops().find(self.content, self.starts, needle, ignoring_case=ignoring_case)

    def first_not_less(self, others: "Texts") -> tuple[npt.NDArray[np.int64], Booleans]:
        """Return, for each of other texts, how many different texts of these are less, and whether it is one of these.

        (m,) each, in log2(n) comparisons of each.
        """
        ranks, by_rank = self.ranking
        low = np.zeros(others.row_count, dtype=np.int64)
        high = np.full(others.row_count, self.row_count, dtype=np.int64)
        everything = np.arange(others.row_count)
        while len(open_ := np.flatnonzero(low < high)):
            middle = (low[open_] + high[open_]) // 2
            less = self._compared(by_rank[middle].astype(np.int64), others, everything[open_]) < 0
            low[open_] = np.where(less, middle + 1, low[open_])
            high[open_] = np.where(less, high[open_], middle)
        inside = np.flatnonzero(low < self.row_count)
        at = by_rank[low[inside]].astype(np.int64)
        is_equal = np.zeros(others.row_count, dtype=bool)
        is_equal[inside] = self._compared(at, others, inside) == 0
        less_texts = np.full(others.row_count, int(ranks.max()) + 1 if len(ranks) else 0, dtype=np.int64)
        less_texts[inside] = ranks[at]
        return less_texts, is_equal

    @cached_property
    def ranking(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
        """`ranks` and `by_rank`, made if they are not there."""
        if self.ranks is not None and self.by_rank is not None:
            return self.ranks, self.by_rank
        return _ranking_of(self)

    def _compared(self, rows: Rows, others: "Texts", other_rows: Rows) -> npt.NDArray[np.int8]:
        """Return -1, 0 or 1 for each pair of a row here and a row there, (m,)."""
        signs = np.zeros(len(rows), dtype=np.int8)
        undecided = np.arange(len(rows))
        level = 0
        while len(undecided):
            here = self.chunks(rows[undecided], level)
            there = others.chunks(other_rows[undecided], level)
            signs[undecided] = (here > there).astype(np.int8) - (here < there)
            undecided = undecided[(here == there) & goes_on(here)]
            level += 1
        return signs

    def chunks(self, rows: Rows, level: int) -> Chunks:
        """Return the bytes of these rows' texts from `level` times CHUNK_BYTES on, as numbers that compare as they do.

        (m,) uint64: up to CHUNK_BYTES bytes, the first one highest; then how many of them there are.
        """
        places = self.starts[rows] + level * CHUNK_BYTES
        lengths = np.clip(self.starts[rows + 1] - places, 0, _MORE)
        words = self._words
        found = words[np.minimum(places, len(words) - 1)].astype(np.uint64)
        near_end = np.flatnonzero(places >= len(words))
        found[near_end] <<= (8 * np.minimum(places[near_end] - len(words) + 1, CHUNK_BYTES)).astype(np.uint64)
        chunks: Chunks = (found & _KEPT_BITS[lengths]) | lengths.astype(np.uint64)
        return chunks

    @cached_property
    def _words(self) -> npt.NDArray[np.uint64]:
        """The eight bytes from each byte on, the first one highest; those behind the last eight are not there."""
        content = self.content
        if len(content) < 8:
            content = np.concatenate([content, np.zeros(8 - len(content), dtype=np.uint8)])
        return np.ndarray((len(content) - 7,), dtype=">u8", buffer=np.ascontiguousarray(content), strides=(1,))


def goes_on(chunks: Chunks) -> Booleans:
    """Return which texts have more bytes than these chunks hold."""
    more: Booleans = (chunks & np.uint64(0xFF)) == _MORE
    return more


def _ranking_of(texts: Texts) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Return the ranks and the rows by rank: sorted by their first bytes, what is equal by the next ones, and so on."""
    chunks = texts.chunks(np.arange(texts.row_count), 0)
    order = np.argsort(chunks)
    chunks = chunks[order]
    is_new = np.concatenate([[True], chunks[1:] != chunks[:-1], [True]])[: len(order) + 1]
    undecided, level = np.arange(len(order)), 1
    while True:
        is_alone = is_new[undecided] & is_new[undecided + 1]
        undecided = undecided[goes_on(chunks) & ~is_alone]
        if not len(undecided):
            break
        groups, rows = np.cumsum(is_new)[undecided], order[undecided]
        chunks = texts.chunks(rows, level)
        if chunks.min() != chunks.max():
            within = np.lexsort((chunks, groups))
            order[undecided], chunks = rows[within], chunks[within]
            is_new[undecided[1:]] |= chunks[1:] != chunks[:-1]
        level += 1
    ranks = np.empty(texts.row_count, dtype=np.uint32)
    ranks[order] = np.cumsum(is_new[:-1]) - 1
    return ranks, order.astype(np.uint32)
