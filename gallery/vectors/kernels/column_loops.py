"""Compiled loops over columns. Callers hand over arrays; no lock is held while a loop runs."""

import ctypes
import threading
from pathlib import Path

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from .column_emitter import emit_count, emit_find
from .instructions import InstructionSet
from .machine_code import compiled, compiled_once, host_instruction_set

Bytes = npt.NDArray[np.uint8]
LETTER_CASE = 0x20  # the bit that tells `a` from `A`
SAMPLE_BYTES = 1 << 16
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
    return str(module)


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
