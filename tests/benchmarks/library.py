"""Store, database and processes around the engine: a library of N pictures in SQLite, without any picture file.

Alice owns three of four pictures and bob the fourth; one of four is public. So bob may see half of them.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from .environment import set_up

set_up()

from django.conf import settings
from django.core.management import call_command

from gallery.measuring.speed import DEFAULT_DIMENSION, ClusteredRows
from gallery.models import Image, IndexState, User, Visibility
from gallery.search_index import search_index
from gallery.vectors.codes import BLOCK_ROWS, CodesFile
from gallery.vectors.engines.exact import ExactEngine
from gallery.vectors.row_mask import RowMask
from gallery.vectors.snapshot import Snapshot
from gallery.vectors.store import VectorStore
from gallery.vectors.unit_vectors import Vectors
from tests.conftest import acting

from .processes import WorkerProcess
from .stand_in import StandInEncoder, find_by_number, stand_in

TOP = 10
SMALL = 1_000
APPENDS = 40
OPENINGS = 5
FIRST_ANSWERS = ("first_answer_of_index", "first_answer", "first_answer_of_user")


class Library:
    """A growing library. Vectors, codes and database are written as SearchIndex writes them, many at a time."""

    def __init__(self, rows: int, *, queries: int) -> None:
        self.source = ClusteredRows(rows)
        self.queries = self.source.queries(queries)
        self.encoder = stand_in(self.queries)
        self.owners = [User.objects.create_user(name) for name in ("alice", "bob")]
        folder = Path(settings.GALLERY["data_dir"]) / "vectors"
        self.store = VectorStore(folder, dimension=DEFAULT_DIMENSION)
        self.codes_file = CodesFile(folder / "codes-1.bin", dimension=DEFAULT_DIMENSION)
        self.count = 0

    def grow(self, vectors: Vectors) -> None:
        rows = self.store.append(vectors, epoch=1)
        images = Image.objects.bulk_create([self._image(row) for row in rows])
        self.codes_file.extend(rows.start, vectors, np.array([image.pk for image in images], dtype=np.int64))
        state = IndexState.objects.current()
        state.encoder_key = StandInEncoder.key
        state.dimension, state.row_count, state.version = DEFAULT_DIMENSION, rows.stop, state.version + 1
        state.save()
        self.count = rows.stop

    def add_one(self, vector: Vectors) -> float:
        """Add one picture as an upload does after encoding; return the milliseconds."""
        image = self._image(None)
        image.save()
        started = time.perf_counter()
        search_index().add([image.pk], vector[np.newaxis], encoder=self.encoder)
        return (time.perf_counter() - started) * 1000

    def _image(self, row: int | None) -> Image:
        number = self.count if row is None else row
        self.count = max(self.count, number + 1)
        return Image(
            owner=self.owners[number % 4 == 0],
            visibility=Visibility.PUBLIC if number % 4 == 1 else Visibility.PRIVATE,
            md5=f"{number:032x}",
            sha256=f"{number:064x}",
            size_bytes=100_000,
            format="JPEG",
            width_px=640,
            height_px=480,
            original_name=f"picture-{number}.jpg",
            embedding_row=row,
        )


def bench_library(rows: int, *, queries: int) -> dict[str, Any]:
    call_command("migrate", verbosity=0)
    library = Library(rows, queries=max(queries, 2 * APPENDS))
    asked = library.queries
    queries_path = Path(settings.GALLERY["data_dir"]) / "queries.npy"
    np.save(queries_path, asked)
    result: dict[str, Any] = {"rows": rows, "dimension": DEFAULT_DIMENSION}
    parts = _parts(library.source)
    library.grow(next(parts))
    small_ms = _adding(library, asked[:APPENDS])
    for vectors in tqdm(parts, total=rows // BLOCK_ROWS, unit="block", disable=None):
        library.grow(vectors)
    result["open"] = _opening(queries_path)
    result["path"] = _whole_path(library, queries)
    result["memory"] = _private_memory(queries_path)
    result["add"] = _ratio(small_ms, _adding(library, asked[APPENDS : 2 * APPENDS]))
    result["append"] = _appending(library, asked[:APPENDS])
    _say(result)
    return result


def _parts(source: ClusteredRows) -> Iterator[Vectors]:
    """Yield the first SMALL rows, then the others, at most a block of codes at a time."""
    start = SMALL
    for vectors in source.blocks():
        if start:
            yield vectors[:start]
        for place in range(start, len(vectors), BLOCK_ROWS):
            yield vectors[place : place + BLOCK_ROWS]
        start = 0


def _adding(library: Library, vectors: Vectors) -> list[float]:
    """Return the milliseconds of adding one picture through SearchIndex: vector, codes and database, all durable."""
    return [library.add_one(vector) for vector in vectors]


def _appending(library: Library, vectors: Vectors) -> dict[str, float]:
    """Append single rows to files of 1,000 rows and to the library's, in turns: vector and codes, both durable.

    The library's database hears nothing of it, so this comes last.
    """
    with tempfile.TemporaryDirectory(prefix="small-", dir=settings.GALLERY["data_dir"]) as folder:
        store = VectorStore(Path(folder), dimension=DEFAULT_DIMENSION)
        file = CodesFile(Path(folder) / "codes-1.bin", dimension=DEFAULT_DIMENSION)
        file.extend(0, np.array(library.store.read(epoch=1, row_count=SMALL)), np.arange(SMALL))
        store.append(library.store.read(epoch=1, row_count=SMALL), epoch=1)
        small_ms, large_ms = [], []
        for vector in vectors:
            small_ms.append(_append_ms(store, file, vector))
            large_ms.append(_append_ms(library.store, library.codes_file, vector))
    return _ratio(small_ms, large_ms)


def _append_ms(store: VectorStore, file: CodesFile, vector: Vectors) -> float:
    started = time.perf_counter()
    with store.lock():
        rows = store.append(vector[np.newaxis], epoch=1)
        file.extend(rows.start, vector[np.newaxis], np.array([rows.start]))
    return (time.perf_counter() - started) * 1000


def _ratio(small_ms: list[float], large_ms: list[float]) -> dict[str, float]:
    small, large = statistics.median(small_ms), statistics.median(large_ms)
    return {"small_rows": SMALL, "small_ms": small, "large_ms": large, "ratio": large / small}


def _opening(queries_path: Path) -> dict[str, float]:
    """Start a process for each time; its imports are done when the clock starts. Files are in the page cache."""
    times: dict[str, list[float]] = {name: [] for name in FIRST_ANSWERS}
    for _ in range(OPENINGS):
        for name, found in times.items():
            with WorkerProcess(queries_path) as worker:
                found.append(worker.ask(name)["milliseconds"])
    return {f"{name}_ms": statistics.median(found) for name, found in times.items()}


def _whole_path(library: Library, queries: int) -> dict[str, float]:
    """Time find_images for bob beside the engine alone, with his filter and without any, in turns."""
    bob = library.owners[1]
    matrix = library.store.read(epoch=1)
    snapshot = Snapshot(matrix, library.codes_file.read(len(matrix)))
    searcher = ExactEngine().open(snapshot)
    visible = Image.objects.visible_to(acting(bob)).searchable().embedding_rows()
    allowed = snapshot.allowing_rows(RowMask.of_rows(visible, len(matrix)))
    asked, by = library.queries, acting(bob)
    ways: dict[str, Callable[[int], object]] = {
        "find_images": lambda number: find_by_number(number, by=by, top=TOP),
        "engine_filtered": lambda number: searcher.search(asked[number : number + 1], TOP, allowed=allowed),
        "engine": lambda number: searcher.search(asked[number : number + 1], TOP),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for search in ways.values():  # lists what bob may see, maps files, starts threads
        search(0)
    for number in range(queries):
        for name, search in ways.items():
            started = time.perf_counter()
            search(number)
            times[name].append((time.perf_counter() - started) * 1000)
    medians = {name: statistics.median(found) for name, found in times.items()}
    return {
        "visible_rows": len(visible),
        **{f"{name}_ms": value for name, value in medians.items()},
        "ratio": medians["find_images"] / medians["engine"],
        "ratio_filtered": medians["find_images"] / medians["engine_filtered"],
    }


def _private_memory(queries_path: Path) -> dict[str, float | None]:
    """Compare two processes after their searches with themselves before: what both map counts as shared."""
    with WorkerProcess(queries_path) as one, WorkerProcess(queries_path) as other:
        workers = (one, other)
        idle = _private_mb(workers)
        for worker in workers:
            worker.ask("index_searches")
        index = _private_mb(workers)
        for worker in workers:
            worker.ask("searches")
        site = _private_mb(workers)
    if idle is None or index is None or site is None:
        return dict.fromkeys(("idle_mb", "index_above_idle_mb", "above_idle_mb"))
    return {"idle_mb": idle, "index_above_idle_mb": index - idle, "above_idle_mb": site - idle}


def _private_mb(workers: Sequence[WorkerProcess]) -> float | None:
    found = [worker.ask("private_bytes")["bytes"] for worker in workers]
    return None if None in found else statistics.mean(found) / 1e6


def _say(result: dict[str, Any]) -> None:
    print(f"a library of {result['rows']:,} pictures")
    for part in ("open", "path", "memory", "add", "append"):
        for name, value in result[part].items():
            print(f"  {part + ' ' + name:<32} {value if value is None else round(value, 3):>12}", flush=True)
