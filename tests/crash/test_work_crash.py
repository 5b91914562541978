"""Workers that are killed, or work beside each other and beside an import: every picture is embedded, and once."""

from pathlib import Path

from tests.conftest import drawn_picture

N_PICTURES = 24
SOUND = {"waiting": 0, "failed": 0, "problems": [], "claims": 0}
WHOLE = SOUND | dict.fromkeys(("searchable", "rows", "rows_of_pictures"), N_PICTURES)


def test_workers_killed_at_random_moments_lose_and_double_nothing(report_of):
    report = report_of("work_kills", "kills", N_PICTURES, 6)

    assert report.pop("encoded") >= N_PICTURES  # what was encoded and not committed is encoded once more
    assert report.pop("half_done") >= 1  # else the moments were badly chosen and the test says nothing
    assert report.pop("rows") >= N_PICTURES  # a kill between file and database leaves rows that nothing refers to
    assert report == SOUND | {"searchable": N_PICTURES, "rows_of_pictures": N_PICTURES}


def test_three_workers_share_without_doubling(report_of):
    report = report_of("work_kills", "together", N_PICTURES)

    assert report == WHOLE | {"ended_well": [True] * 3, "at_work": 3, "encoded": N_PICTURES}


def test_import_beside_a_worker_encodes_nothing_twice(report_of, tmp_path: Path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(N_PICTURES):
        (folder / f"{number}.png").write_bytes(drawn_picture(f"hsl({number * 15}, 70%, 50%)"))

    report = report_of("work_kills", "import", folder)

    assert report == WHOLE | {"ended_well": True, "encoded": N_PICTURES}


def test_worker_goes_on_with_what_a_killed_one_left(report_of):
    """Nobody starts anything: the claims of the dead are freed by whoever works."""
    report = report_of("work_kills", "left", N_PICTURES)

    assert report.pop("encoded") == N_PICTURES  # the first batch is tried in a process of its own, which logs nothing
    assert report == WHOLE | {"killed": True, "ended_well": True}


def test_worker_killed_while_it_reads_a_picture(report_of):
    report = report_of("work_kills", "reading", 12)

    whole = dict.fromkeys(("searchable", "rows", "rows_of_pictures", "encoded", "read"), 12)
    assert report == SOUND | whole | {"killed": True, "half_done": True}
