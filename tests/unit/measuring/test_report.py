"""What `--json` prints and the files of `--report`, from figures that are made by hand."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from gallery.errors import UnwritablePath
from gallery.measuring.quality import Comparison, as_report, make_report_folder, summary, write_report
from gallery.measuring.quality.comparing import EncoderResult
from gallery.measuring.quality.confidence import ConfidenceResult
from gallery.measuring.quality.copies import KINDS
from gallery.measuring.quality.markdown import KIND_LABELS, LABELS
from gallery.measuring.quality.metrics import CUTOFF_METRICS, METRICS
from gallery.measuring.quality.reliability_plot import reliability_diagram

FIRST = [0.5, 0.25, 0.7, 0.6, 0.5, 0.7, 0.6]
SECOND = [0.6, 0.5, 0.9, 0.9, 0.6, 0.9, 0.9]
NO_COPIES, NO_PAIRS = np.empty((0, len(KINDS))), np.empty((0, 1))


def result(encoder_id, values, copies_found=NO_COPIES, similar=NO_PAIRS):
    """Return an encoder whose measures of each query are all one value."""
    rows = np.repeat(np.array(values)[:, np.newaxis], len(METRICS), axis=1)
    reliability = np.zeros((10, 3))
    reliability[9] = [4, 3.8, 3]
    confidence = ConfidenceResult(rows[:, : len(CUTOFF_METRICS)], np.array([1.0, 0.0, 1.0]), reliability)
    return EncoderResult(
        encoder_id,
        "r1",
        512,
        rows,
        similar,
        copies_found,
        confidence,
        pictures_per_second=7.123,
        milliseconds_per_text=2.5,
    )


@pytest.fixture
def comparison():
    """Six English queries and one Chinese, two encoders, eight pictures with copies."""
    found = np.ones((8, len(KINDS)))
    worse = found.copy()
    worse[::2, 0] = 0
    worse[1::2, 1] = 0
    return Comparison(
        images=9,
        languages=("en", "zh", "en", "en", "en", "en", "en"),
        questions=(0, 0, 1, 2, 3, 4, 5),
        similar_lists=(),
        absent_languages=("en", "en", "zh"),
        skipped=1,
        failed=("notes.txt",),
        results=(result("offline", FIRST, worse), result("clip:a|b", SECOND, found)),
    )


def test_report_has_the_first_encoder_at_top_level_and_all_in_a_list(comparison):
    report = as_report(comparison)

    assert {name: report[name] for name in report["encoders"][0]} == report["encoders"][0]
    assert [one["encoder"] for one in report["encoders"]] == ["offline", "clip:a|b"]
    assert (report["encoder"], report["images"], report["queries"]) == ("offline", 9, 7)
    assert report["map"] == report["precision_at_10"] == {"en": 0.6, "zh": 0.25}
    assert report["queries_per_language"] == {"en": 6, "zh": 1}
    assert (report["revision"], report["dimension"]) == ("r1", 512)
    assert report["speed"] == {"pictures_per_second": 7.12, "milliseconds_per_text": 2.5}
    assert (report["skipped_queries"], report["failed"]) == (1, ["notes.txt"])
    assert set(report["intervals"]) == {*METRICS, "cutoff", "absent"}
    low, high = report["intervals"]["map"]["en"]
    assert 0.5 <= low < 0.6 < high <= 0.7
    assert report["intervals"]["map"]["zh"] is None  # of one query


def test_similar_pictures_are_a_mean_over_pairs_whose_interval_draws_lists(comparison):
    first, second = comparison.results
    lists = (0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5)
    found = replace(
        comparison,
        similar_lists=lists,
        results=(
            replace(first, similar=np.array([[0.5, 0.3] * 6]).T),
            replace(second, similar=np.array([[0.5, 0.5] * 6]).T),
        ),
    )

    report = as_report(found)

    assert report["similar"] == {"map": 0.4, "pairs": 12, "interval": [0.4, 0.4]}  # every list has a mean of 0.4
    (gain,) = [row for row in report["differences"] if row["metric"] == "similar"]
    assert (gain["difference"], gain["language"], gain["verdict"]) == (0.1, None, "better")
    assert "| offline | 0.400 (0.400 to 0.400) | 12 |" in summary(report)


def test_without_a_list_of_two_nothing_is_said_of_similar_pictures(comparison):
    report = as_report(comparison)

    assert report["similar"] == {"map": None, "pairs": 0, "interval": None}
    assert "similar" not in {row["metric"] for row in report["differences"]}
    assert "Similar pictures" not in summary(report)


def test_report_says_what_a_search_is_confident_of(comparison):
    report = as_report(comparison)

    assert report["cutoff"] == {
        "en": dict.fromkeys(CUTOFF_METRICS, 0.6),
        "zh": dict.fromkeys(CUTOFF_METRICS, 0.25),
    }
    assert report["absent"] == {
        "en": {"queries": 2, "nothing_confident": 0.5},
        "zh": {"queries": 1, "nothing_confident": 1.0},
    }
    low, high = report["intervals"]["cutoff"]["en"]["precision"]
    assert 0.5 <= low < 0.6 < high <= 0.7
    assert report["intervals"]["absent"] == {"en": None, "zh": None}
    assert report["reliability"] == [{"from": 0.9, "results": 4, "mean_probability": 0.95, "relevant": 0.75}]


def test_report_of_absent_things_alone_has_no_other_figure(comparison):
    alone = [
        replace(one, values=one.values[:0], confidence=replace(one.confidence, values=one.values[:0, :4]))
        for one in comparison.results
    ]

    report = as_report(replace(comparison, languages=(), questions=(), results=tuple(alone)))

    assert (report["map"], report["cutoff"], report["queries"]) == ({}, {}, 0)
    assert report["absent"]["en"]["queries"] == 2
    assert "| en | offline |  |  |  |  | 0.500 of 2 |" in summary(report)


def test_queries_for_the_same_pictures_are_one_question_to_the_interval(comparison):
    report = as_report(replace(comparison, questions=(0, 0, 1, 2, 3, 4, 4)))

    assert report["intervals"]["map"] == {"en": None, "zh": None}
    assert {row["verdict"] for row in report["differences"] if row["metric"] != "copies"} == {"not shown"}


def test_report_says_what_each_further_encoder_gains_over_the_first(comparison):
    rows = {(row["metric"], row["language"]): row for row in as_report(comparison)["differences"]}

    assert set(rows) == {(metric, language) for metric in METRICS for language in ("en", "zh")} | {("copies", None)}
    english, chinese, copies = rows["map", "en"], rows["map", "zh"], rows["copies", None]
    assert (english["encoder"], english["than"]) == ("clip:a|b", "offline")
    assert (english["difference"], english["verdict"]) == (0.2, "better")
    low, high = english["interval"]
    assert 0.1 <= low < 0.2 < high <= 0.3
    assert (chinese["difference"], chinese["interval"], chinese["verdict"]) == (0.25, None, "not shown")
    assert (copies["difference"], copies["interval"], copies["verdict"]) == (0.1, [0.1, 0.1], "better")


def test_report_counts_copies_per_kind(comparison):
    copies = as_report(comparison)["copies"]

    assert copies["pictures"] == 8
    assert copies["recall_at_1"] == {**dict.fromkeys(KINDS, 1.0), KINDS[0]: 0.5, KINDS[1]: 0.5}
    assert (copies["mean"], copies["interval"]) == (0.9, [0.9, 0.9])


def test_report_without_copies_and_of_one_encoder(comparison):
    alone = as_report(replace(comparison, results=(result("offline", FIRST),)))

    assert (alone["copies"], alone["differences"]) == (None, [])
    assert "Copies" not in summary(alone)
    assert "Differences" not in summary(alone)


def test_every_measure_and_every_kind_has_a_label():
    assert set(LABELS) == {*METRICS, "similar", "copies"}
    assert tuple(KIND_LABELS) == KINDS


def test_summary_has_a_table_for_each_question(comparison):
    report = as_report(comparison)

    lines = summary(report).splitlines()

    assert lines[:3] == [
        "9 pictures, 7 queries (en: 6, zh: 1).",
        "Queries without a relevant picture in the folder, left out: 1.",
        "Files that could not be read: 1.",
    ]
    assert [line for line in lines if line.startswith("#")] == [
        "## Text to picture",
        "## What is shown as confident",
        "## How likely a result is called, and how many are relevant",
        "## Differences",
        "## Copies of 8 pictures: the original comes first",
        "## Speed",
    ]
    assert "| zh | clip:a\\|b | " + " | ".join(["0.500"] * len(METRICS)) + " |" in lines
    gain = next(row for row in report["differences"] if (row["metric"], row["language"]) == ("map", "en"))
    low, high = gain["interval"]
    assert f"| clip:a\\|b | offline | en | mAP | +0.200 ({low:+.3f} to {high:+.3f}) | better |" in lines
    assert "| clip:a\\|b | offline | zh | mAP | +0.250 | no difference shown |" in lines
    assert "| clip:a\\|b | offline |  | copies found | +0.100 (+0.100 to +0.100) | better |" in lines
    assert f"| {KIND_LABELS[KINDS[0]]} | 0.500 | 1.000 |" in lines
    assert lines[-2] == "| offline | r1 | 512 | 7.1 | 2.5 |"


def test_report_files_are_the_same_bytes_for_the_same_figures(comparison, tmp_path):
    report = as_report(comparison)
    for name in ("once", "again"):
        make_report_folder(tmp_path / "new" / name)
        write_report(report, tmp_path / "new" / name)

    once, again = (
        {path.name: path.read_bytes() for path in (tmp_path / "new" / n).iterdir()} for n in ("once", "again")
    )
    assert set(once) == {"evaluation.json", "evaluation.md", "evaluation.svg", "reliability.svg"}
    assert once == again
    assert json.loads(once["evaluation.json"]) == report
    assert once["evaluation.md"].decode().startswith("# Evaluation\n\n![Quality per encoder](evaluation.svg)\n\n")
    assert "![How far probabilities hold](reliability.svg)\n\n9 pic" in once["evaluation.md"].decode()
    assert once["evaluation.svg"].startswith(b"<?xml")
    assert b"<dc:date>" not in once["evaluation.svg"]


def test_plot_shows_other_figures_differently(comparison, tmp_path):
    changed = replace(comparison, results=(result("offline", [*FIRST[:-1], 0.2]),))
    drawn = []
    for found in (replace(comparison, results=comparison.results[:1]), changed, comparison):
        write_report(as_report(found), tmp_path)
        drawn.append((tmp_path / "evaluation.svg").read_bytes())

    assert len(set(drawn)) == 3


def test_report_without_matplotlib_has_its_tables_and_says_why_there_is_no_plot(comparison, tmp_path, monkeypatch):
    (tmp_path / "evaluation.svg").write_text("of last year")
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    written = write_report(as_report(comparison), tmp_path)

    assert [path.name for path in written] == ["evaluation.json", "evaluation.md", "reliability.svg"]
    assert sorted(path.name for path in tmp_path.glob("evaluation.*")) == ["evaluation.json", "evaluation.md"]
    text = (tmp_path / "evaluation.md").read_text()
    assert "No plot was drawn: matplotlib is not installed here." in text
    assert "evaluation.svg" not in text


def test_report_folder_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("")

    for folder in (tmp_path / "file", Path("/proc/evaluation")):
        with pytest.raises(UnwritablePath, match="cannot be written"):
            make_report_folder(folder)


def test_reliability_diagram_has_a_point_for_each_range_of_probabilities(comparison):
    report = as_report(comparison)
    report["encoders"][0]["reliability"] = [
        {"from": 0.0, "results": 1000, "mean_probability": 0.0, "relevant": 0.0},
        {"from": 0.5, "results": 10, "mean_probability": 0.5, "relevant": 1.0},
    ]
    report["encoders"][1]["reliability"] = []

    drawing = ElementTree.fromstring(reliability_diagram(report))

    circles = drawing.findall("{http://www.w3.org/2000/svg}circle")
    points = [circle for circle in circles if len(circle)]
    assert [(float(point.get("cx")), float(point.get("cy"))) for point in points] == [(56, 416), (236, 56)]
    assert [point[0].text for point in points] == ["1,000", "10"]
    assert float(points[0].get("r")) > float(points[1].get("r"))
    assert len(circles) == 4  # one for each encoder's name
    assert "clip:a|b" in [text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")]
