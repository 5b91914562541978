"""Kill imports and exports of a testbed folder: python -m tests.crash.testbed_kills FOLDER KILLS.

Prints one JSON object.
"""

import json
import random
import shutil
import sys
import time
from pathlib import Path

import numpy as np

from tests.crash import library  # sets Django up

# isort: split
from gallery.encoders import registry
from gallery.models import OPERATOR, Image, Job
from gallery.search_index import reset_search_index, search_index
from gallery.services import import_pipeline
from gallery.services.curation import delete_forever
from gallery.services.maintenance import verify
from gallery.testbed.folder_writing import VectorsWriter
from tests.crash.children import finished, kill_when
from tests.crash.import_kills import import_moments, kill_at
from tests.testbed_folder import ClipOfTheTestbed, Testbed

SECONDS_PER_PICTURE = 0.01  # of an export, so that there are moments to kill at


def write_slowly() -> None:
    real = VectorsWriter.add

    def add(writer: VectorsWriter, vector: np.ndarray) -> int:
        time.sleep(SECONDS_PER_PICTURE)
        return real(writer, vector)

    VectorsWriter.add = add


def assert_library_is_that_of(old: Testbed) -> None:
    """Every picture is there once, with its own words and its own vector; nothing waits and nothing is wrong."""
    found = verify()
    assert (found.ok, found.problems, found.pending, found.failed) == (True, (), 0, 0)
    assert Image.objects.count() == found.indexed == len(old.index["images"])
    reset_search_index()
    for image in Image.objects.all():
        entry = old.index["images"][image.md5]
        assert (image.original_name, image.description) == (entry["original_name"], entry["description"])
        assert image.created_at.replace(tzinfo=None).isoformat() == entry["created_at"]
        assert sorted(tag.name for tag in image.tags.all()) == sorted(entry["tags"])
        vector = search_index().vectors([image.pk])[1][0]
        assert np.array_equal(vector, old.embeddings[entry["embedding_index"]])


def kill_imports(folder: Path, kills: int) -> int:
    """Kill an import at moments spread over its length, each time of an empty library; say how many were half-way."""
    old = Testbed(folder)

    def bring_in() -> None:
        library.run_quietly("import_testbed", str(folder))

    usual_seconds = finished(bring_in)
    died_half_way, pictures = 0, len(old.index["images"])
    for moment in import_moments(kills, pictures=pictures, usual_seconds=usual_seconds, seed=3):
        delete_forever(Image.objects.all(), by=OPERATOR)
        kill_at(moment, bring_in)
        died_half_way += 0 < Image.objects.count() < pictures or Image.objects.pending().exists()
        finished(bring_in)
        assert_library_is_that_of(old)
    assert set(Job.objects.values_list("status", flat=True)) <= {"finished", "interrupted"}
    return died_half_way


def kill_exports(target: Path, images: int, kills: int) -> int:
    """Kill an export likewise: its folder is whole or not there; return how many died half-way."""
    source, died_half_way = random.Random(4), 0

    def write() -> None:
        library.run_quietly("export_testbed", str(target))

    def written() -> list[Path]:
        return list(target.parent.glob(".*.imagesearch-export/*"))

    for _ in range(kills):
        shutil.rmtree(target, ignore_errors=True)
        files = source.randint(1, images)
        kill_when(lambda files=files: len(written()) >= files, write, seconds=source.random() * SECONDS_PER_PICTURE)
        died_half_way += bool(written())
        if not target.exists():
            finished(write)
        assert len(Testbed(target).embeddings) == images
        assert len(list(target.iterdir())) == images + 2
    return died_half_way


def main(folder: Path, kills: int) -> None:
    import_pipeline.VECTORS_PER_COMMIT = 3  # many commits in one run, so that there are many moments to die at
    library.begin(ClipOfTheTestbed(), encoder="clip", embed_batch_size=2)
    encoder = ClipOfTheTestbed()
    registry.use_encoder(encoder, registry.pinned_options(encoder.key.id, encoder.key.revision))
    write_slowly()
    imports = kill_imports(folder, kills)
    exports = kill_exports(folder.parent / "out", Image.objects.count(), kills)
    print(json.dumps({"kills": kills, "imports_half_way": imports, "exports_half_way": exports}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
