"""What every scan of codes shares: blocks that threads take one by one, tiles of 64 rows, products of bytes.

Per row and query, with the 8-bit codes `c` of the row and `u` of the query:

    score = query_scale * row_scale * (sum(c * u) - offset)             approximates the cosine similarity
    bound = slope * row_error + base                                    |score - cosine| is never more
"""

import ctypes
from abc import ABC, abstractmethod

from llvmlite import ir

from .emit import BYTE, FLOAT, I32, I64, POINTER, Emitter, lane_sums, splat
from .instructions import InstructionSet, declared
from .scan_job import DONE, LINE_BYTES, TILE_ROWS, WHOLE_TILE_FROM, BlockLayout


class TileEmitter(ABC):
    """Writes a function `scan` that takes the address of a job and returns DONE or FULL.

    `job` are the fields of the structure by their names. `row_tile` rows and `query_tile` queries are scored together.
    """

    def __init__(
        self,
        module: ir.Module,
        layout: BlockLayout,
        instructions: InstructionSet,
        job: type[ctypes.Structure],
        *,
        row_tile: int,
        query_tile: int,
    ) -> None:
        self.module = module
        self.layout = layout
        self.instructions = instructions
        self.row_tile, self.query_tile = row_tile, query_tile
        function = ir.Function(module, ir.FunctionType(I64, [POINTER]), "scan")
        self.b = Emitter(function.append_basic_block("entry"))
        self.job = {
            str(field[0]): self.b.get(
                function.args[0], self.b.integer(number), I64 if field[1] is ctypes.c_int64 else POINTER
            )
            for number, field in enumerate(job._fields_)
        }
        self.totals = self.job["totals"]

    def emit(self) -> None:
        b = self.b
        again = b.append_basic_block("next_block")
        b.branch(again)
        b.position_at_end(again)
        self._require_room()
        block = b.atomic_rmw("add", self.job["next_block"], b.integer(1), "monotonic")
        with b.if_then(b.icmp_signed(">=", block, self.job["block_count"])):
            b.ret(b.integer(DONE))
        self._scan_block(block)
        b.branch(again)

    @abstractmethod
    def _require_room(self) -> None:
        """Return FULL unless every list has room for a block."""

    @abstractmethod
    def _scan_wanted(self, tile: ir.Value, word: ir.Value) -> None:
        """Scan the rows of a tile that `word` has bits of; it has at least one."""

    def _scan_block(self, block: ir.Value) -> None:
        b = self.b
        tiles = self.layout.rows_per_block // TILE_ROWS
        self.base = b.at(self.job["blocks"], b.mul(block, b.integer(self.layout.block_bytes)), BYTE)
        self.first_row = b.mul(block, b.integer(self.layout.rows_per_block))
        with b.loop(b.integer(tiles)) as tile:
            word = b.get(self.job["mask"], b.add(b.mul(block, b.integer(tiles)), tile), I64)
            with b.if_then(b.icmp_unsigned("!=", word, b.integer(0))):
                self._scan_wanted(tile, word)

    def _prefetch_numbers_of(self, tile_row: ir.Value) -> None:
        """Have the scales and errors of a tile brought nearer: too few bytes for the processor to foresee them."""
        b = self.b
        fetch = declared(self.module, "llvm.prefetch.p0", ir.VoidType(), (POINTER, I32, I32, I32))
        read, keep, data_cache = (ir.Constant(I32, value) for value in (0, 3, 1))
        for section in (self.layout.scales, self.layout.errors):
            for row in range(0, TILE_ROWS, LINE_BYTES // 4):
                place = b.at(self._section(section), b.add(tile_row, b.integer(row)), FLOAT)
                b.call(fetch, [place, read, keep, data_cache])

    def _wanted_products(self, tile_row: ir.Value, word: ir.Value, first_query: ir.Value) -> None:
        """Put the sums of code * query into `self.totals` for the rows that `word` has bits of, perhaps for others."""
        b = self.b
        many = b.icmp_unsigned(">=", b.ctpop(word), b.integer(WHOLE_TILE_FROM))
        with b.if_else(many) as (whole, parts):
            with whole, b.loop(b.integer(TILE_ROWS), step=self.row_tile) as row:
                self._products(tile_row, row, self.row_tile, first_query)
            with parts:
                self._each_product(tile_row, word, first_query)

    def _each_product(self, tile_row: ir.Value, word: ir.Value, first_query: ir.Value) -> None:
        with self.b.set_bits(word) as row:
            self._products(tile_row, row, 1, first_query)

    def _products(self, tile_row: ir.Value, row: ir.Value, row_count: int, first_query: ir.Value) -> None:
        """Put the sums of code * query into `self.totals`, for `row_count` rows of the tile and the tile's queries."""
        b, code_bytes, instructions = self.b, self.layout.code_bytes, self.instructions
        place = b.mul(b.add(tile_row, row), b.integer(code_bytes))
        codes = b.at(self._section(self.layout.codes), place, BYTE)
        queries = b.at(self.job["queries"], b.mul(first_query, b.integer(code_bytes)), BYTE)
        sums = [[ir.Constant(instructions.sums, None)] * row_count for _ in range(self.query_tile)]
        for step in range(0, code_bytes, instructions.step_bytes):
            taken = [self._load(codes, number * code_bytes + step, signed=False) for number in range(row_count)]
            for query in range(self.query_tile):
                asked = self._load(queries, query * code_bytes + step, signed=True)
                for number in range(row_count):
                    sums[query][number] = instructions.multiply_add(b, sums[query][number], taken[number], asked)
        for query in range(self.query_tile):
            target = b.at(self.totals, b.add(row, b.integer(query * TILE_ROWS)), I32)
            b.store(lane_sums(b, sums[query]), target, align=4)

    def _load(self, array: ir.Value, offset: int, *, signed: bool) -> ir.Value:
        return self.instructions.load(self.b, self.b.at(array, self.b.integer(offset), BYTE), signed=signed)

    def _scored(
        self, tile_row: ir.Value, totals: ir.Value, row: ir.Value, constants: list[ir.Value], lanes: int
    ) -> tuple[ir.Value, ir.Value]:
        """Return the scores of `lanes` rows of the tile, from `row` on, and the bounds of their errors."""
        b, floats = self.b, ir.VectorType(FLOAT, lanes)
        place = b.add(tile_row, row)
        query_scale, offset, slope, base = (splat(b, constant, lanes) for constant in constants)
        integers = ir.VectorType(I32, lanes)
        # taken away before the sum becomes a float32, which has not the bits for it
        total = b.sub(b.load(b.at(totals, row, I32), align=4, typ=integers), b.fptosi(offset, integers))
        scale = b.load(b.at(self._section(self.layout.scales), place, FLOAT), align=4, typ=floats)
        error = b.load(b.at(self._section(self.layout.errors), place, FLOAT), align=4, typ=floats)
        score = b.fmul(b.fmul(b.sitofp(total, floats), scale), query_scale)
        return score, b.fadd(b.fmul(error, slope), base)

    def _constants(self, query: ir.Value) -> list[ir.Value]:
        place = self.b.mul(query, self.b.integer(4))
        return [self.b.get(self.job["constants"], self.b.add(place, self.b.integer(n)), FLOAT) for n in range(4)]

    def _section(self, offset: int) -> ir.Value:
        return self.b.at(self.base, self.b.integer(offset), BYTE)
