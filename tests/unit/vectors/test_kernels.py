"""The compiled scan, in every instruction set that this processor has, against the same rule written in NumPy."""

import threading
from dataclasses import dataclass, field
from functools import cache

import llvmlite.binding as llvm
import numpy as np
import pytest

from gallery.vectors.kernels.instructions import INSTRUCTION_SETS, InstructionSet, best_for
from gallery.vectors.kernels.scan import Scanner
from gallery.vectors.kernels.scan_job import DONE, FULL, HISTOGRAM_BINS, QUERY_PLANES, TILE_ROWS, BlockLayout, ScanJob
from gallery.vectors.quantization import BitQuery, ByteCodes, ByteQueries, bit_codes, padded
from gallery.vectors.row_mask import RowMask
from tests.unit.vectors.engine_contract import unit_rows
from tests.waiting import PATIENCE_SECONDS

BLOCK_ROWS = 192  # three tiles: small, so that few rows fill several blocks
HISTOGRAM_TILES = 2
FEATURES = llvm.get_host_cpu_features()
AVAILABLE = [one for one in INSTRUCTION_SETS if all(FEATURES.get(need, False) for need in one.needs)]
KINDS = {"single": (False, False), "batch": (True, False), "gated": (False, True)}
DIMENSIONS = [1, 63, 64, 100, 192, 512, 768, 1024]

# 4096 numbers a row take seconds to compile: all kinds for the set that the site would use, one for the others
CASES = [(one, kind, dimension) for one in AVAILABLE for kind in KINDS for dimension in DIMENSIONS]
CASES += [(one, kind, 4096) for one in AVAILABLE for kind in KINDS if kind == "single" or one == best_for(FEATURES)]


