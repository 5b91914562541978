"""Short codes of unit vectors: 8 bits a number with a certain error bound, and 1 bit a number with a likely one.

**8 bits.** Each row has its own scale: number = scale * (code - 128). What rounding took away is kept as its length, so
that by Cauchy and Schwarz |cosine - score| <= |query| * error for every query.

**1 bit** (RaBitQ, Gao and Long, SIGMOD 2024). A row minus its block's centre is rotated by a fixed random rotation, of
which the signs are kept. The rotation makes the signs of any row about equally informative, so that
bit_scale * (sum of the rotated query's numbers with those signs) is an unbiased estimate of its product with the query,
off by about 0.75 / sqrt(dimension) of the lengths.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .unit_vectors import Floats, Vectors

Bytes = npt.NDArray[np.uint8]

STEP = 64  # numbers are padded to whole steps of the widest instruction
CODE_ZERO = 128
CODE_LIMIT = 127
PLANES = 4  # bits of a query's numbers when they meet 1-bit codes
ROTATION_SEED = 20240614
ROTATION_ROUNDS = 3
SMALLEST_SCALE = float(np.finfo(np.float32).tiny)  # below, a scale has too few bits to divide by
FLOAT32_SLACK = 1e-6  # of the query's length: what computing a score in float32 can be off

# A row's signs meet its direction at a cosine f that is sqrt(2 / pi) = 0.798 almost exactly, at any dimension of use.
# What they leave out, sqrt(1 - f^2) = 0.603, meets the query at a random angle.
SIGNS_LEAVE_OUT = 0.603


def padded(dimension: int) -> int:
    return -(-dimension // STEP) * STEP


@dataclass(frozen=True)
class ByteCodes:
    """(n, padded dimension) uint8 codes with each row's scale and the length of its error: (n,) float32.

    The scale of a row of zeros, which stands for no picture, or of one with a number that is not finite, is NaN: no
    comparison with its score is true.
    """

    codes: Bytes
    scales: Floats
    errors: Floats

    @classmethod
    def of(cls, vectors: Vectors) -> "ByteCodes":
        count, dimension = vectors.shape
        largest = np.abs(vectors).max(axis=1, initial=0.0)
        nobody = (largest == 0) | ~np.isfinite(largest)  # cleared or damaged
        scales = (largest / np.float32(CODE_LIMIT)).astype(np.float32)
        scales[nobody] = np.nan
        vectors = np.where(nobody[:, np.newaxis], np.float32(0), vectors)
        with np.errstate(invalid="ignore"):
            numbers = np.rint(vectors / scales[:, np.newaxis])
        numbers[nobody] = 0
        codes = np.full((count, padded(dimension)), CODE_ZERO, dtype=np.uint8)
        codes[:, :dimension] = (numbers + CODE_ZERO).astype(np.uint8)
        numbers *= np.nan_to_num(scales)[:, np.newaxis]
        numbers -= vectors
        errors = np.sqrt(np.einsum("ij,ij->i", numbers, numbers, dtype=np.float64))
        return cls(codes, scales, np.nextafter((errors * (1 + 1e-6)).astype(np.float32), np.float32(np.inf)))


def decoded(codes: Bytes, scales: Floats) -> Floats:
    """Return the vectors that 8-bit codes stand for, in the padded dimension; zeros for cleared rows."""
    numbers = codes.astype(np.float32) - CODE_ZERO
    numbers *= np.nan_to_num(scales)[:, np.newaxis]
    return numbers


@dataclass(frozen=True)
class ByteQueries:
    """Queries against 8-bit codes: (n, padded) int8, and (n, 4) float32 scale, offset, slope and base of the bound."""

    codes: npt.NDArray[np.int8]
    constants: Floats

    @classmethod
    def of(cls, queries: Vectors) -> "ByteQueries":
        codes, scales, left_out = _query_codes(queries)
        return cls(codes, _query_constants(codes, scales, lengths=_lengths(queries), errors=_lengths(left_out)))

    @classmethod
    def in_two(cls, query: Floats) -> "ByteQueries":
        """Take one query (dimension,) as two that add up: its code, and that of what the code leaves out.

        A score is the sum of both. Slope and base, in the first row, are of both together: some 200 times less is left
        out than by one code.
        """
        codes, scales, left_out = _query_codes(query[np.newaxis])
        rest_codes, rest_scales, rest = _query_codes(left_out.astype(np.float32))
        lost = left_out - left_out.astype(np.float32) + rest
        both = np.concatenate([codes, rest_codes]), np.concatenate([scales, rest_scales])
        lengths = np.array([_lengths(query[np.newaxis])[0], 0.0])
        return cls(both[0], _query_constants(*both, lengths=lengths, errors=np.array([_lengths(lost)[0], 0.0])))


def _query_codes(queries: Vectors) -> tuple[npt.NDArray[np.int8], Floats, npt.NDArray[np.float64]]:
    """Return (n, padded) codes of queries, their scales (n,), and what the codes leave out (n, dimension)."""
    count, dimension = queries.shape
    scales = np.abs(queries).max(axis=1, initial=0.0) / np.float32(CODE_LIMIT)
    scales = np.where(scales < SMALLEST_SCALE, 1, scales).astype(np.float32)  # its codes are zeros then
    codes = np.zeros((count, padded(dimension)), dtype=np.int8)
    codes[:, :dimension] = np.rint(queries / scales[:, np.newaxis]).astype(np.int8)
    return codes, scales, queries.astype(np.float64) - codes[:, :dimension] * scales[:, np.newaxis].astype(np.float64)


def _query_constants(
    codes: npt.NDArray[np.int8], scales: Floats, *, lengths: npt.NDArray[np.float64], errors: npt.NDArray[np.float64]
) -> Floats:
    """Return the constants of queries of these lengths; `errors` are the lengths of what their codes leave out."""
    offsets = CODE_ZERO * codes.sum(axis=1, dtype=np.int64)
    # |q.x - q'.x'| <= |q| |x - x'| + |q - q'| |x'|, and |x'| <= 1.001 + |x - x'|
    slopes, bases = lengths + errors, 1.001 * errors + FLOAT32_SLACK * lengths
    constants = np.stack([scales, offsets, slopes, bases], axis=1).astype(np.float32)
    constants[:, 2:] = np.nextafter(constants[:, 2:], np.float32(np.inf))  # a bound must not be rounded down
    return constants


def _lengths(vectors: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    lengths: npt.NDArray[np.float64] = np.linalg.norm(vectors.astype(np.float64), axis=1)
    return lengths


def turned_numbers(vectors: Vectors, centre: Floats) -> Floats:
    """Return the numbers of which 1-bit codes keep the signs: `vectors` minus `centre`, rotated."""
    with np.errstate(invalid="ignore"):  # a damaged row gives no number, and the others theirs
        return ((vectors - centre) @ rotation(vectors.shape[1])).astype(np.float32, copy=False)


def bit_codes(vectors: Vectors, centre: Floats) -> tuple[npt.NDArray[np.uint64], Floats]:
    """Return (n, padded / 64) words of signs and (n,) scales of `vectors` minus `centre`, both of padded dimension."""
    turned = turned_numbers(vectors, centre)
    bits = np.packbits(turned >= 0, axis=1, bitorder="little").view(np.uint64)
    lengths = np.sqrt(np.einsum("ij,ij->i", turned, turned, dtype=np.float64))
    sums = np.abs(turned).sum(axis=1, dtype=np.float64)
    scales = np.divide(lengths**2, sums, out=np.zeros_like(sums), where=sums > 0)
    return bits, scales.astype(np.float32)


@dataclass(frozen=True)
class BitQuery:
    """One query against 1-bit codes: (PLANES, padded / 64) words, and per block (n_blocks, 4) float32 constants.

    score of a row = base + bit_scale * (per_unit * d + constant), where d adds up, over the planes, 2^plane times the
    number of bits in which the row differs from the plane. The query's numbers are odd multiples of a unit from -15 to
    15, so that each is a sum of plus or minus 8, 4, 2 and 1 units.
    """

    planes: npt.NDArray[np.uint64]
    constants: Floats

    @classmethod
    def of(cls, query: Floats, centres: Floats, *, deviations: float) -> "BitQuery":
        """Prepare a query of padded dimension; scores are raised by so many standard deviations of the estimate."""
        turned = query @ rotation(len(query))
        levels = 2**PLANES - 1
        unit = max(float(np.abs(turned).max(initial=0.0)), 1e-12) / levels
        numbers = np.clip(2 * np.floor(turned / (2 * unit)) + 1, -levels, levels)
        bits = ((numbers + levels) / 2).astype(np.uint8)
        planes = [np.packbits(bits >> plane & 1, bitorder="little").view(np.uint64) for plane in range(PLANES)]
        deviation = np.hypot(SIGNS_LEAVE_OUT * np.linalg.norm(turned), np.linalg.norm(turned - unit * numbers))
        constants = np.zeros((len(centres), 4), dtype=np.float32)
        constants[:, 0] = centres @ query
        # a bit that agrees adds 2^plane units, one that differs takes them away
        constants[:, 1:3] = -2 * unit, unit * levels * len(turned) + deviations * deviation
        return cls(np.stack(planes), constants)


@lru_cache(maxsize=4)
def rotation(dimension: int) -> Floats:
    """Return a fixed random rotation, (dimension, dimension), to multiply rows with from the right.

    Random signs and a Walsh-Hadamard transform, three times over. Where the dimension is no power of two, the transform
    takes the first numbers and then the last ones, so that all are mixed. The signs are PCG64's raw bits, which NumPy
    promises never to change.
    """
    power = 1 << (dimension.bit_length() - 1)
    words = np.random.PCG64(ROTATION_SEED).random_raw(ROTATION_ROUNDS * dimension // 64).astype("<u8")
    signs = np.unpackbits(words.view(np.uint8)).reshape(ROTATION_ROUNDS, dimension).astype(np.float32) * 2 - 1
    rows = np.eye(dimension, dtype=np.float32)
    for round_signs in signs:
        rows *= round_signs
        _transform(rows[:, :power])
        if power < dimension:
            _transform(rows[:, -power:])
    rows.flags.writeable = False
    return rows


def _transform(rows: Floats) -> None:
    """Apply the orthonormal Walsh-Hadamard transform to each row in place; the length is a power of two."""
    count, length = rows.shape
    result = rows.copy()
    half = 1
    while half < length:
        pairs = result.reshape(count, length // (2 * half), 2, half)
        result = np.concatenate([pairs[:, :, :1] + pairs[:, :, 1:], pairs[:, :, :1] - pairs[:, :, 1:]], axis=2)
        half *= 2
    rows[:] = result.reshape(count, length) / np.float32(np.sqrt(length))
