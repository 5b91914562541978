"""Which texts are certain pieces with gaps between them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gallery.vectors.unit_vectors import Rows

from .ranges import joined_ranges
from .texts import Booleans, Texts


def matching(texts: Texts, pieces: Sequence[bytes]) -> Booleans:
    """Return which texts are these pieces in this order, with anything or nothing between two of them: (n,) bool.

    The compiled search narrows first; only where several pieces stand between the first
    and the last one, what has all of them is looked at text by text.
    """
    if len(pieces) == 1:
        return _are(texts, pieces[0])
    first, *middle, last = pieces
    middle = [piece for piece in middle if piece]
    found = np.diff(texts.starts) >= sum(map(len, pieces))
    for piece in middle:
        found &= texts.contains(piece, ignoring_case=False)
    rows = _rows_with_at(texts, np.flatnonzero(found), texts.starts[:-1], first)
    rows = _rows_with_at(texts, rows, texts.starts[1:] - len(last), last)
    if len(middle) > 1 or (middle and (first or last)):
        rows = rows[_have_in_order(_without_ends(texts, rows, len(first), len(last)), middle)]
    found[:] = False
    found[rows] = True
    return found


def _are(texts: Texts, whole: bytes) -> Booleans:
    found: Booleans = np.diff(texts.starts) == len(whole)
    rows = _rows_with_at(texts, np.flatnonzero(found), texts.starts[:-1], whole)
    found[:] = False
    found[rows] = True
    return found


def _rows_with_at(texts: Texts, rows: Rows, places: npt.NDArray[np.int64], piece: bytes) -> Rows:
    """Return those of these rows that have a piece at their place of the content, (row_count,), and in their text."""
    for offset, byte in enumerate(piece):
        rows = rows[texts.content[places[rows] + offset] == byte]
    return rows


def _without_ends(texts: Texts, rows: Rows, skipped: int, cut: int) -> Texts:
    """Return the texts of these rows without so many bytes at their begin and at their end."""
    firsts = texts.starts[rows] + skipped
    lengths = texts.starts[rows + 1] - cut - firsts
    return Texts(np.concatenate([[0], np.cumsum(lengths)]), texts.content[joined_ranges(firsts, lengths)])


def _have_in_order(texts: Texts, pieces: Sequence[bytes]) -> Booleans:
    if len(pieces) == 1:
        return texts.contains(pieces[0], ignoring_case=False)
    has_all = (_has_in_order(texts.at(row), pieces) for row in range(texts.row_count))
    return np.fromiter(has_all, dtype=bool, count=texts.row_count)


def _has_in_order(text: bytes, pieces: Sequence[bytes]) -> bool:
    place = 0
    for piece in pieces:
        found = text.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    return True
