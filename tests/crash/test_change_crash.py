"""`kill -9` of a change of the model, under load and at every named moment: no search fails, is empty or mixed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings

PICTURES = 120
# passed only where pictures are deleted or a damaged file is mended: see test_index_crash and test_store_crash
ELSEWHERE = {
    "after_cleared_checksums_before_sync",
    "after_cleared_rows_before_checksums",
    "after_cleared_rows_before_sync",
    "after_missing_checksums_before_sync",
    "after_restored_header_before_sync",
    "between_cleared_rows",
}


def report_of(data_dir: Path, *arguments: object) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.crash.change_kills", *map(str, arguments)],
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


def test_three_kills_of_a_change_under_load(data_dir):
    report = report_of(data_dir, "load", PICTURES)

    assert (report["failed"], report["faults"], report["failed_writes"]) == ([], {}, [])
    assert (report["encoder"], report["counts"], report["problems"]) == ("clip:wide", [0, 0, 0], [])
    assert report["resumed"] == sorted(report["resumed"])
    assert report["resumed"][0] >= PICTURES * 0.2
    assert set(report["answers"]) == {"offline", "clip:wide"}  # else the readers did not see the switch
    assert min(report["answers"].values()) > 10
    assert report["writes"] > 10


def test_a_kill_of_a_change_at_every_named_moment(data_dir):
    report = report_of(data_dir, "points")

    assert set(report["points"]) - set(report["deaths"]) == ELSEWHERE
