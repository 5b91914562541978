"""The scan: score rows from their codes and keep those that may be among the k best.

One pass over the memory, with everything decided while a row is in registers. Per row and query, with the 8-bit codes
`c` of the row and `u` of the query:

    score = query_scale * row_scale * (sum(c * u) - offset)             approximates the cosine similarity
    bound = slope * row_error + base                                    |score - cosine| is never more

A row is a candidate if score + bound reaches the k-th best score - bound so far: no other row can be among the k best,
which is what makes the answer provably exact. With a gate (the `fast` engine) a row's 1-bit code decides first whether
its bytes are read at all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce

from llvmlite import ir

from .emit import BYTE, DOUBLE, FLOAT, I32, I64, POINTER, Emitter, first_of, lane_sums, splat
from .instructions import InstructionSet, declared
from .scan_job import (
    DONE,
    FULL,
    HISTOGRAM_BINS,
    JOB_FIELDS,
    LINE_BYTES,
    QUERY_PLANES,
    TILE_ROWS,
    WHOLE_TILE_FROM,
    BlockLayout,
)


class ScanEmitter:
    """Writes the scan function. Names as in ScanJob and in the module's docstring."""

    def __init__(
        self, module: ir.Module, layout: BlockLayout, instructions: InstructionSet, *, batch: bool, gated: bool
    ) -> None:
        self.module = module
        self.layout = layout
        self.instructions = instructions
        self.gated = gated
        self.with_statistics = not batch
        # One query waits for memory, and the processor foresees whole rows one after the other: four side by side took
        # twice as long. Several queries wait for the multiplier, and rows side by side share the loading of queries.
        self.row_tile, self.query_tile = instructions.tile if batch else (1, 1)
        self.noted = self._emit_note()
        function = ir.Function(module, ir.FunctionType(I64, [POINTER]), "scan")
        self.b = Emitter(function.append_basic_block("entry"))
        self.job = {name: self._field(function.args[0], name) for name in JOB_FIELDS}
        self.totals = self.job["totals"]

    def _field(self, job: ir.Value, name: str) -> ir.Value:
        number = name in {"block_count", "query_count", "k", "capacity", "histogram_tiles"}
        return self.b.get(job, self.b.integer(JOB_FIELDS.index(name)), I64 if number else POINTER)

    def emit(self) -> None:
        b = self.b
        again = b.append_basic_block("next_block")
        b.branch(again)
        b.position_at_end(again)
        with b.loop(self.job["query_count"]) as query:
            room = b.sub(self.job["capacity"], b.get(self.job["counts"], query, I64))
            with b.if_then(b.icmp_signed("<", room, b.integer(self.layout.rows_per_block)), likely=False):
                b.ret(b.integer(FULL))
        block = b.atomic_rmw("add", self.job["next_block"], b.integer(1), "monotonic")
        with b.if_then(b.icmp_signed(">=", block, self.job["block_count"])):
            b.ret(b.integer(DONE))
        self._scan_block(block)
        b.branch(again)

    def _scan_block(self, block: ir.Value) -> None:
        b = self.b
        tiles = self.layout.rows_per_block // TILE_ROWS
        self.base = b.at(self.job["blocks"], b.mul(block, b.integer(self.layout.block_bytes)), BYTE)
        self.first_row = b.mul(block, b.integer(self.layout.rows_per_block))
        self.gate = b.at(self.job["gate"], b.mul(block, b.integer(4)), FLOAT)
        kinds = [ir.VectorType(kind, self.instructions.lanes) for kind in (FLOAT, FLOAT, I32)]
        self.block_sums = [
            b.variable(kind, ir.Constant(kind, None)) for kind in kinds
        ]  # in registers, unlike the job's
        with b.loop(b.integer(tiles)) as tile:
            word = b.get(self.job["mask"], b.add(b.mul(block, b.integer(tiles)), tile), I64)
            with b.if_then(b.icmp_unsigned("!=", word, b.integer(0))):
                self._scan_wanted(tile, word)
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
        b = self.b
        many = b.icmp_unsigned(">=", b.ctpop(word), b.integer(WHOLE_TILE_FROM))
        with self._each_query_tile() as first_query:
            with b.if_else(many) as (whole, parts):
                with whole, b.loop(b.integer(TILE_ROWS), step=self.row_tile) as row:
                    self._products(tile_row, row, self.row_tile, first_query)
                with parts:
                    self._each_product(tile_row, word, first_query)
            scores = self._judge(tile_row, word, first_query)
            if self.with_statistics:
                self._count(tile, word, scores)

    def _prefetch_numbers_of(self, tile_row: ir.Value) -> None:
        """Have the scales and errors of a tile brought nearer: too few bytes for the processor to foresee them."""
        b = self.b
        fetch = declared(self.module, "llvm.prefetch.p0", ir.VoidType(), (POINTER, I32, I32, I32))
        read, keep, data_cache = (ir.Constant(I32, value) for value in (0, 3, 1))
        for section in (self.layout.scales, self.layout.errors):
            for row in range(0, TILE_ROWS, LINE_BYTES // 4):
                place = b.at(self._section(section), b.add(tile_row, b.integer(row)), FLOAT)
                b.call(fetch, [place, read, keep, data_cache])

    @contextmanager
    def _each_query_tile(self) -> Iterator[ir.Value]:
        if self.with_statistics:
            yield self.b.integer(0)
            return
        with self.b.loop(self.job["query_count"], step=self.query_tile) as first_query:
            yield first_query

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
