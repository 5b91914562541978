"""`kill -9` of processes that write to one index: nothing committed is lost, nothing removed is found."""

# passed only where a damaged file is mended: see test_store_crash
IN_REPAIR = {"after_missing_checksums_before_sync", "after_restored_header_before_sync"}


def test_two_hundred_kills_of_two_concurrent_writers(report_of):
    report = report_of("index_kills", "random", 200)

    assert report["kills"] == 200
    assert report["version"] > 150  # they lived long enough to write
    assert set(report["problems"]) == {"orphan_vector", "stale_vectors"}  # and died in the middle of it


def test_a_kill_at_every_named_moment(report_of):
    report = report_of("index_kills", "points")

    assert set(report["points"]) - set(report["deaths"]) == IN_REPAIR
    assert sum(report["deaths"].values()) > len(report["points"])
