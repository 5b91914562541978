"""Random changes by four processes, some killed: what is kept of who finds what is always what the database says."""

CHANGES = 150  # `python -m tests.crash.access_soak 10000` takes minutes


def test_what_is_kept_is_what_the_database_says(report_of):
    report = report_of("access_soak", CHANGES)

    assert report["failed"] == []
    assert (report["wrong"], report["first_wrong"]) == (0, [])
    assert report["changes"] >= CHANGES
    assert report["killed"] >= CHANGES // 40
    assert min(report["compared"].get(kind, 0) for kind in ("between", "paused", "log")) >= CHANGES // 40
    assert report["answered_by"]["columns"] > report["answered_by"]["database"]
