"""Columns on disk: one file that every process maps."""

import json
import logging
import mmap
import os
import struct
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gallery.durable.synced_writing import make_folder, opened, replacing_whole_files, storage_errors, write_all

from .links import Links
from .table import Table
from .texts import Texts

logger = logging.getLogger(__name__)

MAGIC = b"IMGCOLS1"
FORMAT = 2  # what the sections mean; a file of another format is made anew
RANKED_TEXTS = ("name",)
OPTIONAL_PARTS = ("positions", "row_starts", "by_row")  # of links
SECTION_ALIGNMENT = 64  # bytes, of a cache line
_PREAMBLE = struct.Struct("<8sQII")  # magic, bytes of the file, bytes of the header behind this, its CRC-32
Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the database was at when a table was read from it.

    `origin` is a word of whoever reads the database: another database may have come to the same numbers. `access_mark`
    goes with the access version.
    """

    epoch: int
    access_version: int
    index_version: int
    origin: str = ""
    access_mark: int | None = None


@dataclass(frozen=True)
class StoredTable:
    """A table that lies in a file, and what it is of."""

    stamp: Stamp
    table: Table


@dataclass(frozen=True, slots=True)
class _Section:
    """Where one array lies: `name` is `ids`, `numbers/owner`, `texts/name/starts`, `links/tag/rows`...

    `offset` counts bytes from the end of the header on.
    """

    name: str
    dtype: str
    offset: int
    count: int
    crc32: int

    @property
    def stop(self) -> int:
        return self.offset + self.count * np.dtype(self.dtype).itemsize


class ColumnsFile:
    """Keeps the columns of an epoch's rows in `columns-<epoch>.bin`.

    A cache: deleting it is safe, and it is never believed where it cannot be right. One map serves every process.

    **Write** grows `.partial`, syncs it and renames it, so that a reader sees the old file or the new one, whole; who
    has mapped the old one keeps it. A crash leaves either, and perhaps a `.partial`, which the next writing overwrites.
    One writer at a time: hold a FileLock. The file system must keep what was synced, and rename at once.

    **Read** maps the file and looks at its ends, not at all of it: magic, format and length; the header by its
    checksum; each section by the length that the others give it. Bytes that a disk has turned are what only `damage`
    can see; it reads all. Whether the stamp is of what the database is now, the caller must ask.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, epoch: int) -> Path:
        return self.folder / f"columns-{epoch}.bin"

    def write(self, table: Table, *, stamp: Stamp, ranked: Collection[str] = RANKED_TEXTS) -> None:
        """Write the file of `stamp.epoch` anew; texts that are `ranked` can be ordered by at once.

        Raises StorageFull, StorageNotWritable.
        """
        arrays = dict(_arrays_of(table.prepared(ranked=ranked)))
        header = _Header(stamp, table.row_count, _laid_out(arrays))
        first = header.bytes_before_sections
        with storage_errors(self.folder):
            make_folder(self.folder)
            with replacing_whole_files(self.path(stamp.epoch)) as [fd]:
                os.ftruncate(fd, header.file_bytes)
                for section in header.sections:
                    write_all(fd, _bytes_of(arrays[section.name]), first + section.offset)
                write_all(fd, header.to_bytes(), 0)

    def read(self, epoch: int) -> StoredTable | None:
        """Map the file; None where there is none, or where it cannot be right. Raises StorageNotWritable."""
        try:
            content, header = self._mapped(epoch)
            return StoredTable(header.stamp, _checked_table(content, header))
        except FileNotFoundError:
            return None
        except _CannotBeRight as reason:
            logger.warning("%s is not believed: %s.", self.path(epoch), reason)
            return None

    def damage(self, epoch: int) -> list[str]:
        """Read the whole file; return the names of what is not as it was written, nothing where there is no file."""
        try:
            content, header = self._mapped(epoch)
            _checked_table(content, header)
        except FileNotFoundError:
            return []
        except _CannotBeRight:
            return ["header"]
        arrays = header.arrays(content)
        return [one.name for one in header.sections if zlib.crc32(_bytes_of(arrays[one.name])) != one.crc32]

    def remove(self, epoch: int) -> None:
        """Remove the file if it is there. Who has mapped it keeps it."""
        with storage_errors(self.folder):
            self.path(epoch).unlink(missing_ok=True)

    def _mapped(self, epoch: int) -> "tuple[memoryview, _Header]":
        path = self.path(epoch)
        with storage_errors(path), opened(path, os.O_RDONLY) as fd:
            size = os.fstat(fd).st_size
            if size < _PREAMBLE.size:
                raise _CannotBeRight("its header is missing")
            content = memoryview(mmap.mmap(fd, size, access=mmap.ACCESS_READ))
        header = _Header.of_bytes(content)
        if header.stamp.epoch != epoch:
            raise _CannotBeRight(f"it is of epoch {header.stamp.epoch}")
        return content, header


class _CannotBeRight(Exception):
    """A file is not one that this version has written, whole."""


