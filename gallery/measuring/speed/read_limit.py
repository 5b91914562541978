"""How long this machine takes to read so many bytes once: the floor under every search that reads them all."""

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, reduce

import numpy as np
import numpy.typing as npt
from llvmlite import ir

from gallery.vectors.kernels.emit import BYTE, I64, POINTER, Emitter
from gallery.vectors.kernels.machine_code import MachineCode, compiled, host_instruction_set

CHUNK_BYTES = 1 << 21  # what a thread takes at a time: a block of codes at 512 numbers, and a large page
STREAMS = 4  # parts of a chunk that a thread reads side by side: several pages are fetched ahead at once
LINE_BYTES = 64

Words = npt.NDArray[np.uint64]


def reading_ways(byte_count: int, *, threads: int, pool: ThreadPoolExecutor) -> dict[str, Callable[[], object]]:
    """Return two ways to read `byte_count` bytes, rounded up to whole chunks, of one anonymous array, all threads
    together: NumPy's maximum, and a compiled loop that only combines what it reads. Neither is faster everywhere.
    """
    words = np.ones(-(-byte_count // CHUNK_BYTES) * CHUNK_BYTES // 8, dtype=np.uint64)
    parts = np.array_split(words, threads)
    loop = _read_loop()
    return {
        "numpy_max": lambda: list(pool.map(np.max, parts)),
        "compiled_or": lambda: loop.read(words, threads=threads, pool=pool),
    }


class ReadLoop:
    """A compiled loop: threads take chunks in turn, as the scan takes blocks, so that a slow one reads less."""

    def __init__(self) -> None:
        module = ir.Module("read")
        _emit_read(module)
        self._code: MachineCode = compiled(str(module), host_instruction_set())
        kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)
        self._function = kind(self._code.address("read_chunks"))

    def read(self, words: Words, *, threads: int, pool: ThreadPoolExecutor) -> int:
        """Read whole chunks; return all their words combined by OR, which proves that each was read."""
        next_chunk = np.zeros(1, dtype=np.int64)
        count = words.nbytes // CHUNK_BYTES

        def run(_thread: int) -> int:
            return int(self._function(words.ctypes.data, count, next_chunk.ctypes.data))

        return reduce(int.__or__, pool.map(run, range(threads)))


@lru_cache(maxsize=1)
def _read_loop() -> ReadLoop:
    return ReadLoop()


def _emit_read(module: ir.Module) -> None:
    """Emit read_chunks(array, chunk count, next chunk): take chunks until none is left, return the OR of all words."""
    function = ir.Function(module, ir.FunctionType(I64, [POINTER, I64, POINTER]), "read_chunks")
    array, count, next_chunk = function.args
    b = Emitter(function.append_basic_block("entry"))
    line = ir.VectorType(I64, LINE_BYTES // 8)
    seen = [b.variable(line, ir.Constant(line, None)) for _ in range(STREAMS)]
    chunk = b.variable(I64, b.integer(0))

    def taken() -> ir.Value:
        b.store(b.atomic_rmw("add", next_chunk, b.integer(1), "monotonic"), chunk)
        return b.icmp_signed("<", b.load(chunk, typ=I64), count)

    with b.repeat_while(taken):
        start = b.at(array, b.mul(b.load(chunk, typ=I64), b.integer(CHUNK_BYTES)), BYTE)
        with b.loop(b.integer(CHUNK_BYTES // STREAMS), step=2 * LINE_BYTES) as place:
            for number, lines in enumerate(seen):
                for half in range(2):
                    offset = b.integer(number * (CHUNK_BYTES // STREAMS) + half * LINE_BYTES)
                    content = b.load(b.at(start, b.add(place, offset), BYTE), align=LINE_BYTES // 8, typ=line)
                    b.store(b.or_(b.load(lines, typ=line), content), lines)
    total = reduce(b.or_, [b.load(lines, typ=line) for lines in seen])
    words = [b.extract_element(total, ir.Constant(ir.IntType(32), number)) for number in range(line.count)]
    b.ret(reduce(b.or_, words))
