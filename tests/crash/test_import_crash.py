"""`kill -9` while pictures are brought in, at any moment: the next run finishes the work, each picture once."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connections

from gallery.models import Image, ImportJob
from gallery.services.curation import delete_forever
from gallery.services.maintenance import verify
from tests.conftest import drawn_picture, sample_bytes
from tests.integration.test_commands import manage

SAMPLES = (
    "chelsea.png",
    "coffee.png",
    "rocket.jpg",
    "astronaut.png",
    "camera.png",
    "brick.png",
    "coins.png",
    "page.png",
)
N_PICTURES = 20


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Twenty pictures: photos, and simple ones of different sizes."""
    folder = tmp_path_factory.mktemp("pictures")
    for name in SAMPLES:
        (folder / name).write_bytes(sample_bytes(name))
    for number in range(N_PICTURES - len(SAMPLES)):
        picture = drawn_picture(f"hsl({number * 30}, 70%, 50%)", size=(200 + 40 * number, 300))
        (folder / f"drawn-{number}.png").write_bytes(picture)
    return folder


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


# The real command, with the real encoder


def start_import(data_dir: Path, pictures: Path) -> subprocess.Popen[bytes]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("IMAGESEARCH_", "DJANGO_"))
    }
    environment |= {"IMAGESEARCH_DATA_DIR": str(data_dir), "IMAGESEARCH_ENCODER": "offline"}
    return subprocess.Popen(
        [sys.executable, "manage.py", "import_images", str(pictures), "--json"],
        cwd=django_settings.BASE_DIR,
        env={**environment, "IMAGESEARCH_EMBED_BATCH_SIZE": "2"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_five_kills_of_the_real_command(pictures, tmp_path):
    """One library, killed again and again while it grows: then one run to the end."""
    data = tmp_path / "data"
    assert manage(data, "migrate", "--verbosity", "0").status == 0
    grown = []
    for seconds in moments(5, 4.5, earliest_seconds=1.0, seed=1):
        process = start_import(data, pictures)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        grown.append(readable_rows(data))

    report = manage(data, "import_images", pictures, "--json").report
    found = manage(data, "verify_index", "--json").report

    assert grown == sorted(grown)
    assert report["failed"] == []
    assert report["added"] + report["duplicates"] == N_PICTURES
    assert (found["ok"], found["problems"]) == (True, [])
    assert (found["indexed"], found["pending"]) == (N_PICTURES, 0)


# Many moments, with an encoder that costs nothing, in forked processes that need no start


def in_child(work: Callable[[], object]) -> int:
    connections.close_all()  # a connection must not be shared with a child
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    except BaseException:  # noqa: BLE001 -- nothing of the parent's pytest may run on in the child
        os._exit(1)
    os._exit(0)


def kill_many_times(folder: Path, data_dir: Path, *, kills: int) -> None:
    """Kill an import at `kills` moments spread over its whole length, each time of an empty library."""

    def bring_in() -> None:
        with open(os.devnull, "w") as nowhere:
            call_command("import_images", str(folder), "--owner", "alice", verbosity=0, stdout=nowhere)

    started = time.monotonic()
    assert os.waitpid(in_child(bring_in), 0)[1] == 0
    longest_seconds = time.monotonic() - started
    died_half_way = 0
    for seconds in moments(kills, longest_seconds, seed=2):
        delete_forever(Image.objects.all())
        pid = in_child(bring_in)
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        readable_rows(data_dir)
        died_half_way += 0 < Image.objects.count() < N_PICTURES or Image.objects.pending().exists()

        assert os.waitpid(in_child(bring_in), 0)[1] == 0

        found = verify()
        assert (found.ok, found.problems) == (True, ())
        assert (found.indexed, found.pending, found.failed) == (N_PICTURES, 0, 0)
        assert Image.objects.values("md5").distinct().count() == Image.objects.count() == N_PICTURES
        assert readable_rows(data_dir) >= N_PICTURES
    assert died_half_way >= kills // 4  # else the moments were badly chosen and the test says nothing
    assert set(ImportJob.objects.values_list("status", flat=True)) <= {"finished", "interrupted"}


@pytest.fixture
def small_batches(alice, quick_encoder, limits_of) -> None:
    """Many commits in one run, so that there are many moments to die at."""
    limits_of(embed_batch_size=2)


def test_ten_kills_at_random_moments(small_batches, pictures, data_dir):
    kill_many_times(pictures, data_dir, kills=10)


@pytest.mark.slow
@pytest.mark.photos
def test_fifty_kills_at_random_moments_on_photos(small_batches, photos, tmp_path, data_dir):
    folder = tmp_path / "photos"
    folder.mkdir()
    for photo in sorted(photos.glob("*.jpg"))[:N_PICTURES]:
        (folder / photo.name).symlink_to(photo)

    kill_many_times(folder, data_dir, kills=50)
