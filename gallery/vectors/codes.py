"""Codes of an index's rows, in blocks: what the scanning engines read instead of the vectors."""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gallery.durable.crash_points import crash_point
from gallery.durable.synced_writing import fdatasync, opened, replacing_whole_files, storage_errors, write_all
from gallery.errors import StoreDamaged

from .kernels.scan_job import BlockLayout
from .quantization import ByteCodes, bit_codes, decoded, padded, turned_numbers
from .row_mask import RowMask
from .unit_vectors import NO_ID, Floats, Ids, Rows, Vectors

BLOCK_ROWS = 4_096
HEADER_BYTES = 4_096  # a page, so that blocks begin on one
MAGIC = b"IMGCODE1"
_HEADER = struct.Struct("<8sQQQ")  # magic, dimension, rows per block, row count
SIGN_ROUNDING = 1e-5  # a number of a rotated row that is nearer to zero may get the other sign elsewhere
Blocks = npt.NDArray[np.void]


@lru_cache(maxsize=8)
def block_type(dimension: int, rows: int = BLOCK_ROWS) -> np.dtype[np.void]:
    """Return the NumPy type of one block: rows, section by section, in whole pages."""
    size = padded(dimension)
    fields: list[tuple[str, str] | tuple[str, str, tuple[int, ...]] | tuple[str, str, int]] = [
        ("codes", "u1", (rows, size)),
        ("scales", "<f4", (rows,)),
        ("errors", "<f4", (rows,)),
        ("bits", "<u8", (rows, size // 64)),
        ("bit_scales", "<f4", (rows,)),
        ("ids", "<i8", (rows,)),
        ("centre", "<f4", (size,)),  # mean of the block before; zero in the first one
    ]
    used = np.dtype(fields).itemsize
    padding = -used % HEADER_BYTES
    return np.dtype([*fields, ("padding", "V", padding)] if padding else fields)


def _offsets(dimension: int) -> dict[str, int]:
    """Return where each section of a block begins."""
    kind = block_type(dimension)
    names = [name for name in kind.names or () if name != "padding"]
    return {name: int(kind.fields[name][1]) for name in names if kind.fields}


def block_layout(dimension: int) -> BlockLayout:
    """Return what the scan kernels need to know of a block."""
    kind, offsets = block_type(dimension), _offsets(dimension)
    return BlockLayout(
        block_bytes=kind.itemsize,
        rows_per_block=BLOCK_ROWS,
        code_bytes=padded(dimension),
        codes=offsets["codes"],
        scales=offsets["scales"],
        errors=offsets["errors"],
        bit_words=padded(dimension) // 64,
        bits=offsets["bits"],
        bit_scales=offsets["bit_scales"],
        ids=offsets["ids"],
    )


@dataclass(frozen=True)
class Codes:
    """The first `row_count` rows of `blocks`, which may be a memory map that writers go on changing."""

    blocks: Blocks
    row_count: int
    dimension: int

    @classmethod
    def of(cls, matrix: Vectors, ids: Ids) -> "Codes":
        """Compute the codes of a whole matrix in memory; rows whose id is -1 stay empty."""
        count, dimension = matrix.shape
        blocks = np.zeros(-(-count // BLOCK_ROWS), dtype=block_type(dimension))
        for number, (vectors, block_ids) in enumerate(_by_block(0, matrix, ids)):
            centre = _centre(blocks[number - 1]) if number else None
            _fill(blocks[number], 0, vectors, block_ids, centre=centre)
        return cls(blocks, count, dimension)

    def ids_of(self, rows: Rows) -> Ids:
        """Return the image id of each row, -1 for a cleared one."""
        ids: Ids = self.blocks["ids"][rows // BLOCK_ROWS, rows % BLOCK_ROWS]
        return ids

    @cached_property
    def ids(self) -> Ids:
        """Every row's image id as it was when first asked for."""
        ids: Ids = self.blocks["ids"].reshape(-1)[: self.row_count]
        return ids

    @cached_property
    def live(self) -> RowMask:
        """The rows that had an image when first asked for."""
        return RowMask.of_booleans(self.ids != NO_ID)


@dataclass(frozen=True)
class CodesPart:
    """A copy of the codes of some rows of one block."""

    block: np.void

    @property
    def ids(self) -> Ids:
        """The image id of each row, -1 for a cleared one."""
        ids: Ids = self.block["ids"]
        return ids

    def wrong_places(self, vectors: Vectors) -> Rows:
        """Return the places of the rows whose codes are not those of `vectors`."""
        return _wrong_in_block(self.block, vectors)


class CodesFile:
    """Keeps the codes of one epoch's rows in `codes-<epoch>.bin`, beside the vectors that they are computed from.

    A cache: deleting it is safe, and it is never believed where it cannot be right. One map serves every process.

    **Extend** (under the store's lock, after the vectors are committed and before the database refers to them):
    1 the rows' sections; 2 sync; 3 the header with the new count. The header is one sector: it is there whole or as it
    was. A crash before 3 leaves a file that counts fewer rows than the vectors have: whoever misses them builds anew.
    So rows that the header counts are the codes of the vectors that were there when it was written.

    **A file that counts more rows than the vectors** was written for an append that has no vectors any more (its disk
    forgot them, or a backup was restored): what is beyond is never read and is written over by the next append. A
    restored vector file with other vectors in the same rows is what only `wrong_rows` can see; it compares all.

    **Clear** empties rows in place and needs no order: a row that is half cleared is either not found, or found by a
    reader that then sees that its picture is gone.

    **Build** writes `.partial` and renames, so that a reader sees the old file or the new one.
    """

    def __init__(self, path: Path, *, dimension: int) -> None:
        self.path = path
        self.dimension = dimension
        self._block = block_type(dimension)

    def row_count(self) -> int:
        """Return how many rows the file has, 0 if it is missing. Raises StoreDamaged if it cannot be one of ours."""
        try:
            with storage_errors(self.path):
                fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return 0
        try:
            return self._row_count(fd)
        finally:
            os.close(fd)

    def read(self, row_count: int) -> Codes:
        """Map the first `row_count` rows. Raises StoreDamaged if the file does not have them."""
        if row_count == 0:
            return Codes(np.empty(0, dtype=self._block), 0, self.dimension)
        self.require(row_count)
        shape = (-(-row_count // BLOCK_ROWS),)
        blocks = np.memmap(self.path, dtype=self._block, mode="r", offset=HEADER_BYTES, shape=shape)
        return Codes(blocks.view(np.ndarray), row_count, self.dimension)

    def build(self, matrix: Vectors, ids: Ids) -> None:
        """Write the codes of all rows anew. Raises StorageFull, StorageNotWritable."""
        with storage_errors(self.path.parent), replacing_whole_files(self.path) as [fd]:
            previous = None
            for number, (vectors, block_ids) in enumerate(_by_block(0, matrix, ids)):
                block = np.zeros(1, dtype=self._block)
                _fill(block[0], 0, vectors, block_ids, centre=_centre(previous))
                write_all(fd, block.view(np.uint8).data, self._offset(number))
                previous = block[0]
            self._make_long_enough(fd, len(matrix))
            write_all(fd, self._header(len(matrix)), 0)

    def extend(self, first_row: int, vectors: Vectors, ids: Ids) -> None:
        """Write rows from `first_row` on, which must not leave a gap; rows after them are forgotten.

        Raises StoreDamaged for a gap or a damaged file, StorageFull, StorageNotWritable.
        """
        if not self.path.exists():
            if first_row:
                raise self._damaged("it does not exist")
            self.build(vectors, ids)
            return
        with storage_errors(self.path.parent):
            fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            with storage_errors(self.path.parent):
                self._extend(fd, first_row, vectors, ids)
        finally:
            os.close(fd)

    def _extend(self, fd: int, first_row: int, vectors: Vectors, ids: Ids) -> None:
        if (held := self._row_count(fd)) < first_row:
            raise self._damaged(f"it has {held:,} rows, not {first_row:,}")
        if held > first_row:  # a count that a crash could make true again must go before other rows take its place
            write_all(fd, self._header(first_row), 0)
            fdatasync(fd)
        self._make_long_enough(fd, first_row + len(ids))
        row = first_row
        for some, some_ids in _by_block(first_row, vectors, ids):
            self._write_rows(fd, row, some, some_ids, begins=row % BLOCK_ROWS == 0)
            row += len(some)
        crash_point("after_codes_before_sync")
        fdatasync(fd)
        crash_point("after_codes_before_header")
        write_all(fd, self._header(row), 0)
        crash_point("after_codes_header")

    def clear(self, rows: Rows) -> None:
        """Empty these rows. Rows that the file does not have are none of its business."""
        if not self.path.exists():
            return
        with storage_errors(self.path.parent):
            fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            with storage_errors(self.path.parent):
                held = self._row_count(fd)
                nothing = np.zeros((1, self.dimension), dtype=np.float32)
                for row in rows:
                    if row < held:
                        self._write_rows(fd, int(row), nothing, np.full(1, NO_ID), begins=False)
                fdatasync(fd)
        finally:
            os.close(fd)

    def remove(self) -> None:
        """Remove the file if it is there."""
        with storage_errors(self.path.parent):
            self.path.unlink(missing_ok=True)

    def wrong_rows(self, matrix: Vectors) -> Rows:
        """Return the rows whose codes are not those of `matrix`, which is all of the index or its beginning.

        The rotation's last bit may differ between processors, so a sign counts as wrong only if it is clearly so, and a
        number only if it is further off than rounding explains. Ids are not compared.
        Raises StoreDamaged.
        """
        self.require(len(matrix))
        wrong = [np.empty(0, dtype=np.int64)]
        for first in range(0, len(matrix), BLOCK_ROWS):
            vectors = matrix[first : first + BLOCK_ROWS]
            wrong.append(first + self.read_part(range(first, first + len(vectors))).wrong_places(vectors))
        return np.concatenate(wrong)

    def require(self, row_count: int) -> None:
        """Raise StoreDamaged unless the file can be one of ours and has so many rows."""
        if row_count and (held := self.row_count()) < row_count:
            raise self._damaged(f"it has {held:,} rows, not {row_count:,}")

    def read_part(self, rows: range) -> "CodesPart":
        """Copy the codes of rows of one block into memory. Raises StoreDamaged if the file is gone or too short."""
        number, place = divmod(rows.start, BLOCK_ROWS)
        part = np.zeros(1, dtype=block_type(self.dimension, len(rows)))
        try:
            with storage_errors(self.path), opened(self.path, os.O_RDONLY) as fd:
                for name, offset in _offsets(self.dimension).items():
                    section = part[name].view(np.uint8).reshape(-1)
                    skipped = 0 if name == "centre" else place * (len(section) // len(rows))
                    if os.preadv(fd, [section.data], self._offset(number) + offset + skipped) < len(section):
                        raise self._damaged(f"it has not all of its rows up to {rows.stop:,}")
        except FileNotFoundError:
            raise self._damaged("it does not exist") from None
        return CodesPart(part[0])

    def _make_long_enough(self, fd: int, row_count: int) -> None:
        """Give the file whole blocks, so that they can be mapped and read.

        It never gets shorter: who has mapped a page that is no longer there is killed by SIGBUS.
        """
        needed = self._offset(-(-row_count // BLOCK_ROWS))
        if os.fstat(fd).st_size < needed:
            os.ftruncate(fd, needed)

    def _write_rows(self, fd: int, row: int, vectors: Vectors, ids: Ids, *, begins: bool) -> None:
        """Write rows of one block; with its centre, if it begins with them."""
        number, place = divmod(row, BLOCK_ROWS)
        block = np.zeros(1, dtype=self._block)
        centre = self._centre_of(fd, number) if not begins else self._centre_before(fd, number)
        _fill(block[0], place, vectors, ids, centre=centre)
        for name, offset in _offsets(self.dimension).items():
            start = self._offset(number) + offset
            if name == "centre":
                if begins:
                    write_all(fd, block[0]["centre"].tobytes(), start)
                continue
            content = block[0][name][place : place + len(ids)]
            write_all(fd, content.tobytes(), start + place * content[0].nbytes)

    def _centre_of(self, fd: int, number: int) -> Floats:
        start = self._offset(number) + _offsets(self.dimension)["centre"]
        return np.frombuffer(os.pread(fd, padded(self.dimension) * 4, start), dtype="<f4")

    def _centre_before(self, fd: int, number: int) -> Floats | None:
        """Return the mean of the block before, read from the file."""
        if number == 0:
            return None
        content = os.pread(fd, self._block.itemsize, self._offset(number - 1))
        return _centre(np.frombuffer(content, dtype=self._block)[0])

    def _row_count(self, fd: int) -> int:
        header = os.pread(fd, _HEADER.size, 0)
        if len(header) < _HEADER.size:
            raise self._damaged("its header is missing")
        magic, dimension, rows_per_block, row_count = _HEADER.unpack(header)
        if (magic, dimension, rows_per_block) != (MAGIC, self.dimension, BLOCK_ROWS):
            raise self._damaged("its header is not that of codes of this index")
        if os.fstat(fd).st_size < self._offset(-(-row_count // BLOCK_ROWS)):
            raise self._damaged(f"it is too short for the {row_count:,} rows that its header counts")
        return int(row_count)

    def _header(self, row_count: int) -> bytes:
        return _HEADER.pack(MAGIC, self.dimension, BLOCK_ROWS, row_count)

    def _offset(self, block: int) -> int:
        return HEADER_BYTES + block * self._block.itemsize

    def _damaged(self, reason: str) -> StoreDamaged:
        return StoreDamaged(path=str(self.path), reason=reason)


def _by_block(first_row: int, vectors: Vectors, ids: Ids) -> Iterator[tuple[Vectors, Ids]]:
    """Cut rows, of which the first is row `first_row`, where blocks end."""
    start = 0
    while start < len(ids):
        stop = min(len(ids), start + BLOCK_ROWS - (first_row + start) % BLOCK_ROWS)
        yield vectors[start:stop], ids[start:stop]
        start = stop


def _fill(block: np.void, place: int, vectors: Vectors, ids: Ids, *, centre: Floats | None) -> None:
    """Write the codes of `vectors` into a block, from row `place` of it on."""
    size = block["centre"].shape[0]
    byte_codes = ByteCodes.of(np.where((ids == NO_ID)[:, np.newaxis], np.float32(0), vectors))
    rows = slice(place, place + len(ids))
    block["centre"] = 0 if centre is None else centre
    block["codes"][rows], block["scales"][rows] = byte_codes.codes, byte_codes.scales
    block["errors"][rows], block["ids"][rows] = byte_codes.errors, ids
    wide = np.zeros((len(ids), size), dtype=np.float32)
    used = ~np.isnan(byte_codes.scales)
    wide[used, : vectors.shape[1]] = vectors[used]
    block["bits"][rows], bit_scales = bit_codes(wide, block["centre"])
    block["bit_scales"][rows] = np.where(used, bit_scales, np.nan)


def _centre(block: np.void | None) -> Floats | None:
    """Return the mean of a block's rows, computed from their codes."""
    if block is None:
        return None
    used = ~np.isnan(block["scales"])
    total = decoded(block["codes"], block["scales"]).sum(axis=0, dtype=np.float64)
    mean: Floats = (total / max(1, np.count_nonzero(used))).astype(np.float32)
    return mean


def _wrong_in_block(block: np.void, vectors: Vectors) -> Rows:
    """Return the places in the block whose codes are not those of `vectors`."""
    count = len(vectors)
    fresh = np.zeros(1, dtype=block.dtype)[0]
    ids = np.where(np.any(vectors, axis=1), 0, NO_ID).astype(np.int64)
    _fill(fresh, 0, vectors, ids, centre=block["centre"])
    wrong = np.any(block["codes"][:count] != fresh["codes"][:count], axis=1)
    wrong |= block["scales"][:count].view("<u4") != fresh["scales"][:count].view("<u4")
    for name, tolerance, rounding in (("errors", 1e-5, 0), ("bit_scales", 1e-4, 1e-6)):
        wrong |= ~np.isclose(block[name][:count], fresh[name][:count], rtol=tolerance, atol=rounding, equal_nan=True)
    differ = np.flatnonzero(np.any(block["bits"][:count] != fresh["bits"][:count], axis=1) & (ids != NO_ID))
    wrong[differ] |= _has_wrong_sign(block["bits"][differ], vectors[differ], block["centre"])
    return np.flatnonzero(wrong)


def _has_wrong_sign(bits: npt.NDArray[np.uint64], vectors: Vectors, centre: Floats) -> npt.NDArray[np.bool_]:
    """Return which rows have a bit that is not the sign of its number, where that is not next to zero."""
    wide = np.zeros((len(vectors), len(centre)), dtype=np.float32)
    wide[:, : vectors.shape[1]] = vectors
    turned = turned_numbers(wide, centre)
    signs = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little").astype(bool)
    wrong: npt.NDArray[np.bool_] = np.any((signs != (turned >= 0)) & ~(np.abs(turned) < SIGN_ROUNDING), axis=1)
    return wrong
