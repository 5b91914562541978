"""Kill an import at many moments: python -m tests.crash.many_kills FOLDER KILLS. Prints one JSON object.

A process of its own: it forks, which is safe only where no other thread may hold a lock. The encoder costs nothing, so
that a run is short and the moments lie close together. State lies in IMAGESEARCH_DATA_DIR, which must be empty.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

import numpy as np
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from gallery.conf import gallery
from gallery.encoders import registry
from gallery.models import OPERATOR, Image, ImportJob, User
from gallery.services.curation import delete_forever
from gallery.services.maintenance import verify
from tests.quick_encoder import QuickEncoder


def moments(n: int, longest_seconds: float, *, earliest_seconds: float = 0.0, seed: int) -> Iterator[float]:
    """Yield random moments, spread over the whole run so that no part of it is left out."""
    source, width = random.Random(seed), (longest_seconds - earliest_seconds) / n
    yield from (earliest_seconds + width * (step + source.random()) for step in range(n))


def readable_rows(data_dir: Path) -> int:
    """Return the number of rows that NumPy, which knows nothing of us, reads; every one whole."""
    path = data_dir / "vectors" / "embeddings-1.npy"
    if not path.exists():
        return 0
    matrix = np.load(path)
    lengths = np.linalg.norm(matrix, axis=1)
    assert ((np.abs(lengths - 1) < 1e-3) | (lengths == 0)).all()
    return len(matrix)


def in_child(work: Callable[[], object]) -> int:
    connections.close_all()  # a connection must not be shared with a child
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    except BaseException:  # noqa: BLE001 -- nothing of the parent may run on in the child
        os._exit(1)
    os._exit(0)


@dataclass(frozen=True)
class Moment:
    """When to kill a run: so many seconds after it has stored so many pictures."""

    pictures: int
    seconds: float


def import_moments(kills: int, *, pictures: int, usual_seconds: float, seed: int) -> Iterator[Moment]:
    """Yield moments of an import: a third anywhere in it, also while it starts, the others while it stores."""
    source = random.Random(seed)
    anywhere = moments((kills + 2) // 3, usual_seconds, seed=seed)
    for step in range(kills):
        if step % 3 == 0:
            yield Moment(0, next(anywhere))
        else:
            yield Moment(source.randint(1, pictures - 1), source.random() * 0.02)


def kill_at(moment: Moment, work: Callable[[], object]) -> None:
    """Run it in a child and kill that, if it has not ended before."""
    pid = in_child(work)
    while Image.objects.count() < moment.pictures:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return
        time.sleep(0.002)
    time.sleep(moment.seconds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def kill_many_times(folder: Path, *, kills: int) -> int:
    """Kill an import at moments spread over its length, each time of an empty library; run it again each time.

    Return how many imports died half-way. Any assertion that fails ends the process with a traceback.
    """
    n_pictures = len(list(folder.iterdir()))

    def bring_in() -> None:
        with open(os.devnull, "w") as nowhere:
            call_command("import_images", str(folder), "--owner", "alice", verbosity=0, stdout=nowhere)

    def seconds_undisturbed() -> float:
        delete_forever(Image.objects.all(), by=OPERATOR)
        started = time.monotonic()
        assert os.waitpid(in_child(bring_in), 0)[1] == 0
        return time.monotonic() - started

    usual_seconds = min(seconds_undisturbed() for _run in range(3))  # the first one also warms the disk's cache
    died_half_way = 0
    for moment in import_moments(kills, pictures=n_pictures, usual_seconds=usual_seconds, seed=2):
        delete_forever(Image.objects.all(), by=OPERATOR)
        kill_at(moment, bring_in)
        readable_rows(gallery().data_dir)
        died_half_way += 0 < Image.objects.count() < n_pictures or Image.objects.pending().exists()

        assert os.waitpid(in_child(bring_in), 0)[1] == 0

        found = verify()
        assert (found.ok, found.problems) == (True, ())
        assert (found.indexed, found.pending, found.failed) == (n_pictures, 0, 0)
        assert Image.objects.values("md5").distinct().count() == Image.objects.count() == n_pictures
        assert readable_rows(gallery().data_dir) >= n_pictures
    assert set(ImportJob.objects.values_list("status", flat=True)) <= {"finished", "interrupted"}
    return died_half_way


def main(folder: Path, kills: int) -> None:
    settings.GALLERY["embed_batch_size"] = 2  # many commits in one run, so that there are many moments to die at
    registry.use_encoder(QuickEncoder())
    call_command("migrate", verbosity=0, skip_checks=True)
    User.objects.create_user("alice")
    print(json.dumps({"kills": kills, "died_half_way": kill_many_times(folder, kills=kills)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
