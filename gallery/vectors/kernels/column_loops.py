"""Compiled loops over columns. Callers hand over arrays; no lock is held while a loop runs."""

import ctypes
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from gallery.vectors.row_mask import RowMask

from .column_emitter import emit_count, emit_find
from .instructions import InstructionSet
from .machine_code import compiled, compiled_once, host_instruction_set
from .tally_emitter import LAST, NULL, WIDTHS, WORD_ROWS, emit_extremes, emit_placed, emit_tallies

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
LETTER_CASE = 0x20  # the bit that tells `a` from `A`
SAMPLE_BYTES = 1 << 16
GUESS_BITS = 12  # 4,096 guesses of where a number lies fit a core's first cache
_POINTER, _NUMBER = ctypes.c_void_p, ctypes.c_int64


class ColumnLoops:
    """The loops, compiled for one instruction set. Their machine code is kept in `code_folder`, if there is one."""

    def __init__(self, instruction_set: InstructionSet, *, code_folder: Path | None = None) -> None:
        if code_folder is None:
            self._code = compiled(_module_text(), instruction_set)
        else:
            self._code = compiled_once(f"columns {instruction_set.name}", _module_text, instruction_set, code_folder)
        kinds = [_POINTER, _NUMBER, _POINTER, _NUMBER, _POINTER, _POINTER, _NUMBER, _POINTER, _POINTER]
        self._find = ctypes.CFUNCTYPE(None, *kinds)(self._code.address("find"))
        kinds = [_POINTER, _POINTER, _NUMBER, _POINTER, _NUMBER, _POINTER]
        self._count = ctypes.CFUNCTYPE(None, *kinds)(self._code.address("count"))
        kinds = [_POINTER, _POINTER, _NUMBER, _NUMBER, _NUMBER, _POINTER, _POINTER, _POINTER]
        names = [f"tally_{word}{bits}" for word in ("", "added_") for bits in WIDTHS]
        self._tally = {name: ctypes.CFUNCTYPE(None, *kinds)(self._code.address(name)) for name in names}
        kinds = [_POINTER, _POINTER, _NUMBER, _POINTER, _NUMBER, _NUMBER, _POINTER, _NUMBER, _POINTER]
        self._placed = ctypes.CFUNCTYPE(None, *kinds)(self._code.address("placed"))
        kinds = [_POINTER, _POINTER, _NUMBER, _POINTER]
        self._extremes = ctypes.CFUNCTYPE(None, *kinds)(self._code.address("extremes"))

    def find(
        self, content: Bytes, starts: npt.NDArray[np.int64], needle: bytes, *, ignoring_case: bool
    ) -> npt.NDArray[np.bool_]:
        """Return which texts have a needle, which is not empty, in them: (n,) bool.

        `content` (bytes,) uint8 and `starts` (n + 1,) int64 as in Texts; `ignoring_case` is of A to Z alone.
        """
        content, starts = np.ascontiguousarray(content), np.ascontiguousarray(starts, dtype=np.int64)
        wanted = np.frombuffer(needle.lower() if ignoring_case else needle, dtype=np.uint8)
        is_letter = (wanted >= ord("a")) & (wanted <= ord("z"))
        folds = np.where(is_letter & ignoring_case, LETTER_CASE, 0).astype(np.uint8)
        probes = _rarest(content, wanted, folds)
        found = np.zeros(len(starts) - 1, dtype=bool)
        if len(found):
            arrays = (starts, len(found), wanted, folds, len(wanted), probes, found)
            self._find(*map(_argument, (content, len(content), *arrays)))
        return found

    def count(
        self, rows: npt.NDArray[np.uint32], starts: npt.NDArray[np.int64], bits: Bytes, row_count: int
    ) -> npt.NDArray[np.int64]:
        """Return how many of `rows[starts[k] : starts[k + 1]]` have their bit set, (m,) int64."""
        rows, starts = np.ascontiguousarray(rows, dtype=np.uint32), np.ascontiguousarray(starts, dtype=np.int64)
        counts = np.zeros(len(starts) - 1, dtype=np.int64)
        bits = np.ascontiguousarray(bits)
        self._count(*map(_argument, (rows, starts, len(counts), bits, row_count, counts)))
        return counts

    def tally(
        self,
        numbers: npt.NDArray[np.signedinteger[Any]],
        mask: RowMask,
        *,
        least: int,
        place_count: int,
        added: npt.NDArray[np.int64] | None = None,
    ) -> tuple[Counts, Counts]:
        """Return how many rows of the mask have each number from `least` on, and the sums of what they have in `added`.

        Both are (place_count,) int64; NULL adds nothing. `numbers` and `added` are (n,), n at least the mask's rows.
        """
        numbers = np.ascontiguousarray(numbers)
        counts, sums = np.zeros(place_count, dtype=np.int64), np.zeros(place_count, dtype=np.int64)
        words = _words(mask, len(numbers))
        name = f"tally_{'' if added is None else 'added_'}{numbers.dtype.itemsize * 8}"
        added = counts if added is None else np.ascontiguousarray(added, dtype=np.int64)
        if len(added) < len(numbers) and added is not counts:
            message = f"{len(added)} numbers to add, but {len(numbers)} to count"
            raise ValueError(message)
        arrays = (numbers, words, len(words), least, place_count, counts, added, sums)
        self._tally[name](*map(_argument, arrays))
        return counts, sums

    def placed(self, numbers: npt.NDArray[np.int64], mask: RowMask, bounds: Sequence[int]) -> Counts:
        """Return of how many rows of the mask 0, 1, ... all of these ascending bounds are at or below the number.

        (len(bounds) + 1,) int64. NULL is left out.
        """
        numbers, limits = np.ascontiguousarray(numbers, dtype=np.int64), np.array([*bounds, LAST], dtype=np.int64)
        span = int(limits[-2]) - int(limits[0]) if bounds else 0
        shift = max(0, span.bit_length() - GUESS_BITS)
        firsts = limits[0] + (np.arange((span >> shift) + 1) << shift)  # of which the last is at most the last bound
        guesses = np.searchsorted(limits[:-1], firsts, "right").astype(np.int64)
        counts, words = np.zeros(len(limits), dtype=np.int64), _words(mask, len(numbers))
        arrays = (numbers, words, len(words), limits, len(bounds), shift, guesses, len(guesses), counts)
        self._placed(*map(_argument, arrays))
        return counts

    def extremes(self, numbers: npt.NDArray[np.int64], mask: RowMask) -> tuple[int, int] | None:
        """Return the least and the greatest number of the mask's rows that is not NULL, None where there is none."""
        numbers = np.ascontiguousarray(numbers, dtype=np.int64)
        found, words = np.zeros(2, dtype=np.int64), _words(mask, len(numbers))
        self._extremes(*map(_argument, (numbers, words, len(words), found)))
        least, greatest = map(int, found)
        return None if greatest == NULL else (least, greatest)


