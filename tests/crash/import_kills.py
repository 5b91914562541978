"""Kill an import at many moments: python -m tests.crash.import_kills FOLDER KILLS. Prints one JSON object.

The encoder costs nothing, so that a run is short and the moments lie close together.
"""

import json
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.crash import library  # sets Django up

# isort: split
from gallery.conf import gallery
from gallery.models import OPERATOR, Image, Job
from gallery.services.curation import delete_forever
from gallery.services.maintenance import verify
from tests.crash.children import finished, kill_when, moments
from tests.quick_encoder import QuickEncoder


def readable_rows(data_dir: Path) -> int:
    """Return the number of rows that NumPy, which knows nothing of us, reads; every one whole."""
    path = data_dir / "vectors" / "embeddings-1.npy"
    if not path.exists():
        return 0
    matrix = np.load(path)
    lengths = np.linalg.norm(matrix, axis=1)
    assert ((np.abs(lengths - 1) < 1e-3) | (lengths == 0)).all()
    return len(matrix)


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
    kill_when(lambda: Image.objects.count() >= moment.pictures, work, seconds=moment.seconds)


def kill_many_times(folder: Path, *, kills: int) -> int:
    """Kill an import at moments spread over its length, each time of an empty library; run it again each time.

    Return how many imports died half-way. Any assertion that fails ends the process with a traceback.
    """
    n_pictures = len(list(folder.iterdir()))

    def bring_in() -> None:
        library.run_quietly("import_images", str(folder))

    def seconds_undisturbed() -> float:
        delete_forever(Image.objects.all(), by=OPERATOR)
        return finished(bring_in)

    usual_seconds = min(seconds_undisturbed() for _run in range(3))  # the first one also warms the disk's cache
    died_half_way = 0
    for moment in import_moments(kills, pictures=n_pictures, usual_seconds=usual_seconds, seed=2):
        delete_forever(Image.objects.all(), by=OPERATOR)
        kill_at(moment, bring_in)
        readable_rows(gallery().data_dir)
        died_half_way += 0 < Image.objects.count() < n_pictures or Image.objects.pending().exists()

        finished(bring_in)

        found = verify()
        assert (found.ok, found.problems) == (True, ())
        assert (found.indexed, found.pending, found.failed) == (n_pictures, 0, 0)
        assert Image.objects.values("md5").distinct().count() == Image.objects.count() == n_pictures
        assert readable_rows(gallery().data_dir) >= n_pictures
    assert set(Job.objects.values_list("status", flat=True)) <= {"finished", "interrupted"}
    return died_half_way


def main(folder: Path, kills: int) -> None:
    library.begin(QuickEncoder(), embed_batch_size=2)  # many commits in one run: many moments to die at
    print(json.dumps({"kills": kills, "died_half_way": kill_many_times(folder, kills=kills)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
