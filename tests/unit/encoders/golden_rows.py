"""What the rows of `offline` were when its revision got its name, as short sketches.

`python -m tests.unit.encoders.golden_rows` adds those of the present revision.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

from gallery.encoders.base import Encoder, Vectors
from gallery.encoders.offline import OfflineEncoder

FILE = Path(__file__).with_name("offline_golden_rows.json")
PICTURES = ("chelsea.png", "coffee.png", "horse.png")  # PNG: no decoder may round its pixels otherwise
TEXTS = ("a cat", "一只猫", "a red car in the snow", "蓝色的杯子")
SKETCH_NUMBERS = 16


def sketches(encoder: Encoder) -> dict[str, str]:
    """Return a sketch for each picture and text, by its name."""
    folder = Path(skimage.__file__).parent / "data"
    pictures = [Image.open(folder / name).convert("RGB") for name in PICTURES]
    rows = np.concatenate([encoder.encode_images(pictures), encoder.encode_texts(TEXTS)])
    lines = (" ".join(f"{number:.5f}" for number in sketch) for sketch in sketched(rows))
    return dict(zip([*PICTURES, *TEXTS], lines, strict=True))


def sketched(rows: Vectors) -> Vectors:
    """Return (len(rows), 16): a random projection that keeps distances, whichever numbers they come from, within a half
    or so (Achlioptas 2003).
    """
    count = rows.shape[1] * SKETCH_NUMBERS
    bits = np.unpackbits(np.frombuffer(hashlib.shake_256(b"golden rows").digest(count // 8), dtype=np.uint8))
    signs = bits.reshape(rows.shape[1], SKETCH_NUMBERS).astype(np.float32) * 2 - 1
    return rows @ signs / np.float32(np.sqrt(SKETCH_NUMBERS))


def kept() -> dict[str, dict[str, str]]:
    """Return the sketches by revision."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def distance(sketch: str, other: str) -> float:
    return float(np.linalg.norm(np.subtract(*([float(number) for number in one.split()] for one in (sketch, other)))))


if __name__ == "__main__":
    encoder, known = OfflineEncoder(), kept()
    if encoder.key.revision in known:
        raise SystemExit(f"There are rows of {encoder.key.revision}: name another revision in OfflineEncoder.key.")
    known[encoder.key.revision] = sketches(encoder)
    FILE.write_text(json.dumps(known, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