def column_loops(code_folder: Path | None = None) -> ColumnLoops:
    """Return the process's loops for this processor.

    Compiling them takes some 130 ms; the first call may say where their code is kept for the next process.
    """
    global _loops  # noqa: PLW0603 -- one per process, whoever asks first
    with _compiling:
        if _loops is None:
            _loops = ColumnLoops(host_instruction_set(), code_folder=code_folder)
        return _loops


_compiling = threading.Lock()
_loops: ColumnLoops | None = None


def _module_text() -> str:
    module = ir.Module("columns")
    emit_find(module)
    emit_count(module)
    emit_tallies(module)
    emit_placed(module)
    emit_extremes(module)
    return str(module)


def _words(mask: RowMask, row_count: int) -> Words:
    """Return the bits of a mask by 64; none is set behind its last row. Raises ValueError if it has more rows."""
    if mask.row_count > row_count:
        message = f"a mask of {mask.row_count} rows, but {row_count} numbers"
        raise ValueError(message)
    words = mask.words(-(-mask.row_count // WORD_ROWS) * WORD_ROWS)
    if rest := mask.row_count % WORD_ROWS:
        words[-1] &= np.uint64((1 << rest) - 1)
    return words


def _argument(value: object) -> object:
    """Return an array's address, a number as it is."""
    return value.ctypes.data if isinstance(value, np.ndarray) else value


def _rarest(content: Bytes, wanted: Bytes, folds: Bytes) -> npt.NDArray[np.int64]:
    """Return the two places of the needle whose bytes are the rarest in a sample of the content, (2,) int64."""
    step = max(1, len(content) // SAMPLE_BYTES)
    counts = np.bincount(content[::step], minlength=256)
    frequency = counts[wanted] + np.where(folds, counts[wanted ^ folds], 0)
    places = np.argsort(frequency, kind="stable")[:2].astype(np.int64)
    return np.array([places[0], places[-1]], dtype=np.int64)
