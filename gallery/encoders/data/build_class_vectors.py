"""Write imagenet_classes.json and class_vectors.npy: `python -m gallery.encoders.data.build_class_vectors TIMM_FOLDER`.

TIMM_FOLDER is an unpacked timm wheel (`pip download --no-deps timm`). Without it, only the vectors are made again.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gallery.encoders.offline import CLASS_VECTORS_FILE, load_sentence_encoder

CLASSES_FILE = CLASS_VECTORS_FILE.with_name("imagenet_classes.json")


def read_timm(folder: Path) -> list[dict[str, Any]]:
    """Return the 1000 classes in the order of the network's outputs, with their WordNet names and definition."""
    info = folder / "timm" / "data" / "_info"
    names = _read_table(info / "imagenet_synset_to_lemma.txt")
    definitions = _read_table(info / "imagenet_synset_to_definition.txt")
    synsets = (info / "imagenet_synsets.txt").read_text().split()
    return [{"synset": s, "names": names[s].split(", "), "definition": definitions[s]} for s in synsets]


def class_vectors(classes: list[dict[str, Any]]) -> npt.NDArray[np.float32]:
    """Return (1000, 512) float32 unit rows: the mean of the sentence vectors of two descriptions of each class.

    The short one is its first name with what kind of thing it is; the long one has all names and the whole definition.
    """
    sentences = load_sentence_encoder()
    rows = sentences.encode([_short(entry) for entry in classes]) + sentences.encode(
        [_long(entry) for entry in classes]
    )
    unit_rows: npt.NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit_rows


def _short(entry: dict[str, Any]) -> str:
    kind = entry["definition"].split(";")[0].split(",")[0]
    return f"{entry['names'][0]}, {kind}"


def _long(entry: dict[str, Any]) -> str:
    return f"{', '.join(entry['names'])}: {entry['definition']}"


def _read_table(path: Path) -> dict[str, str]:
    return dict(line.split("\t", 1) for line in path.read_text(encoding="utf-8").splitlines())


def main() -> None:
    if len(sys.argv) > 1:
        lines = [json.dumps(entry, ensure_ascii=False) for entry in read_timm(Path(sys.argv[1]))]
        CLASSES_FILE.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    classes = json.loads(CLASSES_FILE.read_text(encoding="utf-8"))
    np.save(CLASS_VECTORS_FILE, class_vectors(classes).astype(np.float16))  # 1 MB; float32 ranks the same


if __name__ == "__main__":
    main()
