"""The learning project (testbed) in few lines: how it writes its folder, and how it loads and searches it."""

import hashlib
import json
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from tests.quick_encoder import QuickEncoder

DIMENSION = 512
Index = dict[str, Any]


class ClipOfTheTestbed(QuickEncoder):
    """Colours as 512 numbers, under the name of the testbed's model; another `seed` is another model."""

    dimension = DIMENSION

    def __init__(self, seed: int = 0) -> None:
        super().__init__("clip:openai/clip-vit-base-patch32", f"seed-{seed}")
        turned = np.random.default_rng(seed).normal(size=(DIMENSION, QuickEncoder.dimension))
        self._turned = np.linalg.qr(turned)[0]  # keeps lengths and angles

    def _vector(self, image: PillowImage.Image) -> npt.NDArray[np.float32]:
        return (self._turned @ super()._vector(image)).astype(np.float32)


class Testbed:
    """Loads and searches a folder just as the testbed does."""

    __test__ = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index: Index = json.loads((folder / "image_index.json").read_text(encoding="utf-8"))
        self.embeddings = np.load(folder / "image_embeddings.npy")

    def search(self, vector: npt.NDArray[np.float32], top: int = 5) -> list[str]:
        """Return the MD5s of the best pictures, the best first."""
        similarities = self.embeddings @ vector
        by_row = {image["embedding_index"]: md5 for md5, image in self.index["images"].items()}
        return [by_row[int(row)] for row in np.argsort(similarities)[::-1][:top]]


def write_folder(
    folder: Path, pictures: dict[str, bytes], encoder: QuickEncoder, *, description: str = "", tags: Sequence[str] = ()
) -> Path:
    """Write a folder as the testbed does: each picture by its MD5, one entry and one row for it."""
    folder.mkdir(parents=True)
    images, rows = {}, []
    for name, content in pictures.items():
        md5 = hashlib.md5(content).hexdigest()
        opened = PillowImage.open(BytesIO(content))
        stored = folder / f"{md5}{Path(name).suffix}"
        stored.write_bytes(content)
        rows.append(encoder.encode_images([opened.convert("RGB")])[0])
        images[md5] = {
            "id": md5,
            "original_name": name,
            "stored_path": f"/home/somebody/testbed/storage/{stored.name}",
            "description": description,
            "tags": list(tags),
            "width": opened.width,
            "height": opened.height,
            "file_size": len(content),
            "format": opened.format,
            "created_at": f"2024-05-06T07:08:09.{1234 + len(rows):06}",
            "embedding_index": len(rows) - 1,
        }
    index = {"images": images, "last_updated": "2024-05-07T00:00:00", "total_images": len(images)}
    (folder / "image_index.json").write_text(json.dumps(index, ensure_ascii=False, indent=2), encoding="utf-8")
    np.save(folder / "image_embeddings.npy", np.array(rows, dtype=np.float32).reshape(-1, DIMENSION))
    return folder


def change_index(folder: Path, change: Callable[[Index], object]) -> None:
    """Let `change` spoil the parsed image_index.json."""
    path = folder / "image_index.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    change(index)
    path.write_text(json.dumps(index), encoding="utf-8")


def entry_named(index: Index, name: str) -> dict[str, Any]:
    return next(entry for entry in index["images"].values() if entry["original_name"] == name)
