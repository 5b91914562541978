"""What a scan is told and where it writes: the one thing that Python and machine code must agree on."""

import ctypes
from dataclasses import dataclass

MAX_DIMENSION = 4096  # what 32-bit sums and unrolled code are meant for
TILE_ROWS = 64  # rows of one word of the mask
WHOLE_TILE_FROM = 28  # wanted rows, from which on reading a tile from end to end is faster than picking them
LINE_BYTES = 64  # of the processor's cache
HISTOGRAM_BINS = 1024  # of scores from -1 to 1
QUERY_PLANES = 4  # bits of a query's numbers against 1-bit codes

DONE, FULL = 0, 1  # what a scan returns: all blocks taken, or a list of candidates is full


class ScanJob(ctypes.Structure):
    """What one thread is to scan, and where it writes. All pointers are to arrays that the caller keeps alive."""

    _fields_ = (
        ("blocks", ctypes.c_void_p),  # first block
        ("block_count", ctypes.c_int64),
        ("next_block", ctypes.c_void_p),  # int64, shared by all threads: the first block that nobody has taken
        ("mask", ctypes.c_void_p),  # one bit per row: uint64[block_count * rows_per_block / 64]
        ("queries", ctypes.c_void_p),  # int8[query_count, code_bytes]
        ("constants", ctypes.c_void_p),  # float32[query_count, 4]: scale, offset, slope, base
        ("query_count", ctypes.c_int64),  # a multiple of the tile's queries, if more than one
        ("k", ctypes.c_int64),
        ("best", ctypes.c_void_p),  # float32[query_count, k], descending: the best certain scores so far
        ("capacity", ctypes.c_int64),  # candidates per query
        ("rows", ctypes.c_void_p),  # int64[query_count, capacity]
        ("limits", ctypes.c_void_p),  # float32[query_count, capacity]: score + bound
        ("counts", ctypes.c_void_p),  # int64[query_count]
        ("sums", ctypes.c_void_p),  # float64[3]: of the scores, of their squares, and how many they are
        ("histogram_tiles", ctypes.c_int64),  # the histogram takes every so many tiles of a block
        ("histogram", ctypes.c_void_p),  # int64[HISTOGRAM_BINS]
        ("totals", ctypes.c_void_p),  # int32[query_tile, TILE_ROWS], room for the scan to work in
        ("planes", ctypes.c_void_p),  # uint64[QUERY_PLANES, bit_words], for a gate
        ("gate", ctypes.c_void_p),  # float32[block_count, 4]: base, per unit of the planes' sum, constant, nothing
    )


class CountJob(ctypes.Structure):
    """What one thread is to count, and where it writes: see count_emitter.py. Pointers as in ScanJob."""

    _fields_ = (
        ("blocks", ctypes.c_void_p),
        ("block_count", ctypes.c_int64),
        ("next_block", ctypes.c_void_p),
        ("mask", ctypes.c_void_p),
        ("queries", ctypes.c_void_p),  # int8[2, code_bytes]: the query, and what its code left out
        ("constants", ctypes.c_void_p),  # float32[2, 4]: scale, offset, and in the first row slope and base of both
        ("score_count", ctypes.c_int64),
        # float32[score_count, 4]: what the least a row can score must reach to count, what the most must reach so that
        # the row may count; then the product that is certainly above, and the one that is certainly below
        ("limits", ctypes.c_void_p),
        ("above", ctypes.c_void_p),  # int64[score_count]: the counts
        ("matrix", ctypes.c_void_p),  # float32[rows, dimension]
        ("vector", ctypes.c_void_p),  # float32[dimension]: the query
        ("dimension", ctypes.c_int64),
        ("possible", ctypes.c_void_p),  # float32[2]: below is a score of a sound vector, above that of a damaged one
        ("capacity", ctypes.c_int64),
        ("rows", ctypes.c_void_p),  # int64[capacity]: rows that float32 cannot tell
        ("noted", ctypes.c_void_p),  # int64[1]: how many these are
        ("totals", ctypes.c_void_p),  # int32[2, TILE_ROWS], room to work in
    )


@dataclass(frozen=True)
class BlockLayout:
    """Where the parts of a block of rows begin, in bytes."""

    block_bytes: int
    rows_per_block: int
    code_bytes: int  # per row, a multiple of 64
    codes: int
    scales: int
    errors: int
    bit_words: int  # 64-bit words of 1-bit codes per row
    bits: int
    bit_scales: int
    ids: int
