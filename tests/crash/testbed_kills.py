"""Kill imports and exports of a testbed folder: python -m tests.crash.testbed_kills FOLDER KILLS. Prints a JSON object.

A process of its own, for the reasons that `many_kills` gives. State lies in IMAGESEARCH_DATA_DIR, which must be empty.
"""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.crash.many_kills import import_moments, in_child, kill_at, moments  # sets Django up

# isort: split
import numpy as np
from django.conf import settings
from django.core.management import call_command

from gallery.encoders import registry
from gallery.models import OPERATOR, Image, ImportJob, User
from gallery.search_index import reset_search_index, search_index
from gallery.services.curation import delete_forever
from gallery.services.maintenance import verify
from gallery.testbed import importing
from tests.testbed_folder import ClipOfTheTestbed, Testbed


def quietly(command: str, *words: str) -> None:
    with open(os.devnull, "w") as nowhere:
        call_command(command, *words, "--owner", "alice", verbosity=0, stdout=nowhere)


def seconds_of(work: Callable[[], object]) -> float:
    started = time.monotonic()
    assert os.waitpid(in_child(work), 0)[1] == 0
    return time.monotonic() - started


@contextmanager
def killed_after(seconds: float, work: Callable[[], object]) -> Iterator[None]:
    pid = in_child(work)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    yield


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
        quietly("import_testbed", str(folder))

    usual_seconds = seconds_of(bring_in)
    died_half_way, pictures = 0, len(old.index["images"])
    for moment in import_moments(kills, pictures=pictures, usual_seconds=usual_seconds, seed=3):
        delete_forever(Image.objects.all(), by=OPERATOR)
        kill_at(moment, bring_in)
        died_half_way += 0 < Image.objects.count() < pictures or Image.objects.pending().exists()
        seconds_of(bring_in)
        assert_library_is_that_of(old)
    assert set(ImportJob.objects.values_list("status", flat=True)) <= {"finished", "interrupted"}
    return died_half_way


def kill_exports(target: Path, images: int, kills: int) -> int:
    """Kill an export likewise: its folder is whole or not there; return how many died half-way."""

    def write() -> None:
        quietly("export_testbed", str(target))

    usual_seconds = seconds_of(write)
    died_half_way = 0
    for seconds in moments(kills, usual_seconds, seed=4):
        shutil.rmtree(target, ignore_errors=True)
        with killed_after(seconds, write):
            died_half_way += any(target.parent.glob(".*.imagesearch-export"))
        if not target.exists():
            seconds_of(write)
        assert len(Testbed(target).embeddings) == images
        assert len(list(target.iterdir())) == images + 2
    return died_half_way


def main(folder: Path, kills: int) -> None:
    settings.GALLERY |= {"encoder": "clip", "embed_batch_size": 2}
    importing.VECTORS_PER_COMMIT = 3  # many commits in one run, so that there are many moments to die at
    encoder = ClipOfTheTestbed()
    for options in (registry.DEFAULT_OPTIONS, registry.pinned_options(encoder.id, encoder.revision)):
        registry.use_encoder(encoder, options)
    call_command("migrate", verbosity=0, skip_checks=True)
    User.objects.create_user("alice")
    imports = kill_imports(folder, kills)
    exports = kill_exports(folder.parent / "out", Image.objects.count(), kills)
    print(json.dumps({"kills": kills, "imports_half_way": imports, "exports_half_way": exports}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
