"""Counting: how many rows score at least so much, for several such scores at once, in one pass over the codes.

Score and bound are as tile_emitter.py has them, but the query is taken twice: its 8-bit code, and that of what the code
left out. The second one costs a multiplication, no memory, and makes the bound that of the row's code alone, which is
half as many rows to look at again.

A row whose score - bound reaches a score counts for it; one whose score + bound does not, does not. Where neither is
so, the vector itself is read and multiplied in float32, whose error has a bound too. What even that leaves open is
noted, for whoever sums in float64; such a row is counted for none of the scores here.
"""

from llvmlite import ir

from .emit import FLOAT, I32, I64, Emitter, splat
from .instructions import InstructionSet, declared
from .scan_job import FULL, TILE_ROWS, BlockLayout, CountJob
from .tile_emitter import TileEmitter

NOBODY = -1  # in the place of an image id
VECTOR_STEP = 64  # numbers of a vector that are multiplied side by side
LIMITS_STRIDE = 4  # float32 in a row of the job's `limits`


class CountEmitter(TileEmitter):
    """Writes the counting scan. Names as in CountJob and in the module's docstring."""

    def __init__(self, module: ir.Module, layout: BlockLayout, instructions: InstructionSet) -> None:
        super().__init__(module, layout, instructions, CountJob, row_tile=1, query_tile=2)

    def _require_room(self) -> None:
        b = self.b
        room = b.sub(self.job["capacity"], b.get(self.job["noted"], b.integer(0), I64))
        with b.if_then(b.icmp_signed("<", room, b.integer(self.layout.rows_per_block)), likely=False):
            b.ret(b.integer(FULL))

    def _scan_wanted(self, tile: ir.Value, word: ir.Value) -> None:
        b = self.b
        tile_row = b.mul(tile, b.integer(TILE_ROWS))
        self._prefetch_numbers_of(b.add(tile_row, b.integer(TILE_ROWS)))
        self._wanted_products(tile_row, word, b.integer(0))
        least, most = self._limits_of_scores(tile_row)
        open_rows, reached = b.variable(I64, b.integer(0)), b.variable(I64, b.integer(0))
        with b.loop(self.job["score_count"]) as number:
            above, possible = self._reach(least, number, 0), self._reach(most, number, 1)
            b.store(b.or_(b.load(reached, typ=I64), possible), reached)
            b.store(b.or_(b.load(open_rows, typ=I64), b.and_(possible, b.not_(above))), open_rows)
        with b.if_then(b.icmp_unsigned("!=", b.and_(b.load(reached, typ=I64), word), b.integer(0))):
            wanted = b.and_(word, self._somebodys(tile_row))
            undecided = b.and_(b.load(open_rows, typ=I64), wanted)
            sure = b.and_(wanted, b.not_(undecided))
            with b.loop(self.job["score_count"]) as number:
                counted = b.ctpop(b.and_(self._reach(least, number, 0), sure))
                b.accumulate(b.at(self.job["above"], number, I64), counted)
            with b.set_bits(undecided) as row:
                self._look_at(b.add(self.first_row, b.add(tile_row, row)))

    def _limits_of_scores(self, tile_row: ir.Value) -> tuple[list[ir.Value], list[ir.Value]]:
        """Return the least and the most that each row of the tile can score, in vectors; NaN for a cleared one."""
        b, lanes = self.b, self.instructions.lanes
        first, second = self._constants(b.integer(0)), self._constants(b.integer(1))
        rest = b.at(self.totals, b.integer(TILE_ROWS), I32)
        least: list[ir.Value] = []
        most: list[ir.Value] = []
        for start in range(0, TILE_ROWS, lanes):
            score, bound = self._scored(tile_row, self.totals, b.integer(start), first, lanes)
            score = b.fadd(score, self._scored(tile_row, rest, b.integer(start), second, lanes)[0])
            least.append(b.fsub(score, bound))
            most.append(b.fadd(score, bound))
        return least, most

    def _reach(self, scores: list[ir.Value], number: ir.Value, column: int) -> ir.Value:
        """Return a word with the bits of those rows whose number here reaches that limit of a score; never for NaN."""
        b, lanes = self.b, self.instructions.lanes
        limit = splat(b, self._limit(number, column), lanes)
        word: ir.Value = b.integer(0)
        for place, values in enumerate(scores):
            bits = b.bitcast(b.fcmp_ordered(">=", values, limit), ir.IntType(lanes))
            word = b.or_(word, b.shl(b.zext(bits, I64), b.integer(place * lanes)))
        return word

    def _limit(self, number: ir.Value, column: int) -> ir.Value:
        b = self.b
        return b.get(self.job["limits"], b.add(b.mul(number, b.integer(LIMITS_STRIDE)), b.integer(column)), FLOAT)

    def _somebodys(self, tile_row: ir.Value) -> ir.Value:
        """Return a word with the bits of those rows of the tile that have an image."""
        b, lanes = self.b, self.instructions.lanes
        typ = ir.VectorType(I64, lanes)
        nobody = ir.Constant(typ, [NOBODY] * lanes)
        word: ir.Value = b.integer(0)
        for start in range(0, TILE_ROWS, lanes):
            place = b.at(self._section(self.layout.ids), b.add(tile_row, b.integer(start)), I64)
            bits = b.bitcast(b.icmp_signed("!=", b.load(place, align=8, typ=typ), nobody), ir.IntType(lanes))
            word = b.or_(word, b.shl(b.zext(bits, I64), b.integer(start)))
        return word

    def _look_at(self, row: ir.Value) -> None:
        """Count a row by its vector, or note it where float32 cannot tell."""
        b = self.b
        score = self._product(row)
        size = b.call(declared(self.module, "llvm.fabs.f32", FLOAT, (FLOAT,)), [score])
        sound = b.fcmp_ordered("<", size, b.get(self.job["possible"], b.integer(0), FLOAT))
        damaged = b.fcmp_ordered(">", size, b.get(self.job["possible"], b.integer(1), FLOAT))
        decided = b.variable(ir.IntType(1), b.or_(sound, damaged))
        with b.loop(self.job["score_count"]) as number:
            above = b.fcmp_ordered(">", score, self._limit(number, 2))
            below = b.fcmp_ordered("<", score, self._limit(number, 3))
            b.store(b.and_(b.load(decided, typ=ir.IntType(1)), b.or_(above, below)), decided)
        with b.if_else(b.load(decided, typ=ir.IntType(1))) as (certain, unclear):
            with certain, b.loop(self.job["score_count"]) as number:
                counts = b.and_(sound, b.fcmp_ordered(">", score, self._limit(number, 2)))
                b.accumulate(b.at(self.job["above"], number, I64), b.zext(counts, I64))
            with unclear:
                noted = b.get(self.job["noted"], b.integer(0), I64)
                b.put(self.job["rows"], noted, row)
                b.put(self.job["noted"], b.integer(0), b.add(noted, b.integer(1)))

    def _product(self, row: ir.Value) -> ir.Value:
        """Return the product of a row's vector with the query, in float32: some numbers side by side, then the rest."""
        b, dimension = self.b, self.job["dimension"]
        vector = b.at(self.job["matrix"], b.mul(row, dimension), FLOAT)
        lanes = self.instructions.lanes
        floats = ir.VectorType(FLOAT, lanes)
        sums = [b.variable(floats, ir.Constant(floats, None)) for _ in range(VECTOR_STEP // lanes)]
        whole = b.and_(dimension, b.integer(-VECTOR_STEP))
        with b.loop(whole, step=VECTOR_STEP) as start:
            for part, total in enumerate(sums):
                place = b.add(start, b.integer(part * lanes))
                taken, asked = (b.load(b.at(array, place, FLOAT), align=4, typ=floats) for array in self._pair(vector))
                b.accumulate(total, b.fmul(taken, asked))
        rest = b.variable(FLOAT, ir.Constant(FLOAT, 0.0))
        with b.loop(b.sub(dimension, whole)) as number:
            place = b.add(whole, number)
            taken, asked = (b.get(array, place, FLOAT) for array in self._pair(vector))
            b.accumulate(rest, b.fmul(taken, asked))
        return b.fadd(b.load(rest, typ=FLOAT), self._added(b, [b.load(total, typ=floats) for total in sums]))

    def _pair(self, vector: ir.Value) -> tuple[ir.Value, ir.Value]:
        return vector, self.job["vector"]

    def _added(self, b: Emitter, parts: list[ir.Value]) -> ir.Value:
        total = parts[0]
        for part in parts[1:]:
            total = b.fadd(total, part)
        reduce = declared(self.module, f"llvm.vector.reduce.fadd.v{total.type.count}f32", FLOAT, (FLOAT, total.type))
        return b.call(reduce, [ir.Constant(FLOAT, 0.0), total])
