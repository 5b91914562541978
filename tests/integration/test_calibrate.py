"""Fitting the line of an encoder on labelled pictures, and searches that are judged by it at once."""

import json
import shutil

import pytest
from django.core.management import CommandError, call_command

from gallery.encoders.base import EncoderKey
from gallery.models import OPERATOR
from gallery.retrieval.cutoff import Calibrations
from gallery.services.calibrations import calibrations_of, keep_calibration
from gallery.services.search import find_images
from tests.conftest import drawn_picture
from tests.searches import request_for

COLOURS = ("red", "lime", "blue", "yellow", "black", "white")
SAID = {
    "measure": "deviations",
    "weights": {"intercept": 50.0, "score": 1.0, "best": 0.0, "clarity": 0.0, "threshold": 0.5},
}


@pytest.fixture
def labelled(tmp_path):
    """Some pictures of each colour but red, and queries for all colours."""
    folder = tmp_path / "colours"
    folder.mkdir()
    rows = []
    for colour in COLOURS:
        names = [f"{colour} {number}.png" for number in range(3)] if colour != "red" else []
        for number, name in enumerate(names):
            (folder / name).write_bytes(drawn_picture(colour, size=(20 + number, 20)))
        rows += [{"query": f"{word} {colour}", "lang": "en", "relevant": names} for word in ("all", "a")]
    path = tmp_path / "labelled.json"
    path.write_text(json.dumps({"queries": rows}), encoding="utf-8")
    return path, folder


@pytest.mark.django_db
def test_calibrate_writes_what_searches_use(capsys, quick_encoder, labelled):
    path, folder = labelled
    assert calibrations_of(quick_encoder.key) == Calibrations()

    call_command("calibrate", str(path), "--images", str(folder), "--json")

    report = json.loads(capsys.readouterr().out)
    assert (report["images"], report["queries"], report["measure"]) == (15, 12, "deviations")
    assert set(report["held_out"]["colours"]["en"]) == {"precision", "recall", "f1", "silent", "nothing_confident"}
    assert report["pictures"]["held_out"]["colours"]["pictures"].keys() == report["held_out"]["colours"]["en"].keys()
    fitted = calibrations_of(quick_encoder.key).deviations
    assert fitted.threshold == report["weights"]["threshold"]
    assert calibrations_of(EncoderKey(quick_encoder.key.id, "another")) == Calibrations()


@pytest.mark.django_db
def test_calibrate_fits_on_several_folders(capsys, quick_encoder, labelled, tmp_path):
    path, folder = labelled
    other = shutil.copytree(folder, tmp_path / "others")

    call_command("calibrate", str(path), str(path), "--images", str(folder), "--images", str(other), "--json")

    report = json.loads(capsys.readouterr().out)
    assert (report["images"], report["queries"]) == (30, 24)
    assert set(report["held_out"]) == set(report["pictures"]["held_out"]) == {"colours", "others"}
    assert calibrations_of(quick_encoder.key).pictures is not None


@pytest.mark.django_db
def test_calibrate_refuses_folders_that_fit_no_files(labelled):
    path, folder = labelled

    with pytest.raises(CommandError, match="--images is given 2 times; it must be once, or 3 times"):
        call_command("calibrate", *[str(path)] * 3, "--images", str(folder), "--images", str(folder))


@pytest.mark.django_db
def test_calibrate_needs_queries_about_the_pictures(labelled, tmp_path):
    path, folder = labelled
    path.write_text(json.dumps({"queries": [{"query": "red", "lang": "en", "relevant": ["red.png"]}]}), "utf-8")

    with pytest.raises(CommandError, match="0 queries are about these pictures; 10 are needed"):
        call_command("calibrate", str(path), "--images", str(folder))


def test_new_calibration_counts_at_once(alice, upload, quick_encoder):
    upload(alice, "chelsea.png")
    before = find_images(request_for("blue"), by=OPERATOR)

    keep_calibration(quick_encoder.key, SAID)

    after = find_images(request_for("blue"), by=OPERATOR)
    assert [result.confident for result in before.results] == [False]
    assert [result.confident for result in after.results] == [True]


def test_damaged_calibration_is_none(quick_encoder):
    keep_calibration(quick_encoder.key, SAID).write_text("{", encoding="utf-8")

    assert calibrations_of(quick_encoder.key) == Calibrations()
