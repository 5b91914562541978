"""Random changes by four processes, some killed: what is kept of who finds what is always what the database says."""

import pytest


@pytest.mark.parametrize("changes", [150, pytest.param(10_000, marks=pytest.mark.slow)])
def test_what_is_kept_is_what_the_database_says(report_of, changes):
    report = report_of("access_soak", changes)

    assert report["failed"] == []
    assert (report["wrong"], report["first_wrong"]) == (0, [])
    assert report["changes"] >= changes
    assert report["killed"] >= changes // 40
    assert min(report["compared"].get(kind, 0) for kind in ("between", "paused", "log")) >= changes // 20
    assert report["answered_by"]["columns"] > report["answered_by"]["database"]
