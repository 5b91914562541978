"""Columns by row: conditions, counts, orders and the file, for rows as a large library has them.

    python -m tests.benchmarks columns --rows 1000000

Milliseconds of processor, the fastest of several runs: others on the machine make a loop over memory slower, never
faster. All names begin with the same twelve characters. `patched` is the same with 10,000 changed rows beside the base.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gallery.vectors.columns.columns import Columns
from gallery.vectors.columns.columns_file import ColumnsFile, Stamp
from gallery.vectors.columns.links import Links
from gallery.vectors.columns.ordering import Order
from gallery.vectors.columns.table import NULL, Table
from gallery.vectors.columns.texts import Texts
from gallery.vectors.row_mask import RowMask

SEED = 11
TAGS, LINKS_PER_ROW = 2_000, 3
PATCH_ROWS = 10_000
RUNS = 9
DAY_US = 86_400_000_000
STAMP = Stamp(epoch=1, access_version=1, index_version=1)
Result = dict[str, Any]


def table_of(rows: int, *, first_id: int = 1, names_begin: str = "IMG_20240101", seed: int = SEED) -> Table:
    """Return so many pictures of 100 owners, with three tags each, of which the commonest is on every tenth."""
    random = np.random.default_rng(seed)
    created = 1_600_000_000_000_000 + np.sort(random.integers(0, 3_000 * DAY_US, rows))
    taken = np.where(random.random(rows) < 0.3, NULL, created - random.integers(0, 900 * DAY_US, rows))
    names = [f"{names_begin}{number:07}.jpg" for number in random.permutation(rows).tolist()]
    words = ("walk by the lake", "birthday", "公园里的小狗", "")
    folded = [f"{name.lower()}\n{words[number % 4]}" for number, name in enumerate(names)]
    return Table(
        ids=np.arange(first_id, first_id + rows),
        numbers={
            "owner": np.where(random.random(rows) < 0.3, 1, random.integers(2, 101, rows)).astype(np.int32),
            "visibility": random.choice(3, rows, p=[0.65, 0.25, 0.1]).astype(np.int8),
            "format": random.choice(5, rows, p=[0.8, 0.08, 0.07, 0.04, 0.01]).astype(np.int8),
            "width_px": random.integers(500, 6_000, rows, dtype=np.int32),
            "height_px": random.integers(500, 6_000, rows, dtype=np.int32),
            "size_bytes": random.integers(10_000, 10_000_000, rows),
            "created_at": created,
            "taken_at": taken,
            "trashed_at": np.where(random.random(rows) < 0.005, created, NULL),
        },
        texts={"name": Texts.of([name.lower() for name in names]), "folded": Texts.of(folded)},
        links={"tag": _tags(rows, random), "album": _albums(rows, random)},
    )


def _tags(rows: int, random: np.random.Generator) -> Links:
    common = np.flatnonzero(random.random(rows) < 0.1)
    others = 2 + np.floor((TAGS - 2) * random.random(rows * (LINKS_PER_ROW - 1)) ** 3).astype(np.int64)
    places = np.repeat(np.arange(rows), LINKS_PER_ROW - 1)
    pairs = np.unique(np.stack([np.append(places, common), np.append(others, np.ones(len(common), int))]), axis=1)
    return Links.of(pairs[0], pairs[1])


def _albums(rows: int, random: np.random.Generator) -> Links:
    chosen = random.permutation(rows)[: rows // 4]
    return Links.of(chosen, 1 + np.arange(len(chosen)) // 250, np.arange(len(chosen)))


def bench_columns(rows: int) -> Result:
    """Measure in a process of its own, which maps the file that this one writes."""
    with tempfile.TemporaryDirectory(prefix="imagesearch-bench-") as folder:
        written = _written(table_of(rows), Path(folder))
        command = [sys.executable, "-m", "tests.benchmarks.columns", folder]
        measured = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    found = {"rows": rows, **written, **measured}
    _say(found)
    return found


def _written(table: Table, folder: Path) -> Result:
    file = ColumnsFile(folder)
    seconds = _seconds(lambda: file.write(table, stamp=STAMP))
    return {"write_s": seconds, "file_mb": file.path(1).stat().st_size / 1e6}


def _measured(folder: Path) -> Result:
    before_mb = _private_mb()
    opened = ColumnsFile(folder).read(1)
    assert opened is not None
    plain = Columns.of(opened.table)
    rows = np.sort(np.random.default_rng(SEED).permutation(plain.row_count)[:PATCH_ROWS])
    changes = table_of(len(rows), first_id=10 * plain.row_count, seed=SEED + 1)
    patched = plain.changed(rows, changes)
    found: Result = {
        "open_ms": _milliseconds(lambda: ColumnsFile(folder).read(1)),
        "plain_ms": {what: _milliseconds(ask) for what, ask in _questions(plain).items()},
        "private_mb": _private_mb() - before_mb,
        "patched_ms": {what: _milliseconds(ask) for what, ask in _questions(patched).items()},
    }
    one, many = (np.sort(rows[:count] + 1) % plain.row_count for count in (1, 1_000))
    for name, some in (("changed, 1 row", one), ("changed, 1,000 rows", many)):
        found["patched_ms"][name] = _milliseconds(partial(patched.changed, some, changes.take(np.arange(len(some)))))
    return found


def _questions(columns: Columns) -> dict[str, Callable[[], object]]:
    everything = columns.where(~columns.compare("visibility", "eq", 9))
    third = columns.where(columns.compare("owner", "eq", 1))
    few = RowMask.of_rows(np.arange(0, columns.row_count, 97), columns.row_count)
    newest, name, size = ([Order("created_at", descending=True)], [Order("name")], [Order("size_bytes", True)])
    deep = columns.row_count * 3 // 4
    at = [int(columns.numbers_of("created_at", np.array([deep]))[0]), int(columns.ids_of(np.array([deep]))[0])]
    return {
        "compare, int32": lambda: columns.compare("width_px", "gt", 2_000),
        "compare, int64": lambda: columns.compare("created_at", "gt", at[0]),
        "compare, int64 with NULL": lambda: columns.compare("taken_at", "gt", at[0]),
        "compare two columns": lambda: columns.compare_columns("height_px", "gt", "width_px"),
        "is_in, 3 values": lambda: columns.is_in("format", [1, 2, 4]),
        "is_in, 1,000 ids": lambda: columns.is_in("id", range(5, 100_000, 100)),
        "is_null": lambda: columns.is_null("trashed_at"),
        "linked, a tag of every tenth row": lambda: columns.linked("tag", [1]),
        "linked, 20 tags": lambda: columns.linked("tag", range(20, 40)),
        "contains, in every row": lambda: columns.contains("folded", "img_"),
        "contains, in one row": lambda: columns.contains("folded", "img_202401010000777.jpg"),
        "contains, in every fourth row": lambda: columns.contains("folded", "小狗"),
        "contains, one letter": lambda: columns.contains("folded", "a"),
        "contains, in no row": lambda: columns.contains("folded", "gggg"),
        "contains, ignoring case": lambda: columns.contains("folded", "BIRTHday", ignoring_case=True),
        "totals by owner, all rows": lambda: columns.totals(everything, "owner", "size_bytes"),
        "counts of 100 owners, all rows": lambda: columns.counts(everything, "owner"),
        "extremes, all rows": lambda: columns.extremes(everything, "taken_at"),
        "link_counts, all rows": lambda: columns.link_counts(everything, "tag"),
        "link_counts, every 97th row": lambda: columns.link_counts(few, "tag"),
        "newest, all rows, first 24": lambda: columns.ordered(_fresh(everything), newest, size=24),
        "newest, all rows, from the middle": lambda: columns.ordered(_fresh(everything), newest, start=deep, size=24),
        "newest, all rows, behind a row": lambda: columns.ordered(_fresh(everything), newest, size=24, after=at),
        "newest, all rows, before a row": lambda: columns.ordered(_fresh(everything), newest, size=24, before=at),
        "newest, 30 %, first 24": lambda: columns.ordered(_fresh(third), newest, size=24),
        "largest, 30 %, from the middle": lambda: columns.ordered(
            _fresh(third), size, start=columns.row_count // 8, size=24
        ),
        "by name, all rows, first 24": lambda: columns.ordered(_fresh(everything), name, size=24),
        "by name, all rows, from the middle": lambda: columns.ordered(_fresh(everything), name, start=deep, size=24),
        "an album of 250": lambda: columns.in_link_order("album", 7, everything, size=24),
        "take, 10 rows": lambda: columns.take(np.arange(10) * 31),
        "rows_of, 24 ids": lambda: columns.rows_of(np.arange(24) * 997 + 3),
    }


def _fresh(mask: RowMask) -> RowMask:
    """Return the same mask, which remembers nothing."""
    return RowMask(mask.bits, mask.row_count)


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _milliseconds(work: Callable[[], object]) -> float:
    work()
    return min(_seconds(work) for _ in range(RUNS)) * 1_000


def _private_mb() -> float:
    """Return what the kernel holds for this process alone, 0 where it does not say."""
    path = Path("/proc/self/smaps_rollup")
    if not path.exists():
        return 0.0
    lines = (line.split() for line in path.read_text().splitlines()[1:])
    return sum(int(line[1]) for line in lines if line[0] == "Anonymous:") * 1024 / 1e6


def _say(found: Result) -> None:
    print(
        f"{found['rows']:,} rows: file {found['file_mb']:.0f} MB written in {found['write_s']:.1f} s of processor, "
        f"opened in {found['open_ms']:.2f} ms, {found['private_mb']:.0f} MB private after all of these:"
    )
    for what, patched_ms in found["patched_ms"].items():
        plain_ms = found["plain_ms"].get(what)
        plain = "" if plain_ms is None else f"{plain_ms:.2f}"
        print(f"  {what:<36}{plain:>9} ms {patched_ms:9.2f} ms patched")


if __name__ == "__main__":
    print(json.dumps(_measured(Path(sys.argv[1]))))
