"""`kill -9` of a change of the model, under load and at every named moment: no search fails, is empty or mixed."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from django.conf import settings as django_settings

from tests.conftest import drawn_picture
from tests.integration.test_commands import manage
from tests.waiting import until

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


def test_three_kills_of_a_change_under_load(report_of):
    report = report_of("change_kills", "load", PICTURES)

    assert (report["failed"], report["faults"], report["failed_writes"]) == ([], {}, [])
    assert (report["encoder"], report["counts"], report["problems"]) == ("clip:wide", [0, 0, 0], [])
    assert report["resumed"] == sorted(report["resumed"])
    assert report["resumed"][0] >= PICTURES * 0.2
    assert set(report["answers"]) == {"offline", "clip:wide"}  # else the readers did not see the switch
    assert min(report["answers"].values()) > 10
    assert report["writes"] > 10


def test_a_kill_of_a_change_at_every_named_moment(report_of):
    report = report_of("change_kills", "points")

    assert set(report["points"]) - set(report["deaths"]) == ELSEWHERE


# The real command, with the real encoder


def rows_of_the_change(data: Path) -> int:
    with closing(sqlite3.connect(data / "imagesearch.sqlite3", timeout=30)) as database:
        found = database.execute("SELECT row_count FROM gallery_modelchange").fetchone()
    return found[0] if found else 0


def test_a_kill_of_the_real_command_goes_on_where_it_was(tmp_path):
    data, folder = tmp_path / "data", tmp_path / "pictures"
    folder.mkdir()
    for number in range(24):
        (folder / f"{number}.png").write_bytes(drawn_picture(f"hsl({number * 15}, 70%, 50%)", size=(300, 200)))
    assert manage(data, "migrate", "--verbosity", "0").status == 0
    assert manage(data, "import_images", folder, "--json").report["added"] == 24
    ours = ("IMAGESEARCH_", "DJANGO_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "reindex", "--encoder", "offline"],
        cwd=django_settings.BASE_DIR,
        env={**environment, "IMAGESEARCH_DATA_DIR": str(data), "IMAGESEARCH_EMBED_BATCH_SIZE": "2"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: rows_of_the_change(data) >= 4 or process.poll() is not None, "some pictures are done")
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()

    searched = manage(data, "search_images", "red", "--json").report
    report = manage(data, "reindex", "--json").report  # the change that is under way
    found = manage(data, "verify_index", "--json").report

    assert len(searched["results"]) == 10
    assert report["resumed"] >= 4
    assert (report["rows"], report["failed"], report["pending"]) == (24, 0, 0)
    assert (found["ok"], found["indexed"], found["problems"]) == (True, 24, [])
