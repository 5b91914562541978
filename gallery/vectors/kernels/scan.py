"""Compiled scans: one per block layout, for one query, for several, and behind a gate."""

import ctypes
import threading
from functools import lru_cache

from llvmlite import ir

from .instructions import InstructionSet
from .job import BlockLayout, Job
from .machine_code import compiled, host_instruction_set
from .scan_emitter import ScanEmitter


class Scanner:
    """A compiled scan for one block layout; `query_tile` queries are scored together."""

    def __init__(self, layout: BlockLayout, instruction_set: InstructionSet, *, batch: bool, gated: bool) -> None:
        self.query_tile = instruction_set.tile[1] if batch else 1
        module = ir.Module("scan")
        ScanEmitter(module, layout, instruction_set, batch=batch, gated=gated).emit()
        self._code = compiled(str(module), instruction_set)
        self._function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(self._code.address("scan"))

    def run(self, job: Job) -> int:
        """Scan until all blocks are taken (DONE) or a list may not hold another block (FULL). Holds no lock."""
        return int(self._function(ctypes.addressof(job)))


_compiling = threading.Lock()


def scanner(layout: BlockLayout, *, batch: bool = False, gated: bool = False) -> Scanner:
    """Return the scan for this layout on this processor, compiled at the first use (about 50 ms)."""
    with _compiling:
        return _scanner(layout, batch, gated)


@lru_cache(maxsize=16)
def _scanner(layout: BlockLayout, batch: bool, gated: bool) -> Scanner:
    return Scanner(layout, host_instruction_set(), batch=batch, gated=gated)
