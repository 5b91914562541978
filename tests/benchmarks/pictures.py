"""What importing costs beside encoding alone, and searching beside encoding the query.

Everything runs in one process, with its decoders, on a temporary library. The two sides take turns on the same
pictures, so that a noisy machine slows both; the ratio of the processor's time does not see other programs at all.
Pictures come from IMAGESEARCH_TEST_PHOTOS, else from the samples; those of 12 megapixels are tiled of them.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .environment import set_up

set_up()

import numpy as np
import psutil
from django.conf import settings
from django.core.management import call_command
from PIL import Image, ImageOps

from gallery.encoders.base import Encoder
from gallery.imaging import load_pixels
from gallery.imaging.sandbox.pool import decoders
from gallery.models import OPERATOR, User
from gallery.services.decode_limits import decode_limits
from gallery.services.embedding.encoder_in_use import current_encoder
from gallery.services.importing import FoundFiles, Source, import_files
from gallery.services.labels import Labels
from gallery.services.samples import SAMPLES, sample_path
from gallery.services.search import find_images
from tests.conftest import acting
from tests.searches import request_for

CHUNK = 30
QUERIES = ("a cat", "一只狗", "a red car on the street", "山和海", "musical instrument", "水果", "an airplane", "家具")
REPEATS = 5
LARGE_COUNT = 24
LARGE_SIZE, TILES = (4_000, 3_000), 4  # 12 megapixels, as phones take them; TILES each way


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds by the clock and of the processor, decoders included."""

    clock: float = 0.0
    processor: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.clock + other.clock, self.processor + other.processor)

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.clock - other.clock, self.processor - other.processor)


def spent_so_far() -> Spent:
    """Return what was spent since some moment; a decoder that is ended in between would be missing."""
    times = [psutil.Process(pid).cpu_times() for pid in decoders().pids]
    return Spent(time.perf_counter(), time.process_time() + sum(one.user + one.system for one in times))


def pictures() -> list[Path]:
    folder = Path(os.environ.get("IMAGESEARCH_TEST_PHOTOS", settings.BASE_DIR.parent / "shared" / "photos"))
    if folder.is_dir():
        return sorted(path for path in folder.iterdir() if path.is_file())
    return [sample_path(sample) for sample in SAMPLES]


def chunks(paths: list[Path]) -> Iterator[list[Path]]:
    for start in range(0, len(paths), CHUNK):
        yield paths[start : start + CHUNK]


def large_pictures(folder: Path) -> list[Path]:
    """Return JPEGs of about 2.5 MB, each of sixteen photos and the noise of a sensor."""
    small, random = pictures(), np.random.default_rng(0)
    width, height = LARGE_SIZE[0] // TILES, LARGE_SIZE[1] // TILES
    paths = []
    for number in range(LARGE_COUNT):
        page = Image.new("RGB", LARGE_SIZE)
        for tile in range(TILES * TILES):
            with Image.open(small[(number * TILES * TILES + tile) % len(small)]) as photo:
                page.paste(ImageOps.fit(photo.convert("RGB"), (width, height)), _corner_px(tile, width, height))
        noisy = np.asarray(page) + random.normal(0, 4, (LARGE_SIZE[1], LARGE_SIZE[0], 1))
        paths.append(folder / f"large-{number}.jpg")
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(paths[-1], quality=88)
    return paths


def _corner_px(tile: int, width: int, height: int) -> tuple[int, int]:
    row, column = divmod(tile, TILES)
    return column * width, row * height


def encode_alone(paths: list[Path], encoder: Encoder) -> Spent:
    """Return what encoding takes when the pictures are decoded already."""
    opened = []
    for path in paths:
        with path.open("rb") as file:
            opened.append(load_pixels(file, limits=decode_limits()))
    started = spent_so_far()
    for start in range(0, len(opened), 16):
        encoder.encode_images(opened[start : start + 16])
    return spent_so_far() - started


def import_all(paths: list[Path], owner: User) -> Spent:
    files = FoundFiles(tuple(Source(path, named=True) for path in paths))
    started = spent_so_far()
    report = import_files(files, owner=owner, labels=Labels(), by=OPERATOR)
    if report.failed:
        raise RuntimeError(f"{len(report.failed)} of {len(paths)} pictures failed: {report.failed[0]}")
    return spent_so_far() - started


def bench_import(paths: list[Path], encoder: Encoder, owner: User) -> dict[str, Any]:
    imported = alone = Spent()
    for chunk in chunks(paths):
        alone += encode_alone(chunk, encoder)
        imported += import_all(chunk, owner)
    count = len(paths)
    print(f"import              {count / imported.clock:8.1f} pictures/s ({count} pictures)")
    print(f"encoder alone       {count / alone.clock:8.1f} pictures/s")
    print(f"import / encoder    {alone.clock / imported.clock:8.2f}")
    print(f"of processor time   {alone.processor / imported.processor:8.2f}")
    return {
        "pictures": count,
        "imported_per_second": count / imported.clock,
        "encoded_per_second": count / alone.clock,
        "processor_ratio": alone.processor / imported.processor,
    }


def bench_text_search(encoder: Encoder, owner: User) -> dict[str, Any]:
    whole, encoding = [], []
    for number in range(REPEATS):
        for text in QUERIES:  # a text of its own each time: a repeated one would not be encoded again
            started = time.perf_counter()
            encoder.encode_texts([f"{text} {number}"])
            encoding.append(time.perf_counter() - started)
            started = time.perf_counter()
            find_images(request_for(f"{number} {text}"), by=acting(owner))
            whole.append(time.perf_counter() - started)
    whole_ms, encoding_ms = statistics.median(whole) * 1000, statistics.median(encoding) * 1000
    print(f"search by text      {whole_ms:8.1f} ms (median of {len(whole)})")
    print(f"encoding the text   {encoding_ms:8.1f} ms")
    print(f"beyond encoding     {whole_ms - encoding_ms:8.1f} ms")
    return {"search_ms": whole_ms, "encoding_ms": encoding_ms}


def bench_pictures() -> dict[str, Any]:
    call_command("migrate", verbosity=0)
    owner = User.objects.create_user("bench")
    encoder = current_encoder()
    with pictures()[0].open("rb") as file:  # loads the weights and starts the threads
        encoder.encode_images([load_pixels(file, limits=decode_limits())])
    encoder.encode_texts(["warm up"])
    found = bench_import(pictures(), encoder, owner)
    with tempfile.TemporaryDirectory(prefix="imagesearch-bench-large-") as folder:
        print("pictures of 12 megapixels")
        large = bench_import(large_pictures(Path(folder)), encoder, owner)
    return {**found, "large": large, **bench_text_search(encoder, owner)}
