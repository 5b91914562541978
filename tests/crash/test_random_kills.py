"""Importers that are killed at random leave no healthy picture failed; the one that truly kills them is found.

Hundreds of kills: `python -m tests.crash.random_kills FOLDER 200 offline`.
"""

from tests.conftest import drawn_picture

N_PICTURES = 60
KILLS = 20


def test_random_kills_fail_no_healthy_picture_and_find_the_culprit(report_of, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(N_PICTURES):
        picture = drawn_picture(f"hsl({number * 6}, 70%, 60%)", size=(400 + number, 300))
        (folder / f"{number}.png").write_bytes(picture)

    report = report_of("random_kills", folder, KILLS)

    assert sum(report["kills"].values()) == KILLS
    assert report["processes_that_died_at_pictures"] >= 1  # else nobody was suspected and the test says nothing
    assert (report["healthy_failed_meanwhile"], report["healthy"]) == (0, {"searchable": N_PICTURES})
    assert report["culprit"]["status"] == "failed"
    assert "was ended by the signal SIGSEGV, 3 times" in report["culprit"]["reason"]
