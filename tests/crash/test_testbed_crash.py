"""`kill -9` while a testbed folder is brought in or written: the next run finishes it, each picture once."""

from tests.conftest import drawn_picture, sample_bytes
from tests.testbed_folder import ClipOfTheTestbed, write_folder

KILLS = 8
SAMPLES = ("chelsea.png", "coffee.png", "rocket.jpg", "astronaut.png", "brick.png")


def test_kills_at_random_moments_lose_and_double_nothing(report_of, tmp_path):
    pictures = {name: sample_bytes(name) for name in SAMPLES}
    pictures |= {f"{hue}.png": drawn_picture(f"hsl({hue}, 70%, 50%)", size=(400, 300)) for hue in range(0, 360, 24)}
    folder = write_folder(tmp_path / "testbed", pictures, ClipOfTheTestbed(), description="一张图", tags=["a", "颜色"])

    report = report_of("testbed_kills", folder, KILLS)

    assert report["kills"] == KILLS
    # else the moments were badly chosen and the test says nothing
    assert report["imports_half_way"] >= KILLS // 4
    assert report["exports_half_way"] >= KILLS // 4
