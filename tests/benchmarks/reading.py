"""How well pictures are read, how many without text are skipped, and how long it takes.

    python -m tests.benchmarks.reading --images FOLDER [--count 200] [--worked-off 100]

FOLDER has photos. A half of the pictures with text is drawn alone, the other half on photos of FOLDER. What stands on
the photos themselves is known from reading them without the quick look. `--worked-off` pictures, one in five with
text, are brought into a library of its own, embedded and then read by `manage.py work --once`. Prints one JSON object.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from PIL import Image
from rapidfuzz.distance import Levenshtein

from gallery.reading import REVISION, Line, Reader
from tests.benchmarks.rendered_texts import Rendered, rendered_texts

PHOTO_PX = 1_600  # longest side of pictures that are worked off: decoding and looking at them costs what it costs
PROJECT = Path(__file__).parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.reading")
    parser.add_argument("--images", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--count", type=int, default=200, help="pictures with text")
    parser.add_argument("--worked-off", type=int, default=100, help="pictures; 0: none")
    asked = parser.parse_args()
    photos = sorted(path for path in asked.images.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    result: dict[str, Any] = {"reader": REVISION}
    reader = Reader()
    result["texts"] = _texts(reader, rendered_texts(asked.count, photos))
    result["photos"], without_text = _photos(reader, photos)
    if asked.worked_off:
        result["worked_off"] = _worked_off(asked.worked_off, without_text)
    sys.stdout.write(json.dumps(result, ensure_ascii=False, indent=1) + "\n")


def _texts(reader: Reader, rendered: Iterator[Rendered]) -> dict[str, Any]:
    """Read pictures with text as the site does; `lost` are those that the quick look gave up but that can be read."""
    signs = {"plain": 0, "photo": 0}
    found = {"plain": 0, "photo": 0}
    count = lost = 0
    started = time.process_time()
    for each in rendered:
        lines = reader.read(each.picture)
        lost += not lines and bool(reader.read_all(each.picture))
        count += 1
        signs[each.kind] += sum(len(_compared(line)) for line in each.lines)
        found[each.kind] += sum(_signs_found(_compared(line), lines) for line in each.lines)
    return {
        "pictures": count,
        "characters_found": {kind: round(found[kind] / max(signs[kind], 1), 4) for kind in signs},
        "lost_by_skipping": round(lost / max(count, 1), 4),
        "cpu_seconds_a_picture": round((time.process_time() - started) / max(count, 1), 3),
    }


def _photos(reader: Reader, photos: Sequence[Path]) -> tuple[dict[str, Any], list[Path]]:
    """Look at photos, and return those too in which nothing is read."""
    without: list[Path] = []
    skipped = with_text = lost = 0
    looking = 0.0
    for path in photos:
        picture = Image.open(path).convert("RGB")
        started = time.process_time()
        may_have_text = reader.may_have_text(picture)
        looking += time.process_time() - started
        has_text = bool(reader.read_all(picture))
        with_text += has_text
        without += [] if has_text else [path]
        skipped += not has_text and not may_have_text
        lost += has_text and not may_have_text
    told = {
        "without_text": len(without),
        "of_them_skipped": round(skipped / max(len(without), 1), 4),
        "with_some_sign_of_text": with_text,
        "of_them_skipped_though": round(lost / max(with_text, 1), 4),
        "cpu_seconds_of_the_look": round(looking / max(len(photos), 1), 3),
    }
    return told, without


def _compared(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def _signs_found(line: str, read: Sequence[Line]) -> int:
    """Return how many signs of a line are in the most similar one that was read, or in two that follow each other."""
    texts = [_compared(each.text) for each in read]
    texts += [first + second for first, second in pairwise(texts)]
    return max((max(0, len(line) - Levenshtein.distance(line, text)) for text in texts), default=0)


# Worked off


def _worked_off(count: int, photos: Sequence[Path]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="imagesearch-reading-") as folder:
        pictures, data = Path(folder, "pictures"), Path(folder, "data")
        pictures.mkdir()
        _write(pictures, count, photos)
        environment = os.environ | {
            "IMAGESEARCH_DATA_DIR": str(data),
            "IMAGESEARCH_STARTS_WORKER": "off",
            "IMAGESEARCH_READ_TEXT": "on",
            "IMAGESEARCH_ENCODER": "offline",
        }
        _run(environment, "migrate")
        _run(environment, "createsuperuser", "--noinput", "--username", "reader", "--email", "")
        embedding = _timed(environment, "import_images", str(pictures), "--owner", "reader", "--json")
        reading = _timed(environment, "work", "--once", "--json")
    seconds = embedding["seconds"] + reading["seconds"]
    return {
        "pictures": count,
        "embedding_seconds": embedding["seconds"],
        "reading_seconds": reading["seconds"],
        "cpu_seconds_a_picture": {
            "embedding": round(embedding["cpu_seconds"] / count, 3),
            "reading": round(reading["cpu_seconds"] / count, 3),
        },
        "pictures_an_hour": round(3600 * count / seconds),
        "text": reading["answer"]["text"],
    }


def _write(folder: Path, count: int, photos: Sequence[Path]) -> None:
    """Write `count` pictures, one in five with a text, all of them different."""
    texts = (each.picture for each in rendered_texts(2 * count, photos, seed=3) if each.kind == "photo")
    for number in range(count):
        picture = next(texts) if number % 5 == 0 else Image.open(photos[number % len(photos)]).convert("RGB")
        scale = PHOTO_PX / max(picture.size)
        sized = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BICUBIC)
        sized.putpixel((0, 0), (number % 256, number // 256, 0))
        sized.save(folder / f"{number:05}.jpg", quality=90)


def _timed(environment: dict[str, str], *command: str) -> dict[str, Any]:
    """Return the seconds, those of the processors, and what a command answers."""
    before, started = _cpu_seconds(), time.perf_counter()
    answer = _run(environment, *command)
    seconds = time.perf_counter() - started
    return {
        "seconds": round(seconds, 1),
        "cpu_seconds": _cpu_seconds() - before,
        "answer": json.loads(answer),
    }


def _cpu_seconds() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _run(environment: dict[str, str], *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *command], cwd=PROJECT, env=environment, check=True, stdout=subprocess.PIPE
    )
    return done.stdout.decode()


if __name__ == "__main__":
    main()
