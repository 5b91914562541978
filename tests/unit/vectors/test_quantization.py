"""What the codes promise: a bound that always holds for 8 bits, and one that holds nearly always for 1 bit."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.vectors.quantization import (
    CODE_ZERO,
    BitQuery,
    ByteCodes,
    ByteQueries,
    bit_codes,
    decoded,
    padded,
    rotation,
)
from tests.unit.vectors.engine_contract import unit_rows

ROOT = Path(__file__).parents[3]
DIMENSIONS = [1, 2, 63, 64, 100, 192, 512, 1024, 1100, 2048, 4096]


def scores_and_bounds(codes: ByteCodes, queries: ByteQueries) -> tuple[np.ndarray, np.ndarray]:
    """Return what the scan computes, in float32 as it does: (n_rows, n_queries) each."""
    scale, offset, slope, base = queries.constants.T
    totals = codes.codes.astype(np.int64) @ queries.codes.T.astype(np.int64) - offset.astype(np.int64)
    scores = totals.astype(np.float32) * codes.scales[:, np.newaxis] * scale
    return scores, codes.errors[:, np.newaxis] * slope + base


def assert_bounded(rows: np.ndarray, queries: np.ndarray) -> None:
    scores, bounds = scores_and_bounds(ByteCodes.of(rows), ByteQueries.of(queries))

    true = rows.astype(np.float64) @ queries.astype(np.float64).T

    off = np.abs(true - scores.astype(np.float64))
    assert (off <= bounds).all(), f"off by {off.max()}, {(off / bounds).max()} times the bound"


def of_length_one(rows: np.ndarray) -> np.ndarray:
    wide = rows.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    wide = np.where(lengths > 0, wide / np.where(lengths > 0, lengths, 1), np.eye(1, rows.shape[1]))
    return wide.astype(np.float32)


def adversarial_rows(kind: str, count: int, dimension: int, seed: int) -> np.ndarray:
    """Return rows of length 1 of a kind that rounding finds hard."""
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal((count, dimension))
    one_hot = np.eye(dimension)[rng.integers(0, dimension, count)] * rng.choice([-1, 1], (count, 1))
    rows = {
        "isotropic": normal,
        "one hot": one_hot,
        "spikes": one_hot + 1e-2 * normal,
        "half a step": one_hot + 0.5 / 127 * rng.choice([-1, 1], (count, dimension)),
        "constant": np.full((count, dimension), rng.choice([-1.0, 1.0])),
        "extremes": rng.choice([-127.0, 127.0], (count, dimension)),
        "on the grid": rng.integers(-127, 128, (count, dimension)).astype(np.float64),
        "positive": np.abs(normal),
        "sparse": normal * (rng.random((count, dimension)) < 0.05),
        "tiny": one_hot + normal * 1e-30,
        "denormal": one_hot + rng.choice([1e-45, 3e-39], (count, dimension)),
        "all sizes": normal * 10.0 ** rng.uniform(-12, 0, (count, dimension)),
    }
    return of_length_one(rows[kind])


KINDS = [
    "isotropic", "one hot", "spikes", "half a step", "constant", "extremes", "on the grid", "positive", "sparse",
    "tiny", "denormal", "all sizes",
]  # fmt: skip


# 8 bits


@settings(max_examples=300)
@given(
    row_kind=st.sampled_from(KINDS),
    query_kind=st.sampled_from(KINDS),
    dimension=st.sampled_from(DIMENSIONS),
    length=st.sampled_from([1.0, 1.001, 0.999, 3.7, 1e-3, 1e6, 1e-20, 1e20, 1e-38, 1e-42]),
    row_length=st.sampled_from([1.0, 1.001, 0.999]),  # what the store lets in
    seed=st.integers(0, 2**32 - 1),
)
def test_a_score_is_never_off_by_more_than_its_bound(*, row_kind, query_kind, dimension, length, row_length, seed):
    rows = adversarial_rows(row_kind, 12, dimension, seed) * np.float32(row_length)
    queries = adversarial_rows(query_kind, 3, dimension, seed + 1) * np.float32(length)

    assert_bounded(rows, queries)


@settings(max_examples=200)
@given(
    numbers=st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=70),
    asked=st.lists(st.floats(-(2.0**60), 2.0**60, width=32), min_size=70, max_size=70),
)
def test_any_numbers_keep_the_bound(numbers, asked):
    rows = of_length_one(np.array([numbers], dtype=np.float32))

    assert_bounded(rows, np.array([asked[: len(numbers)]], dtype=np.float32))


@pytest.mark.parametrize("n_used", [1100, 2050, 3001, 4096])
def test_large_sums_are_not_rounded_before_what_they_have_in_common_is_taken_away(n_used):
    """Row and query are on the grid, so that nothing else is off; the sum of codes is beyond 2^24."""
    query = np.zeros((1, 4096), dtype=np.float32)
    query[0, :n_used] = 1
    query[0, :60] = np.arange(60) / 127

    assert_bounded(np.eye(4096, dtype=np.float32)[:80], of_length_one(query))


def test_a_query_of_zeros_scores_zero():
    rows = unit_rows(5, dimension=70)

    scores, bounds = scores_and_bounds(ByteCodes.of(rows), ByteQueries.of(np.zeros((1, 70), dtype=np.float32)))

    assert not scores.any()
    assert (bounds >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_decoded_rows_are_as_far_off_as_their_error_says(kind):
    rows = adversarial_rows(kind, 50, 100, 3)
    codes = ByteCodes.of(rows)

    got = decoded(codes.codes, codes.scales)

    off = np.linalg.norm(got[:, :100].astype(np.float64) - rows, axis=1)
    assert (off <= codes.errors).all()
    assert (codes.errors <= off * 1.001 + 1e-6).all()
    assert not got[:, 100:].any()
    assert np.abs(codes.codes.astype(int) - CODE_ZERO).max() <= 127


@pytest.mark.parametrize("damage", [0.0, np.nan, np.inf, -np.inf])
def test_cleared_and_damaged_rows_have_no_score(damage):
    rows = unit_rows(4, dimension=70)
    rows[1] = 0
    rows[3, 6] = damage
    if damage == 0:
        rows[3] = 0
    codes = ByteCodes.of(rows)

    scores, bounds = scores_and_bounds(codes, ByteQueries.of(rows[:1]))

    assert np.isnan(scores[:, 0]).tolist() == [False, True, False, True]
    assert not (scores + bounds >= -np.inf)[[1, 3]].any()  # so that not even an empty list takes them
    assert (codes.codes[[1, 3]] == CODE_ZERO).all()
    assert not decoded(codes.codes, codes.scales)[[1, 3]].any()


# The rotation


@pytest.mark.parametrize("dimension", [64, 128, 192, 320, 512, 768, 1024])
def test_rotation_keeps_lengths_and_angles(dimension):
    turn = rotation(dimension).astype(np.float64)

    np.testing.assert_allclose(turn @ turn.T, np.eye(dimension), atol=2e-6)
    assert not rotation(dimension).flags.writeable


@pytest.mark.parametrize("dimension", [64, 192, 512, 768])
def test_rotation_spreads_any_number_over_all(dimension):
    """Else the signs of a row with one large number would say little."""
    assert np.abs(rotation(dimension)).max() < 8 / np.sqrt(dimension)


def test_rotation_is_the_same_in_every_process():
    code = (
        "import hashlib; from gallery.vectors.quantization import rotation\n"
        "print(*[hashlib.sha256(rotation(n).tobytes()).hexdigest() for n in (64, 192, 512)])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "OPENBLAS_NUM_THREADS": "1"}
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    assert other.stdout.split() == [hashlib.sha256(rotation(n).tobytes()).hexdigest() for n in (64, 192, 512)]


# 1 bit


def estimates(rows: np.ndarray, centre: np.ndarray, query: np.ndarray, *, deviations: float) -> np.ndarray:
    """Return what the gate computes for each row, in float64."""
    bits, bit_scales = bit_codes(rows, centre)
    prepared = BitQuery.of(query, centre[np.newaxis], deviations=deviations)
    base, per_unit, constant, _nothing = prepared.constants[0].astype(np.float64)
    different = np.bitwise_count(bits[:, np.newaxis] ^ prepared.planes).sum(axis=2, dtype=np.int64)
    return base + bit_scales * (per_unit * (different << np.arange(4)).sum(axis=1) + constant)


@pytest.mark.parametrize("kind", ["isotropic", "one hot", "spikes", "extremes", "positive", "sparse"])
@pytest.mark.parametrize("dimension", [128, 512, 768])
def test_the_estimate_is_unbiased_and_its_error_is_what_it_is_said_to_be(kind, dimension):
    """Over 40 queries and 500 rows: the seeds are fixed, so that chance fails nobody."""
    rows = adversarial_rows(kind, 500, dimension, 1)
    centre = (rows.mean(axis=0) * 0.9).astype(np.float32)
    off, too_low = [], []
    for query in unit_rows(40, dimension=dimension, seed=2):
        true = rows.astype(np.float64) @ query
        middle = estimates(rows, centre, query, deviations=0)
        deviation = estimates(rows, centre, query, deviations=1) - middle
        off.append((true - middle) / deviation)
        too_low.append(true > estimates(rows, centre, query, deviations=3))
    errors = np.concatenate(off)

    assert abs(errors.mean()) < 0.05
    assert 0.85 < errors.std() < 1.08
    assert np.concatenate(too_low).mean() < 0.003  # three deviations: one in a thousand is underrated


def test_the_estimate_is_off_by_three_quarters_over_the_square_root_of_the_dimension():
    rows, query = unit_rows(4_000, dimension=512), unit_rows(1, dimension=512, seed=5)[0]

    off = estimates(rows, np.zeros(512, dtype=np.float32), query, deviations=0) - rows @ query

    assert off.std() == pytest.approx(0.75 / np.sqrt(512), rel=0.05)


def test_a_row_at_the_centre_is_estimated_exactly():
    rows = unit_rows(1, dimension=128)
    query = unit_rows(1, dimension=128, seed=1)[0]

    assert estimates(rows, rows[0], query, deviations=3)[0] == pytest.approx(float(rows[0] @ query), abs=1e-6)


@pytest.mark.parametrize(("dimension", "expected"), [(1, 64), (64, 64), (65, 128), (4096, 4096)])
def test_numbers_are_padded_to_whole_steps(dimension, expected):
    assert padded(dimension) == expected
