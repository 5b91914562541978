"""Importers that are killed at random leave no healthy picture failed; the one that truly kills them is found."""

import pytest

from tests.conftest import drawn_picture

N_PICTURES = 60


@pytest.mark.parametrize("kills", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_random_kills_fail_no_healthy_picture_and_find_the_culprit(report_of, tmp_path, kills):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(N_PICTURES):
        picture = drawn_picture(f"hsl({number * 6}, 70%, 60%)", size=(400 + number, 300))
        (folder / f"{number}.png").write_bytes(picture)

    report = report_of("random_kills", folder, kills)

    assert sum(report["kills"].values()) == kills
    assert report["processes_that_died_at_pictures"] >= 1  # else nobody was suspected and the test says nothing
    assert (report["healthy_failed_meanwhile"], report["healthy"]) == (0, {"searchable": N_PICTURES})
    assert report["culprit"]["status"] == "failed"
    assert "was ended by the signal SIGSEGV, 3 times" in report["culprit"]["reason"]
