"""What importing costs beside encoding alone, and searching beside encoding the query.

Everything runs in one process on a temporary library. The two sides take turns on the same pictures, so that a noisy
machine slows both. Pictures come from IMAGESEARCH_TEST_PHOTOS, else from the samples.
"""

import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .environment import set_up

set_up()

from django.conf import settings
from django.core.management import call_command

from gallery.encoders.base import Encoder
from gallery.imaging import load_pixels
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


def pictures() -> list[Path]:
    folder = Path(os.environ.get("IMAGESEARCH_TEST_PHOTOS", settings.BASE_DIR.parent / "shared" / "photos"))
    if folder.is_dir():
        return sorted(path for path in folder.iterdir() if path.is_file())
    return [sample_path(sample) for sample in SAMPLES]


def chunks(paths: list[Path]) -> Iterator[list[Path]]:
    for start in range(0, len(paths), CHUNK):
        yield paths[start : start + CHUNK]


def encode_alone(paths: list[Path], encoder: Encoder) -> float:
    """Return the seconds that encoding takes when the pictures are decoded already."""
    opened = []
    for path in paths:
        with path.open("rb") as file:
            opened.append(load_pixels(file, limits=decode_limits()))
    started = time.perf_counter()
    for start in range(0, len(opened), 16):
        encoder.encode_images(opened[start : start + 16])
    return time.perf_counter() - started


def bench_import(encoder: Encoder, owner: User) -> dict[str, Any]:
    imported = alone = 0.0
    count = 0
    for chunk in chunks(pictures()):
        alone += encode_alone(chunk, encoder)
        imported += import_files(
            FoundFiles(tuple(Source(path, named=True) for path in chunk)), owner=owner, labels=Labels(), by=OPERATOR
        ).seconds
        count += len(chunk)
    print(f"import              {count / imported:8.1f} pictures/s ({count} pictures)")
    print(f"encoder alone       {count / alone:8.1f} pictures/s")
    print(f"import / encoder    {alone / imported:8.2f}")
    return {"pictures": count, "imported_per_second": count / imported, "encoded_per_second": count / alone}


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
    return {**bench_import(encoder, owner), **bench_text_search(encoder, owner)}
