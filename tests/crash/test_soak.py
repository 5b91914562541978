"""Four readers and two writers on one library: every answer is that of some committed state, in float64."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings as django_settings


@pytest.mark.parametrize("seconds", [10, pytest.param(60, marks=pytest.mark.slow)])
def test_every_answer_is_that_of_a_committed_state(data_dir, seconds):
    ran = subprocess.run(
        [sys.executable, "-m", "tests.crash.soak", str(seconds)],
        cwd=django_settings.BASE_DIR,
        env={**os.environ, "IMAGESEARCH_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    report = json.loads(ran.stdout)

    assert report["failed"] == []
    assert (report["wrong"], report["first_wrong"]) == (0, [])
    assert report["problems"] == []
    assert report["answers"] > 10 * seconds  # else the processes hardly ran, and the test says nothing
    assert report["answers_while_it_changed"] > seconds
    assert report["versions"] > seconds