@dataclass(frozen=True, slots=True)
class _Header:
    stamp: Stamp
    row_count: int
    sections: list[_Section]

    @classmethod
    def of_bytes(cls, content: memoryview) -> "_Header":
        """Read what `to_bytes` wrote before the sections. Raises _CannotBeRight."""
        magic, file_bytes, header_bytes, crc32 = _PREAMBLE.unpack_from(content)
        if magic != MAGIC:
            raise _CannotBeRight("it does not begin as columns do")
        if file_bytes != len(content):
            raise _CannotBeRight(f"it has {len(content):,} bytes, not {file_bytes:,}")
        text = bytes(content[_PREAMBLE.size : _PREAMBLE.size + header_bytes])
        if zlib.crc32(text) != crc32:
            raise _CannotBeRight("its header is not the one that was written")
        known: dict[str, Any] = json.loads(text)
        if known["format"] != FORMAT:
            raise _CannotBeRight(f"its format is {known['format']}, not {FORMAT}")
        return cls(Stamp(**known["stamp"]), known["row_count"], [_Section(*section) for section in known["sections"]])

    def to_bytes(self) -> bytes:
        text = self._json
        return _PREAMBLE.pack(MAGIC, self.file_bytes, len(text), zlib.crc32(text)) + text

    @property
    def bytes_before_sections(self) -> int:
        return _aligned(_PREAMBLE.size + len(self._json))

    @property
    def file_bytes(self) -> int:
        return self.bytes_before_sections + max((one.stop for one in self.sections), default=0)

    def arrays(self, content: memoryview) -> dict[str, Array]:
        """Return the sections as arrays on the whole file's bytes."""
        behind = content[self.bytes_before_sections :]
        return {one.name: np.frombuffer(behind[one.offset : one.stop], dtype=one.dtype) for one in self.sections}

    @property
    def _json(self) -> bytes:
        sections = [list(asdict(section).values()) for section in self.sections]
        known = {"format": FORMAT, "stamp": asdict(self.stamp), "row_count": self.row_count, "sections": sections}
        return json.dumps(known, separators=(",", ":")).encode()


def _arrays_of(table: Table) -> Iterator[tuple[str, Array]]:
    """Yield each array that is there, with the name of its section."""
    yield "ids", table.ids
    for name, column in table.numbers.items():
        yield f"numbers/{name}", column
    for kind, several in (("texts", table.texts), ("links", table.links)):
        for name, one in several.items():
            for part, array in vars(one).items():
                if isinstance(array, np.ndarray) and part in type(one).__dataclass_fields__:
                    yield f"{kind}/{name}/{part}", array
    if table.by_id is not None:
        yield "by_id", table.by_id


def _table_of(arrays: Mapping[str, Array]) -> Table:
    """Return the table of sections. Raises KeyError for one that is missing."""
    texts, links = (_parts(arrays, kind) for kind in ("texts", "links"))
    return Table(
        ids=arrays["ids"],
        numbers={name.partition("/")[2]: array for name, array in arrays.items() if name.startswith("numbers/")},
        texts={
            name: Texts(parts["starts"], parts["content"], parts.get("ranks"), parts.get("by_rank"))
            for name, parts in texts.items()
        },
        links={
            name: Links(parts["keys"], parts["starts"], parts["rows"], *map(parts.get, OPTIONAL_PARTS))
            for name, parts in links.items()
        },
        by_id=arrays.get("by_id"),
    )


def _parts(arrays: Mapping[str, Array], kind: str) -> dict[str, dict[str, Array]]:
    found: dict[str, dict[str, Array]] = {}
    for section, array in arrays.items():
        if section.startswith(f"{kind}/"):
            _kind, name, part = section.split("/")
            found.setdefault(name, {})[part] = array
    return found


def _laid_out(arrays: Mapping[str, Array]) -> list[_Section]:
    """Return where each array is to lie."""
    sections: list[_Section] = []
    for name, array in arrays.items():
        offset = _aligned(sections[-1].stop) if sections else 0
        sections.append(_Section(name, array.dtype.str, offset, len(array), zlib.crc32(_bytes_of(array))))
    return sections


def _aligned(offset: int) -> int:
    return -(-offset // SECTION_ALIGNMENT) * SECTION_ALIGNMENT


def _bytes_of(array: Array) -> memoryview:
    return memoryview(np.ascontiguousarray(array).view(np.uint8).data)


def _checked_table(content: memoryview, header: _Header) -> Table:
    """Return the table of a mapped file. Raises _CannotBeRight where its sections do not fit each other."""
    if header.file_bytes != len(content):
        raise _CannotBeRight("its columns end elsewhere than the file")
    try:
        table = _table_of(header.arrays(content))
    except KeyError as error:
        raise _CannotBeRight(f"it has no {error}") from None
    if (reason := _what_does_not_fit(table, header.row_count)) is not None:
        raise _CannotBeRight(reason)
    return table


def _what_does_not_fit(table: Table, row_count: int) -> str | None:
    """Return why the arrays cannot be those of so many rows, None if they can."""
    of_rows = {"ids": table.ids, "by_id": table.by_id, **table.numbers}
    for name, texts in table.texts.items():
        of_rows |= {f"{name}/starts": texts.starts[1:], f"{name}/ranks": texts.ranks, f"{name}/by_rank": texts.by_rank}
        if texts.starts[0] != 0 or texts.starts[-1] != len(texts.content):
            return f"the texts of {name} do not fit their places"
    for name, links in table.links.items():
        of_rows[f"{name}/row_starts"] = None if links.row_starts is None else links.row_starts[1:]
        others = [len(one) for one in (links.positions, links.by_row) if one is not None]
        if len(links.starts) != len(links.keys) + 1 or {int(links.starts[-1]), *others} != {links.count}:
            return f"the links of {name} do not fit their keys"
    wrong = (name for name, array in of_rows.items() if array is not None and len(array) != row_count)
    return next((f"{name} is not of {row_count:,} rows" for name in wrong), None)
