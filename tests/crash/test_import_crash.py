"""`kill -9` while pictures are brought in, at any moment: the next run finishes the work, each picture once."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from tests.conftest import drawn_picture, sample_bytes
from tests.crash.import_kills import readable_rows
from tests.integration.test_commands import manage
from tests.waiting import until

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
    source, grown = random.Random(1), [0]
    for _ in range(5):
        process = start_import(data, pictures)
        until(lambda process=process: readable_rows(data) > grown[-1] or process.poll() is not None, "it stores more")
        time.sleep(source.random() * 0.4)
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


# Many moments, with an encoder that costs nothing


def test_ten_kills_at_random_moments(report_of, pictures):
    report = report_of("import_kills", pictures, 10)

    assert report["kills"] == 10
    assert report["died_half_way"] >= 2  # else the moments were badly chosen and the test says nothing


@pytest.mark.slow
@pytest.mark.photos
def test_ten_kills_at_random_moments_on_photos(report_of, photos, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for photo in sorted(photos.glob("*.jpg"))[:N_PICTURES]:
        (folder / photo.name).symlink_to(photo)

    report = report_of("import_kills", folder, 10)

    assert report["kills"] == 10
    assert report["died_half_way"] >= 2
