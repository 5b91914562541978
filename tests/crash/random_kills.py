"""Two importers of one library, killed again and again: python -m tests.crash.random_kills FOLDER KILLS [ENCODER].

Prints one JSON object. At random moments one of their processes, or all that one of them has begun, is killed; who ends
is started again. A library that is whole is emptied, so that there is always work. One picture beside those of FOLDER
truly ends its process. ENCODER is `quick` (the default) or `offline`. State lies in IMAGESEARCH_DATA_DIR, which must be
empty, and in the database of IMAGESEARCH_DATABASE_URL, if there is one.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.crash import library  # sets Django up

# isort: split
from django.db.models import Q

from gallery.conf import gallery
from gallery.models import OPERATOR, Image
from gallery.services.curation import delete_forever
from tests.conftest import drawn_picture
from tests.waiting import until

IMPORTERS = 2
CULPRIT, CULPRITS_COLOUR = "culprit.png", "blue"
MEAN_SECONDS = {"quick": 2.0, "offline": 4.5}  # between two kills: about what an importer needs to begin
MODES = ("importer", "one of its children", "all of its processes")


class Importer:
    """One importer, started again whenever it ends."""

    def __init__(self, encoder: str, folder: Path, log: Path) -> None:
        self._command = [sys.executable, "-m", "tests.crash.killed_importer", encoder, str(folder)]
        self._log = log
        self.starts = 0
        self.start()

    def start(self) -> None:
        self.starts += 1
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)

    def start_if_ended(self) -> None:
        if self.process.poll() is not None:
            self.start()

    def kill(self, mode: str) -> str:
        """Kill some of it and return what it was."""
        children = _children_of(self.process.pid)
        if mode == "importer" or not children:
            self.process.kill()
            return "importer"
        victims = children if mode != "one of its children" else [random.choice(children)]
        if mode == "all of its processes":
            victims = [self.process.pid, *children]
        for victim in victims:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        return mode


def _children_of(pid: int) -> list[int]:
    with suppress(OSError):
        tasks = Path(f"/proc/{pid}/task")
        return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]
    return []


def states() -> Counter[str]:
    return Counter(str(image.search_status) for image in Image.objects.exclude(original_name=CULPRIT))


def kill_many_times(folder: Path, *, kills: int, encoder: str, log: Path) -> dict[str, Any]:
    source = random.Random(5)
    n_pictures = sum(1 for path in folder.rglob("*") if path.is_file()) - 1
    done: Counter[str] = Counter()
    failed, libraries, most_suspects = 0, 0, 0
    importers = [Importer(encoder, folder, log) for _ in range(IMPORTERS)]
    try:
        while done.total() < kills:
            time.sleep(min(source.expovariate(1 / MEAN_SECONDS[encoder]), 4 * MEAN_SECONDS[encoder]))
            victim = source.choice(importers)
            if victim.process.poll() is None:
                done[victim.kill(source.choice(MODES))] += 1
            failed += states()["failed"]
            most_suspects = max(most_suspects, Image.objects.suspects().count())
            if states()["searchable"] == n_pictures:
                libraries += 1
                delete_forever(Image.objects.all(), by=OPERATOR)
            for importer in importers:
                importer.start_if_ended()
        until(lambda: _is_settled(importers, n_pictures), "one run to the end", pause_seconds=0.5)
    finally:
        for importer in importers:
            importer.kill("all of its processes")
            importer.process.wait()
    return {
        "kills": dict(done),
        "starts": sum(importer.starts for importer in importers),
        "pictures": n_pictures,
        "whole_libraries": libraries,
        "most_suspects": most_suspects,
        "processes_that_died_at_pictures": log.read_text().count("A process died while it encoded"),
        "processes_that_ended_at_a_suspect": log.read_text().count("A process was ended by"),
        "healthy_failed_meanwhile": failed,
        "healthy": dict(states()),
        "culprit": _culprit(),
    }


def _is_settled(importers: list[Importer], n_pictures: int) -> bool:
    for importer in importers:
        if importer.process.poll() != 0:
            importer.start_if_ended()
    is_found = Image.objects.filter(Q(original_name=CULPRIT), ~Q(embed_error="")).exists()
    return is_found and Image.objects.count() == n_pictures + 1 and not Image.objects.pending().exists()


def _culprit() -> dict[str, str]:
    image = Image.objects.get(original_name=CULPRIT)
    return {"status": str(image.search_status), "reason": image.failure.message if image.failure else ""}


def main(photos: Path, kills: int, encoder: str = "quick") -> None:
    library.begin()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "pictures"
        folder.mkdir()
        for number, photo in enumerate(sorted(path for path in photos.rglob("*") if path.is_file())):
            (folder / f"{number}{photo.suffix}").symlink_to(photo.resolve())
        (folder / CULPRIT).write_bytes(drawn_picture(CULPRITS_COLOUR))
        print(
            json.dumps(kill_many_times(folder, kills=kills, encoder=encoder, log=gallery().data_dir / "importers.log"))
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
