"""Compiled scans: one per block layout, for one query, for several, behind a gate, and to count."""

import ctypes
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from llvmlite import ir

from .count_emitter import CountEmitter
from .instructions import InstructionSet
from .machine_code import compiled, compiled_once, host_instruction_set
from .scan_emitter import ScanEmitter
from .scan_job import BlockLayout, CountJob, ScanJob
from .tile_emitter import TileEmitter


class Kernel:
    """A compiled function `scan`.

    Its machine code is kept in `code_folder`, if there is one, so that the next process need not compile it.
    """

    def __init__(
        self, emitter: Callable[[ir.Module], TileEmitter], name: str, instructions: InstructionSet, folder: Path | None
    ) -> None:
        def module_text() -> str:
            module = ir.Module("scan")
            emitter(module).emit()
            return str(module)

        if folder is None:
            self._code = compiled(module_text(), instructions)
        else:
            self._code = compiled_once(name, module_text, instructions, folder)
        self._function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(self._code.address("scan"))

    def run(self, job: ScanJob | CountJob) -> int:
        """Scan until all blocks are taken (DONE) or a list may not hold another block (FULL). Holds no lock."""
        return int(self._function(ctypes.addressof(job)))


class Scanner(Kernel):
    """A compiled scan for one block layout; `query_tile` queries are scored together. It takes a ScanJob."""

    def __init__(
        self,
        layout: BlockLayout,
        instruction_set: InstructionSet,
        *,
        batch: bool,
        gated: bool,
        code_folder: Path | None = None,
    ) -> None:
        self.query_tile = instruction_set.tile[1] if batch else 1
        super().__init__(
            lambda module: ScanEmitter(module, layout, instruction_set, batch=batch, gated=gated),
            repr((layout, instruction_set.name, batch, gated)),
            instruction_set,
            code_folder,
        )


class Counter(Kernel):
    """A compiled count for one block layout. It takes a CountJob."""

    def __init__(
        self, layout: BlockLayout, instruction_set: InstructionSet, *, code_folder: Path | None = None
    ) -> None:
        super().__init__(
            lambda module: CountEmitter(module, layout, instruction_set),
            repr((layout, instruction_set.name, "count")),
            instruction_set,
            code_folder,
        )


_compiling = threading.Lock()


def scanner(
    layout: BlockLayout, *, batch: bool = False, gated: bool = False, code_folder: Path | None = None
) -> Scanner:
    """Return the process's scan for this layout on this processor. Compiling it takes about 80 ms."""
    with _compiling:
        return _scanner(layout, batch, gated, code_folder)


def counter(layout: BlockLayout, *, code_folder: Path | None = None) -> Counter:
    """Return the process's count for this layout on this processor. Compiling it takes about 100 ms."""
    with _compiling:
        return _counter(layout, code_folder)


@lru_cache(maxsize=16)
def _scanner(layout: BlockLayout, batch: bool, gated: bool, code_folder: Path | None) -> Scanner:
    return Scanner(layout, host_instruction_set(), batch=batch, gated=gated, code_folder=code_folder)


@lru_cache(maxsize=4)
def _counter(layout: BlockLayout, code_folder: Path | None) -> Counter:
    return Counter(layout, host_instruction_set(), code_folder=code_folder)