def block_type(dimension: int) -> np.dtype:
    size = padded(dimension)
    return np.dtype(
        [
            ("codes", "u1", (BLOCK_ROWS, size)),
            ("scales", "<f4", (BLOCK_ROWS,)),
            ("errors", "<f4", (BLOCK_ROWS,)),
            ("bits", "<u8", (BLOCK_ROWS, size // 64)),
            ("bit_scales", "<f4", (BLOCK_ROWS,)),
            ("ids", "<i8", (BLOCK_ROWS,)),
            ("centre", "<f4", (size,)),
        ]
    )


def layout_of(dimension: int) -> BlockLayout:
    kind = block_type(dimension)
    sections = {name: kind.fields[name][1] for name in ("codes", "scales", "errors", "bits", "bit_scales", "ids")}
    size = padded(dimension)
    return BlockLayout(
        block_bytes=kind.itemsize, rows_per_block=BLOCK_ROWS, code_bytes=size, bit_words=size // 64, **sections
    )


@cache
def compiled(instruction_set: InstructionSet, kind: str, size: int) -> Scanner:
    batch, gated = KINDS[kind]
    return Scanner(layout_of(size), instruction_set, batch=batch, gated=gated)


def blocks_of(matrix: np.ndarray) -> np.ndarray:
    """Return the matrix in blocks, the last one partly empty; rows of zeros are cleared ones."""
    count, dimension = matrix.shape
    blocks = np.zeros(-(-count // BLOCK_ROWS), dtype=block_type(dimension))
    centre = np.zeros(padded(dimension), dtype=np.float32)
    for block, start in zip(blocks, range(0, count, BLOCK_ROWS), strict=True):
        rows = matrix[start : start + BLOCK_ROWS]
        wide = np.zeros((len(rows), padded(dimension)), dtype=np.float32)
        wide[:, :dimension] = rows
        codes = ByteCodes.of(rows)
        block["codes"][: len(rows)], block["scales"][: len(rows)] = codes.codes, codes.scales
        block["errors"][: len(rows)], block["centre"] = codes.errors, centre
        block["bits"][: len(rows)], bit_scales = bit_codes(wide, centre)
        block["bit_scales"][: len(rows)] = np.where(np.isnan(codes.scales), np.nan, bit_scales)
        centre = wide.mean(axis=0)
    return blocks


@dataclass
class Outcome:
    """What a scan leaves behind: of each query the candidates in order, and the best certain scores."""

    rows: list[list[int]]
    limits: list[list[float]]
    best: np.ndarray
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0])
    histogram: np.ndarray = field(default_factory=lambda: np.zeros(HISTOGRAM_BINS, dtype=np.int64))


class Arrays:
    """A job for the kernel with everything that it points to."""

    def __init__(self, blocks: np.ndarray, queries: np.ndarray, mask: RowMask, *, k: int, capacity: int, tile: int):
        asked = -(-len(queries) // tile) * tile
        filled = np.concatenate([queries, np.zeros((asked - len(queries), queries.shape[1]), dtype=np.float32)])
        self.blocks, self.query_count, self.k, self.capacity = blocks, len(queries), k, capacity
        self.words = mask.words(len(blocks) * BLOCK_ROWS)
        self.prepared = ByteQueries.of(filled)
        wide = np.zeros(blocks["centre"].shape[1], dtype=np.float32)
        wide[: queries.shape[1]] = queries[0]
        self.gate = BitQuery.of(wide, blocks["centre"], deviations=1.0)
        self.next_block = np.zeros(1, dtype=np.int64)
        self.best = np.full((asked, k), -np.inf, dtype=np.float32)
        self.best[len(queries) :] = np.inf
        self.counts = np.zeros(asked, dtype=np.int64)
        self.rows = np.full((asked, capacity), -1, dtype=np.int64)
        self.limits = np.full((asked, capacity), np.nan, dtype=np.float32)
        self.sums = np.zeros(3)
        self.histogram = np.zeros(HISTOGRAM_BINS, dtype=np.int64)
        self.totals = np.zeros((tile, TILE_ROWS), dtype=np.int32)
        self.job = ScanJob(block_count=len(blocks), query_count=asked, k=k, capacity=capacity)
        self.job.histogram_tiles = HISTOGRAM_TILES
        pointers = {name: getattr(self, name) for name in ("blocks", "next_block", "best", "counts", "rows", "limits")}
        pointers |= {name: getattr(self, name) for name in ("sums", "histogram", "totals")}
        pointers |= {"mask": self.words, "queries": self.prepared.codes, "constants": self.prepared.constants}
        pointers |= {"planes": self.gate.planes, "gate": self.gate.constants}
        for name, array in pointers.items():
            setattr(self.job, name, array.ctypes.data)

    def outcome(self) -> Outcome:
        counts = self.counts[: self.query_count]
        return Outcome(
            [self.rows[query, :count].tolist() for query, count in enumerate(counts)],
            [self.limits[query, :count].tolist() for query, count in enumerate(counts)],
            self.best[: self.query_count],
            self.sums.tolist(),
            self.histogram,
        )


def scored(blocks: np.ndarray, prepared: ByteQueries, query: int) -> tuple[np.ndarray, np.ndarray]:
    """Return every row's score and the bound of its error in float32, block by block: (n_blocks, rows per block)."""
    scale, offset, slope, base = prepared.constants[query]
    totals = blocks["codes"].astype(np.int32) @ prepared.codes[query].astype(np.int32)
    scores = (totals - np.int32(offset)).astype(np.float32) * blocks["scales"] * scale
    return scores, blocks["errors"] * slope + base


def opened(blocks: np.ndarray, gate: BitQuery, number: int, tile: slice, threshold: np.float32) -> np.ndarray:
    """Return which rows of a tile the 1-bit codes let through."""
    base, per_unit, constant, _nothing = gate.constants[number]
    different = np.bitwise_count(blocks[number]["bits"][tile, np.newaxis] ^ gate.planes).sum(axis=2, dtype=np.int64)
    units = (different << np.arange(QUERY_PLANES)).sum(axis=1).astype(np.float32)
    return base + blocks[number]["bit_scales"][tile] * (units * per_unit + constant) >= threshold


def expected(arrays: Arrays, *, gated: bool) -> Outcome:
    """Follow the rule of the kernel's docstring, tile by tile, as slowly as it can be read."""
    blocks, k = arrays.blocks, arrays.k
    allowed = np.unpackbits(arrays.words.view(np.uint8), bitorder="little").astype(bool).reshape(-1, BLOCK_ROWS)
    found = Outcome([], [], np.full((arrays.query_count, k), -np.inf, dtype=np.float32))
    for query in range(arrays.query_count):
        scores, bounds = scored(blocks, arrays.prepared, query)
        best, rows, limits = found.best[query], [], []
        for number, start in np.ndindex(len(blocks), BLOCK_ROWS // TILE_ROWS):
            tile = slice(start * TILE_ROWS, (start + 1) * TILE_ROWS)
            wanted, threshold = allowed[number, tile].copy(), best[-1]
            if not gated or start == 0:
                _count(found, scores[number, tile][wanted], sampled=start % HISTOGRAM_TILES == 0)
            else:
                wanted &= opened(blocks, arrays.gate, number, tile, threshold)
            wanted &= scores[number, tile] + bounds[number, tile] >= threshold
            for place in np.flatnonzero(wanted) + tile.start:
                rows.append(number * BLOCK_ROWS + int(place))
                limits.append(float(scores[number, place] + bounds[number, place]))
                best[:] = np.sort(np.append(best, scores[number, place] - bounds[number, place]))[::-1][:k]
        found.rows.append(rows)
        found.limits.append(limits)
    return found


def _count(found: Outcome, scores: np.ndarray, *, sampled: bool) -> None:
    scores = scores[~np.isnan(scores)]
    found.sums[0] += float(scores.sum(dtype=np.float64))
    found.sums[1] += float(np.square(scores, dtype=np.float64).sum())
    found.sums[2] += len(scores)
    if sampled:
        half = np.float32(HISTOGRAM_BINS / 2)
        bins = np.clip(scores * half + half, 0, HISTOGRAM_BINS - 1).astype(np.int64)
        np.add.at(found.histogram, bins, 1)


def assert_as_expected(found: Outcome, true: Outcome, *, statistics: bool) -> None:
    assert found.rows == true.rows
    for got, wanted in zip(found.limits, true.limits, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.best, true.best, rtol=1e-6, atol=1e-6)
    if statistics:
        np.testing.assert_allclose(found.sums, true.sums, rtol=1e-4, atol=1e-4)
        assert found.sums[2] == true.sums[2]
        assert found.histogram.tolist() == true.histogram.tolist()


def masks(count: int) -> dict[str, np.ndarray]:
    some = np.random.default_rng(3).random(count) < 0.4
    one = np.zeros(count, dtype=bool)
    one[count // 2 + 1] = True
    return {"nothing": np.zeros(count, dtype=bool), "one": one, "some": some, "all": np.ones(count, dtype=bool)}


def named(value: object) -> str | None:
    return value.name if isinstance(value, InstructionSet) else None


@pytest.mark.parametrize(("instruction_set", "kind", "dimension"), CASES, ids=named)
def test_a_scan_keeps_what_the_rule_says(instruction_set, kind, dimension):
    """Two blocks and a part of a third, which ends in the middle of a tile; every seventh row is a cleared one."""
    count = 2 * BLOCK_ROWS + TILE_ROWS + 7
    matrix = unit_rows(count, dimension=dimension, seed=dimension)
    matrix[::7] = 0
    matrix[5, 0] = np.nan
    scanner = compiled(instruction_set, kind, padded(dimension))
    queries = unit_rows(3 if kind == "batch" else 1, dimension=dimension, seed=1)
    blocks, live = blocks_of(matrix), np.isfinite(matrix).all(axis=1) & matrix.any(axis=1)

    for allowed in masks(count).values():
        arrays = Arrays(
            blocks, queries, RowMask.of_booleans(allowed), k=5, capacity=4 * BLOCK_ROWS, tile=scanner.query_tile
        )

        assert scanner.run(arrays.job) == DONE

        found = arrays.outcome()
        assert_as_expected(found, expected(arrays, gated=kind == "gated"), statistics=kind != "batch")
        assert not arrays.counts[len(queries) :].any()
        wanted = np.flatnonzero(allowed & live)
        for query, rows in zip(queries, found.rows, strict=True):
            assert set(rows) <= set(wanted.tolist())
            if kind != "gated":
                scores = matrix[wanted].astype(np.float64) @ query.astype(np.float64)
                assert set(wanted[np.argsort(-scores)[:5]].tolist()) <= set(rows)


@pytest.mark.parametrize("instruction_set", AVAILABLE, ids=named)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_codes_and_queries_are_added_up_without_overflow(instruction_set, sign):
    """16-bit and saturating sums would be wrong here: 255 * 127 and 1 * -127, 1024 times."""
    matrix = np.full((70, 1024), 1 / 32, dtype=np.float32)
    matrix[1::2] *= -1
    scanner = compiled(instruction_set, "single", 1024)
    mask = RowMask.of_booleans(np.ones(70, dtype=bool))
    arrays = Arrays(blocks_of(matrix), sign * matrix[:1], mask, k=70, capacity=2 * BLOCK_ROWS, tile=1)

    assert scanner.run(arrays.job) == DONE

    scores = dict(zip(arrays.outcome().rows[0], arrays.outcome().limits[0], strict=True))
    true = {row: sign * (1.0 if row % 2 == 0 else -1.0) for row in range(70)}
    assert scores == pytest.approx(true, abs=1e-5)


@pytest.mark.parametrize("instruction_set", AVAILABLE, ids=named)
def test_sums_beyond_what_float32_counts_keep_the_bound(instruction_set):
    """All numbers are on the grid of the codes, so the bound is next to nothing; the sums are beyond 2^25."""
    query = np.ones((1, 4096), dtype=np.float32)
    query[0, :60] = np.arange(60, dtype=np.float32) / 127
    query = query / np.linalg.norm(query.astype(np.float64)).astype(np.float32)
    matrix = np.eye(4096, dtype=np.float32)[:80]
    scanner = compiled(instruction_set, "single", 4096)
    mask = RowMask.of_booleans(np.ones(80, dtype=bool))
    arrays = Arrays(blocks_of(matrix), query, mask, k=80, capacity=2 * BLOCK_ROWS, tile=1)

    assert scanner.run(arrays.job) == DONE

    found, true = arrays.outcome(), (matrix.astype(np.float64) @ query[0].astype(np.float64))
    assert (true[found.rows[0]] <= np.array(found.limits[0])).all()
    assert (np.sort(true)[::-1] >= found.best[0]).all()


@pytest.mark.parametrize("instruction_set", AVAILABLE, ids=named)
@pytest.mark.parametrize("kind", KINDS)
def test_a_full_list_is_told_before_a_block_is_taken_and_nothing_is_lost(instruction_set, kind):
    """All rows are equal, so every one stays a candidate; the list has room for one block only."""
    count = 5 * BLOCK_ROWS - 9
    matrix = np.repeat(unit_rows(1, dimension=64), count, axis=0)
    scanner = compiled(instruction_set, kind, 64)
    queries = unit_rows(1, dimension=64, seed=1)
    mask = RowMask.of_booleans(np.ones(count, dtype=bool))
    arrays = Arrays(blocks_of(matrix), queries, mask, k=2, capacity=BLOCK_ROWS + 1, tile=scanner.query_tile)

    found: list[int] = []
    outcomes = [FULL]
    while outcomes[-1] == FULL:
        outcomes.append(scanner.run(arrays.job))
        found += arrays.outcome().rows[0]
        arrays.counts[:] = 0

    assert found == list(range(count))
    assert outcomes.count(FULL) == 1 + 5  # the first stands for the beginning
    assert outcomes[-1] == DONE


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_too_short_for_any_block_is_full_at_once(kind):
    scanner = compiled(best_for(FEATURES), kind, 64)
    blocks = blocks_of(unit_rows(10, dimension=64))
    mask = RowMask.of_booleans(np.ones(10, dtype=bool))
    arrays = Arrays(blocks, unit_rows(1, dimension=64), mask, k=2, capacity=BLOCK_ROWS - 1, tile=scanner.query_tile)

    assert scanner.run(arrays.job) == FULL
    assert arrays.next_block[0] == 0


@pytest.mark.parametrize("kind", KINDS)
def test_no_blocks_are_done_at_once(kind):
    scanner = compiled(best_for(FEATURES), kind, 64)
    nothing = np.empty((0, 64), dtype=np.float32)
    mask = RowMask.of_booleans(np.zeros(0, dtype=bool))
    arrays = Arrays(
        blocks_of(nothing), unit_rows(1, dimension=64), mask, k=2, capacity=BLOCK_ROWS, tile=scanner.query_tile
    )

    assert scanner.run(arrays.job) == DONE
    assert arrays.outcome().rows == [[]]


@pytest.mark.parametrize("kind", KINDS)
def test_threads_that_share_the_next_block_scan_each_block_once(kind):
    count = 400 * BLOCK_ROWS
    blocks = blocks_of(np.repeat(unit_rows(BLOCK_ROWS, dimension=64), 400, axis=0))
    scanner = compiled(best_for(FEATURES), kind, 64)
    mask = RowMask.of_booleans(np.ones(count, dtype=bool))
    parts = [
        Arrays(blocks, unit_rows(1, dimension=64), mask, k=count, capacity=count + BLOCK_ROWS, tile=scanner.query_tile)
        for _ in range(2)
    ]
    parts[1].job.next_block = parts[0].job.next_block
    start = threading.Barrier(2)
    threads = [
        threading.Thread(target=lambda part=part: (start.wait(PATIENCE_SECONDS), scanner.run(part.job)))
        for part in parts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)

    rows = [part.outcome().rows[0] for part in parts]
    assert sorted(rows[0] + rows[1]) == list(range(count))
    assert parts[0].next_block[0] == 402  # each thread asked once more and was told that there is none
    if kind != "batch":
        assert parts[0].sums[2] + parts[1].sums[2] == (400 * TILE_ROWS if kind == "gated" else count)
