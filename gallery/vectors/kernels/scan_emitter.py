"""The scan: score rows from their codes and keep those that may be among the k best.

One pass over the memory, with everything decided while a row is in registers: score and bound as tile_emitter.py has
them. A row is a candidate if score + bound reaches the k-th best score - bound so far: no other row can be among the k
best, which is what makes the answer provably exact. With a gate (the `fast` engine) a row's 1-bit code decides first
whether its bytes are read at all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce

from llvmlite import ir

from .emit import DOUBLE, FLOAT, I32, I64, POINTER, Emitter, first_of, lane_sums, splat
from .instructions import InstructionSet, declared
from .scan_job import FULL, HISTOGRAM_BINS, QUERY_PLANES, TILE_ROWS, BlockLayout, ScanJob
from .tile_emitter import TileEmitter


class ScanEmitter(TileEmitter):
    """Writes the scan function. Names as in ScanJob and in the module's docstring."""

    def __init__(
        self, module: ir.Module, layout: BlockLayout, instructions: InstructionSet, *, batch: bool, gated: bool
    ) -> None:
        self.gated = gated
        self.with_statistics = not batch
        # One query waits for memory, and the processor foresees whole rows one after the other: four side by side took
        # twice as long. Several queries wait for the multiplier, and rows side by side share the loading of queries.
        row_tile, query_tile = instructions.tile if batch else (1, 1)
        super().__init__(module, layout, instructions, ScanJob, row_tile=row_tile, query_tile=query_tile)
        self.noted = self._emit_note()

    def _require_room(self) -> None:
        b = self.b
        with b.loop(self.job["query_count"]) as query:
            room = b.sub(self.job["capacity"], b.get(self.job["counts"], query, I64))
            with b.if_then(b.icmp_signed("<", room, b.integer(self.layout.rows_per_block)), likely=False):
                b.ret(b.integer(FULL))

    def _scan_block(self, block: ir.Value) -> None:
        b = self.b
        self.gate = b.at(self.job["gate"], b.mul(block, b.integer(4)), FLOAT)
        kinds = [ir.VectorType(kind, self.instructions.lanes) for kind in (FLOAT, FLOAT, I32)]
        self.block_sums = [
            b.variable(kind, ir.Constant(kind, None)) for kind in kinds
        ]  # in registers, unlike the job's
        super()._scan_block(block)
        if self.with_statistics:
            self._add_block_sums()

    def _scan_wanted(self, tile: ir.Value, word: ir.Value) -> None:
        b = self.b
        tile_row = b.mul(tile, b.integer(TILE_ROWS))
        self._prefetch_numbers_of(b.add(tile_row, b.integer(TILE_ROWS)))
        if not self.gated:
            self._scan_tile(tile, tile_row, word)
            return
        with b.if_else(b.icmp_unsigned("==", tile, b.integer(0))) as (sampled, others):
            with sampled:  # scored in full, so that the distribution of scores is known from a fair sample
                self._scan_tile(tile, tile_row, word)
            with others:
                kept = b.and_(word, self._gate(tile_row))
                with b.if_then(b.icmp_unsigned("!=", kept, b.integer(0))):
                    self._each_product(tile_row, kept, b.integer(0))
                    self._judge(tile_row, kept, b.integer(0))

    def _scan_tile(self, tile: ir.Value, tile_row: ir.Value, word: ir.Value) -> None:
        with self._each_query_tile() as first_query:
            self._wanted_products(tile_row, word, first_query)
            scores = self._judge(tile_row, word, first_query)
            if self.with_statistics:
                self._count(tile, word, scores)

    @contextmanager
    def _each_query_tile(self) -> Iterator[ir.Value]:
        if self.with_statistics:
            yield self.b.integer(0)
            return
        with self.b.loop(self.job["query_count"], step=self.query_tile) as first_query:
            yield first_query

    def _judge(self, tile_row: ir.Value, word: ir.Value, first_query: ir.Value) -> list[ir.Value]:
        """Note the candidates among the wanted rows of the tile; return the last query's scores, vector by vector."""
        b, lanes = self.b, self.instructions.lanes
        scores: list[ir.Value] = []
        for number in range(self.query_tile):
            query = b.add(first_query, b.integer(number))
            constants = self._constants(query)
            totals = b.at(self.totals, b.integer(number * TILE_ROWS), I32)
            threshold = splat(b, self._threshold(query), lanes)
            hits, scores = b.integer(0), []
            for start in range(0, TILE_ROWS, lanes):
                score, bound = self._scored(tile_row, totals, b.integer(start), constants, lanes)
                good = b.fcmp_ordered(">=", b.fadd(score, bound), threshold)  # never true for a cleared row's NaN
                bits = b.zext(b.bitcast(good, ir.IntType(lanes)), I64)
                hits = b.or_(hits, b.shl(bits, b.integer(start)))
                scores.append(score)
            wanted = b.and_(hits, word)
            with b.if_then(b.icmp_unsigned("!=", wanted, b.integer(0)), likely=False), b.set_bits(wanted) as row:
                score, bound = self._scored(tile_row, totals, row, constants, 1)
                place = b.add(self.first_row, b.add(tile_row, row))
                self._note(query, place, first_of(b, score), first_of(b, bound))
        return scores

    def _threshold(self, query: ir.Value) -> ir.Value:
        b, k = self.b, self.job["k"]
        return b.get(self.job["best"], b.sub(b.mul(b.add(query, b.integer(1)), k), b.integer(1)), FLOAT)

    def _note(self, query: ir.Value, row: ir.Value, score: ir.Value, bound: ir.Value) -> None:
        names = ("k", "best", "capacity", "rows", "limits", "counts")
        self.b.call(self.noted, [query, row, score, bound, *(self.job[name] for name in names)])

    def _count(self, tile: ir.Value, word: ir.Value, scores: list[ir.Value]) -> None:
        """Put the wanted scores into the sums, and those of every so many tiles into the histogram."""
        b, lanes = self.b, self.instructions.lanes
        floats, truth = ir.VectorType(FLOAT, lanes), ir.VectorType(ir.IntType(1), lanes)
        wanted_scores = []
        for number, score in enumerate(scores):
            bits = b.trunc(b.lshr(word, b.integer(number * lanes)), ir.IntType(lanes))
            wanted = b.and_(b.bitcast(bits, truth), b.fcmp_ordered("ord", score, score))
            counted = b.select(wanted, score, ir.Constant(floats, None))
            b.accumulate(self.block_sums[0], counted)
            b.accumulate(self.block_sums[1], b.fmul(counted, counted))
            b.accumulate(self.block_sums[2], b.zext(wanted, ir.VectorType(I32, lanes)))
            wanted_scores.append((wanted, counted))
        sampled = b.icmp_unsigned("==", b.urem(tile, self.job["histogram_tiles"]), b.integer(0))
        with b.if_then(sampled):
            self._count_into_bins(wanted_scores)

    def _count_into_bins(self, wanted_scores: list[tuple[ir.Value, ir.Value]]) -> None:
        b, lanes = self.b, self.instructions.lanes
        floats = ir.VectorType(FLOAT, lanes)
        for wanted, score in wanted_scores:
            half = ir.Constant(floats, [HISTOGRAM_BINS / 2] * lanes)
            place = b.fadd(b.fmul(score, half), half)
            for name, limit in (("maxnum", 0.0), ("minnum", HISTOGRAM_BINS - 1.0)):
                clamp = declared(self.module, f"llvm.{name}.v{lanes}f32", floats, (floats, floats))
                place = b.call(clamp, [place, ir.Constant(floats, [limit] * lanes)])
            bins, counts = b.fptosi(place, ir.VectorType(I32, lanes)), b.zext(wanted, ir.VectorType(I64, lanes))
            for lane in range(lanes):
                number = b.zext(b.extract_element(bins, ir.Constant(I32, lane)), I64)
                one = b.extract_element(counts, ir.Constant(I32, lane))
                b.accumulate(b.at(self.job["histogram"], number, I64), one)

    def _add_block_sums(self) -> None:
        b, lanes = self.b, self.instructions.lanes
        for number, (block_sum, kind) in enumerate(zip(self.block_sums, ("fadd", "fadd", "add"), strict=True)):
            typ = ir.VectorType(I32 if kind == "add" else FLOAT, lanes)
            values = b.load(block_sum, typ=typ)
            wide = (
                b.uitofp(values, ir.VectorType(DOUBLE, lanes))
                if kind == "add"
                else b.fpext(values, ir.VectorType(DOUBLE, lanes))
            )
            add = declared(self.module, f"llvm.vector.reduce.fadd.v{lanes}f64", DOUBLE, (DOUBLE, wide.type))
            total = b.call(add, [ir.Constant(DOUBLE, 0.0), wide])
            b.accumulate(b.at(self.job["sums"], b.integer(number), DOUBLE), total)

    def _gate(self, tile_row: ir.Value) -> ir.Value:
        """Return a word with the bits of those rows of the tile whose 1-bit code says that they may be good enough."""
        b, lanes = self.b, self.instructions.lanes
        planes = [self._words(self.job["planes"], b.integer(number)) for number in range(QUERY_PLANES)]
        with b.loop(b.integer(TILE_ROWS), step=4) as row:
            differences = [self._differences(b.add(tile_row, b.add(row, b.integer(n))), planes) for n in range(4)]
            total = b.trunc(lane_sums(b, differences), ir.VectorType(I32, 4))
            b.store(total, b.at(self.totals, row, I32), align=4)
        kept, floats = b.integer(0), ir.VectorType(FLOAT, lanes)
        base, per_unit, constant = (splat(b, b.get(self.gate, b.integer(n), FLOAT), lanes) for n in range(3))
        threshold = splat(b, self._threshold(b.integer(0)), lanes)
        for start in range(0, TILE_ROWS, lanes):
            total = b.load(b.at(self.totals, b.integer(start), I32), align=4, typ=ir.VectorType(I32, lanes))
            place = b.add(tile_row, b.integer(start))
            scale = b.load(b.at(self._section(self.layout.bit_scales), place, FLOAT), align=4, typ=floats)
            estimate = b.fadd(b.fmul(b.sitofp(total, floats), per_unit), constant)
            good = b.fcmp_ordered(">=", b.fadd(base, b.fmul(scale, estimate)), threshold)
            bits = b.zext(b.bitcast(good, ir.IntType(lanes)), I64)
            kept = b.or_(kept, b.shl(bits, b.integer(start)))
        return kept

    def _differences(self, row: ir.Value, planes: list[list[ir.Value]]) -> ir.Value:
        """Return, in lanes to be added up, the sum over planes of 2^plane * bits in which the row differs from it."""
        b = self.b
        words = self._words(self._section(self.layout.bits), row)
        counts = []
        for number, plane in enumerate(planes):
            shift = ir.Constant(words[0].type, [number] * words[0].type.count)
            different = [self._popcount(b.xor(word, part)) for word, part in zip(words, plane, strict=True)]
            counts += [b.shl(count, shift) for count in different]
        return reduce(b.add, counts)

    def _words(self, array: ir.Value, row: ir.Value) -> list[ir.Value]:
        """Load one row of bits as vectors of 64-bit words."""
        b, count = self.b, self.layout.bit_words
        lanes = next(lanes for lanes in (8, 4, 2, 1) if count % lanes == 0)
        first = b.mul(row, b.integer(count))
        places = (b.at(array, b.add(first, b.integer(start)), I64) for start in range(0, count, lanes))
        return [b.load(place, align=8, typ=ir.VectorType(I64, lanes)) for place in places]

    def _popcount(self, words: ir.Value) -> ir.Value:
        count = declared(self.module, f"llvm.ctpop.v{words.type.count}i64", words.type, (words.type,))
        return self.b.call(count, [words])

    def _emit_note(self) -> ir.Function:
        """Emit `note`: append a candidate and raise the query's sorted list of best certain scores."""
        arguments = [I64, I64, FLOAT, FLOAT, I64, POINTER, I64, POINTER, POINTER, POINTER]
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), arguments), "note")
        function.attributes.add("noinline")  # it runs rarely and must not cost the scan its registers
        query, row, score, bound, k, best, capacity, rows, limits, counts = function.args
        b = Emitter(function.append_basic_block("entry"))
        count = b.get(counts, query, I64)
        place = b.add(b.mul(query, capacity), count)
        b.put(rows, place, row)
        b.put(limits, place, b.fadd(score, bound))
        b.put(counts, query, b.add(count, b.integer(1)))
        mine = b.at(best, b.mul(query, k), FLOAT)
        certain = b.fsub(score, bound)
        hole = b.variable(I64, b.sub(k, b.integer(1)))
        with b.if_then(b.fcmp_ordered(">", certain, b.get(mine, b.load(hole, typ=I64), FLOAT))):
            _insert(b, mine, certain, hole)
        b.ret_void()
        return function


def _insert(b: Emitter, best: ir.Value, value: ir.Value, hole: ir.Value) -> None:
    """Move smaller numbers of the descending `best` one place down, from the last on, and put `value` before them."""
    end, move, stop = (b.append_basic_block(name) for name in ("end", "move", "stop"))
    step = b.append_basic_block("step")
    b.branch(end)
    b.position_at_end(end)
    b.cbranch(b.icmp_signed(">", b.load(hole, typ=I64), b.integer(0)), step, stop)
    b.position_at_end(step)
    before = b.sub(b.load(hole, typ=I64), b.integer(1))
    neighbour = b.get(best, before, FLOAT)
    b.cbranch(b.fcmp_ordered("<", neighbour, value), move, stop)
    b.position_at_end(move)
    b.put(best, b.load(hole, typ=I64), neighbour)
    b.store(before, hole)
    b.branch(end)
    b.position_at_end(stop)
    b.put(best, b.load(hole, typ=I64), value)
