"""Compiled scans: one per block layout, for one query, for several, and behind a gate."""

import ctypes
import threading
from functools import lru_cache
from pathlib import Path

from llvmlite import ir

from .instructions import InstructionSet
from .machine_code import compiled, compiled_once, host_instruction_set
from .scan_emitter import ScanEmitter
from .scan_job import BlockLayout, ScanJob


class Scanner:
    """A compiled scan for one block layout; `query_tile` queries are scored together.

    Its machine code is kept in `code_folder`, if there is one, so that the next process need not compile it.
    """

    def __init__(
        self,
        layout: BlockLayout,
        instruction_set: InstructionSet,
        *,
        batch: bool,
        gated: bool,
        code_folder: Path | None = None,
    ) -> None:
        def module_text() -> str:
            module = ir.Module("scan")
            ScanEmitter(module, layout, instruction_set, batch=batch, gated=gated).emit()
            return str(module)

        self.query_tile = instruction_set.tile[1] if batch else 1
        if code_folder is None:
            self._code = compiled(module_text(), instruction_set)
        else:
            name = repr((layout, instruction_set.name, batch, gated))
            self._code = compiled_once(name, module_text, instruction_set, code_folder)
        self._function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(self._code.address("scan"))

    def run(self, job: ScanJob) -> int:
        """Scan until all blocks are taken (DONE) or a list may not hold another block (FULL). Holds no lock."""
        return int(self._function(ctypes.addressof(job)))


_compiling = threading.Lock()


def scanner(
    layout: BlockLayout, *, batch: bool = False, gated: bool = False, code_folder: Path | None = None
) -> Scanner:
    """Return the process's scan for this layout on this processor. Compiling it takes about 80 ms."""
    with _compiling:
        return _scanner(layout, batch, gated, code_folder)


@lru_cache(maxsize=16)
def _scanner(layout: BlockLayout, batch: bool, gated: bool, code_folder: Path | None) -> Scanner:
    return Scanner(layout, host_instruction_set(), batch=batch, gated=gated, code_folder=code_folder)
