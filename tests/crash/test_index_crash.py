"""`kill -9` of processes that write to one index: nothing committed is lost, nothing removed is found."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings

# passed only where a damaged file is mended: see test_store_crash
IN_REPAIR = {"after_missing_checksums_before_sync", "after_restored_header_before_sync"}


def report_of(data_dir: Path, *arguments: object) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.crash.index_kills", *map(str, arguments)],
        cwd=django_settings.BASE_DIR,
        env={**os.environ, "IMAGESEARCH_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    report: dict[str, Any] = json.loads(ran.stdout)
    return report


def test_two_hundred_kills_of_two_concurrent_writers(data_dir):
    report = report_of(data_dir, "random", 200)

    assert report["kills"] == 200
    assert report["version"] > 150  # they lived long enough to write
    assert set(report["problems"]) == {"orphan_vector", "stale_vectors"}  # and died in the middle of it


def test_a_kill_at_every_named_moment(data_dir):
    report = report_of(data_dir, "points")

    assert set(report["points"]) - set(report["deaths"]) == IN_REPAIR
    assert sum(report["deaths"].values()) > len(report["points"])
