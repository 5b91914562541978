"""Whole comparisons: real files, imported and searched in real libraries, with quick encoders and the real one."""

import json
import sqlite3
import tempfile
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from PIL import Image as PillowImage

from gallery.errors import (
    EncoderUnavailable,
    EvaluationStopped,
    InvalidInput,
    NoPictures,
    UnknownEncoder,
    UnreadablePath,
)
from gallery.measuring.quality import LabelledQuery, as_report, compare, comparing, encoder_names, read_queries
from gallery.measuring.quality.library import ThrowAwayLibrary
from gallery.measuring.quality.pictures import link_by_number
from gallery.services.calibrations import keep_calibration
from tests.conftest import drawn_picture, sample_bytes
from tests.integration.test_commands import manage
from tests.quick_encoder import QuickEncoder
from tests.unit.encoders.tiny_models import save_tiny_clip

COLOURS = ("red", "lime", "blue", "yellow", "black", "white")
QUERIES = [LabelledQuery(f"all {colour}", "en", frozenset({f"{colour}.png"})) for colour in COLOURS]


BOTH = ["offline", "clip:grey"]


@pytest.fixture
def colours(tmp_path) -> Path:
    """One picture of each colour, a grey one of each colour's brightness that comes first by name, and no picture."""
    folder = tmp_path / "colours"
    folder.mkdir()
    for colour in COLOURS:
        (folder / f"{colour}.png").write_bytes(drawn_picture(colour))
    (folder / "a dark grey.png").write_bytes(drawn_picture("#4c4c4c"))  # as bright as red
    (folder / "notes.jpg").write_text("no picture")
    (folder / ".hidden.png").write_bytes(drawn_picture("red"))
    return folder


@pytest.fixture(autouse=True)
def quick_libraries(request, monkeypatch) -> None:
    """Let the libraries' processes have the encoders of `tests.quick_settings`, but where the real one is tested."""
    if not request.node.get_closest_marker("slow"):
        monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.quick_settings")


@pytest.fixture
def no_library(monkeypatch) -> None:
    """Whoever begins to measure all the same fails."""
    monkeypatch.setattr(comparing, "ThrowAwayLibrary", None)


@pytest.fixture
def query_file(tmp_path) -> Path:
    rows = [{"query": query.text, "lang": query.language, "relevant": sorted(query.relevant)} for query in QUERIES]
    path = tmp_path / "queries.json"
    path.write_text(json.dumps({"queries": rows}), encoding="utf-8")
    return path


def evaluate(capsys, *words):
    """Run the command in this process, where the quick encoders are; return its JSON and what went to stderr."""
    call_command("evaluate", *map(str, words), "--json")
    said = capsys.readouterr()
    return json.loads(said.out), said.err


# Comparing


def test_searches_are_judged_by_the_line_that_was_fitted_here(capsys, colours, query_file):
    before, _told = evaluate(capsys, query_file, "--images", colours, "--encoder", "offline")
    weights = {"intercept": 50.0, "score": 1.0, "best": 0.0, "clarity": 0.0, "threshold": 0.5}  # all is meant
    keep_calibration(QuickEncoder().key, {"measure": "deviations", "weights": weights})

    after, _told = evaluate(capsys, query_file, "--images", colours, "--encoder", "offline")

    assert before["cutoff"]["en"]["recall"] < 1
    assert (after["cutoff"]["en"]["recall"], after["cutoff"]["en"]["silent"]) == (1, 0)


def test_the_encoder_that_sees_colours_is_better_and_the_report_says_so(colours):
    found = compare(QUERIES, folder=colours, encoders=BOTH)

    report = as_report(found)
    seeing, grey = report["encoders"]
    assert (found.images, found.failed, found.skipped) == (7, ("notes.jpg",), 0)
    assert seeing["map"] == seeing["hit_at_1"] == {"en": 1.0}
    assert grey["map"] == {"en": round((5 + 1 / 2) / 6, 4)}  # of red and its grey, the first by name comes first
    assert grey["hit_at_1"] == {"en": round(5 / 6, 4)}
    (difference,) = [row for row in report["differences"] if row["metric"] == "map"]
    assert difference["difference"] == round(-0.5 / 6, 4)
    assert difference["interval"][0] < 0


def test_each_picture_is_encoded_once_and_enters_under_a_neutral_name(colours, tmp_path):
    link_by_number(sorted(colours.glob("[a-z]*")), tmp_path / "pictures")
    done = []

    with ThrowAwayLibrary("offline", tmp_path / "data") as library:
        library.load()
        filled = library.fill(tmp_path / "pictures", done.append)

    assert (filled.encoded, filled.searchable) == (7, {0, 1, 2, 3, 5, 6, 7})  # notes.jpg is no picture
    assert sum(done) == 8
    with sqlite3.connect(tmp_path / "data" / "imagesearch.sqlite3") as database:
        names = database.execute("SELECT original_name FROM gallery_image ORDER BY id").fetchall()
    assert names == [(f"00000{number}.png",) for number in sorted(filled.searchable)]


def test_progress_reaches_what_was_promised(colours):
    (colours / "notes.jpg").unlink()
    done = []

    queries = [*QUERIES, LabelledQuery("warm", "en", frozenset({"red.png", "yellow.png", "gone.png"}))]

    compare(queries, folder=colours, encoders=BOTH, copies=3, progress=done.append)

    assert sum(done) == comparing.steps(queries, folder=colours, encoders=2, copies=3)


def test_queries_about_other_pictures_are_counted_and_left_out(colours):
    queries = [
        *QUERIES,
        LabelledQuery("a zebra", "fr", frozenset({"zebra.png"})),
        LabelledQuery("x", "en", frozenset()),
    ]

    found = compare(queries, folder=colours, encoders=["offline"])

    assert (len(found.languages), found.skipped, found.absent_languages) == (6, 1, ("en",))
    assert set(as_report(found)["map"]) == {"en"}


def test_absent_things_alone_can_be_asked_about(colours):
    queries = [LabelledQuery("nothing like this", "en", frozenset()), LabelledQuery("也没有", "zh", frozenset())]

    report = as_report(compare(queries, folder=colours, encoders=["offline"]))

    assert {language: said["queries"] for language, said in report["absent"].items()} == {"en": 1, "zh": 1}
    assert (report["queries"], report["map"], report["cutoff"]) == (0, {}, {})


def test_recall_is_a_share_of_the_relevant_pictures_that_could_be_read(colours):
    for number in range(3):
        (colours / f"red {number}.png").write_bytes(drawn_picture("red", size=(10 + number, 10)))
    names = frozenset({"red.png", "red 0.png", "red 1.png", "red 2.png", "notes.jpg", "gone.png"})

    report = as_report(compare([LabelledQuery("red", "en", names)], folder=colours, encoders=["offline"]))

    assert (report["recall_at_1"], report["recall_at_5"], report["map"]) == ({"en": 0.25}, {"en": 1.0}, {"en": 1.0})
    assert report["precision_at_10"] == {"en": 0.4}


def test_queries_that_ask_for_the_same_pictures_are_one_question(colours):
    texts = {
        "red": {"red.png"},
        "all red": {"red.png", "gone.png"},
        "blue": {"blue.png"},
        "both": {"red.png", "blue.png"},
    }
    queries = [LabelledQuery(text, "en", frozenset(names)) for text, names in texts.items()]

    found = compare(queries, folder=colours, encoders=["offline"])

    assert found.questions == (0, 0, 1, 2)


def test_each_picture_of_a_list_asks_for_the_others_of_each_distinct_list(colours):
    lists = [
        {"red.png", "yellow.png"},
        {"yellow.png", "red.png", "gone.png"},  # the same list, as far as it can be read
        {"white.png"},  # nobody else is in it
        {"black.png", "notes.jpg"},  # nor in this one that could be read
        {"red.png", "lime.png", "blue.png"},
    ]
    queries = [LabelledQuery(f"list {place}", "en", frozenset(names)) for place, names in enumerate(lists)]

    found = compare(queries, folder=colours, encoders=["offline"])

    first, second = ("red.png", "yellow.png"), ("blue.png", "lime.png", "red.png")
    expected = [
        similar_precision(colours, name, tuple(other for other in names if other != name))
        for names in (first, second)
        for name in names
    ]
    assert found.results[0].similar[:, 0] == pytest.approx(expected)
    assert len(set(found.similar_lists[:2])) == len(set(found.similar_lists[2:])) == 1
    assert as_report(found)["similar"] == {
        "map": round(sum(expected) / 5, 4),
        "pairs": 5,
        "interval": None,  # of two lists
    }


def similar_precision(folder: Path, name: str, names: tuple[str, ...]) -> float:
    """Return the average precision of `names` among all that resembles one of them."""
    pictures = {path.name: PillowImage.open(path) for path in sorted(folder.glob("[a-z]*.png"))}
    rows = dict(zip(pictures, QuickEncoder().encode_images(list(pictures.values())), strict=True))
    nearness = {other: round(float(rows[name] @ row), 6) for other, row in rows.items() if other != name}
    order = sorted(nearness, key=lambda other: (-nearness[other], other))  # equally near: as they came in
    ranks = [rank for rank, other in enumerate(order, start=1) if other in names]
    return sum(place / rank for place, rank in enumerate(ranks, start=1)) / len(ranks)


def test_the_same_bytes_under_another_name_are_the_most_similar_of_all(colours):
    (colours / "again.png").write_bytes((colours / "red.png").read_bytes())
    queries = [LabelledQuery("red", "en", frozenset({"again.png", "red.png"}))]

    report = as_report(compare(queries, folder=colours, encoders=["offline"]))

    assert (report["similar"]["map"], report["similar"]["pairs"]) == (1.0, 2)


def test_copies_are_found_where_the_encoder_can(tmp_path):
    """A picture that lies there twice is found under either name; a grey copy by the encoder without colours alone."""
    for name in ("chelsea.png", "coffee.png", "rocket.jpg"):
        (tmp_path / name).write_bytes(sample_bytes(name))
    (tmp_path / "again.png").write_bytes(sample_bytes("coffee.png"))
    queries = [LabelledQuery("a cat", "en", frozenset({"chelsea.png"}))]

    report = as_report(compare(queries, folder=tmp_path, encoders=BOTH, copies=4))

    for one in report["encoders"]:
        assert one["copies"]["pictures"] == 4
        assert one["copies"]["recall_at_1"]["jpeg_30"] == one["copies"]["recall_at_1"]["half_size"] == 1.0
    assert {one["encoder"]: one["copies"]["recall_at_1"]["grey"] for one in report["encoders"]}["clip:grey"] == 1.0


def test_an_encoder_that_sees_nothing_finds_no_copies(colours):
    """Equal vectors are no proof: all pictures but the first lose."""

    report = as_report(compare(QUERIES, folder=colours, encoders=["clip:blind"], copies=99))

    assert report["copies"]["mean"] == round(1 / 7, 4)


def test_evaluate_of_a_folder_without_a_labelled_picture_fails_before_anything_is_encoded(colours, no_library):
    queries = [LabelledQuery("a zebra", "en", frozenset({"zebra.png"}))]

    with pytest.raises(InvalidInput, match="no query names a picture that can be read in"):
        compare(queries, folder=colours, encoders=["offline"])


def test_evaluate_of_a_folder_where_nothing_can_be_read_fails(tmp_path):
    (tmp_path / "red.png").write_text("no picture")

    with pytest.raises(NoPictures, match=r"\(files there: 1\)"):
        compare(QUERIES, folder=tmp_path, encoders=["offline"])
    with pytest.raises(UnreadablePath, match="it is not a folder"):
        compare(QUERIES, folder=tmp_path / "nowhere", encoders=["offline"])


def test_the_throw_away_library_is_thrown_away_whatever_happens(colours, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = []

    with pytest.raises(EvaluationStopped, match="The library of “clip:wordless” died"):
        compare(
            QUERIES,
            folder=colours,
            encoders=["clip:wordless"],
            progress=lambda _count: seen.extend(tmp_path.glob("imagesearch-evaluate-*")),
        )

    assert seen != []
    assert list(tmp_path.glob("imagesearch-evaluate-*")) == []


def test_a_library_that_is_killed_says_so(tmp_path):
    with ThrowAwayLibrary("offline", tmp_path / "data") as library:
        library._process.kill()
        with pytest.raises(EvaluationStopped, match=r"status -9"):
            library.rank("red")


def test_encoders_are_all_there_before_anything_starts(colours):
    assert encoder_names(["clip:grey", "offline"]) == ["clip:grey", "offline"]
    with pytest.raises(UnknownEncoder):
        encoder_names(["offline", "ofline"])
    with pytest.raises(InvalidInput, match="the encoder “offline” is named twice"):
        encoder_names(["offline", "clip:grey", "offline"])

    done = []
    with pytest.raises(EncoderUnavailable, match="this folder does not exist"):
        compare(QUERIES, folder=colours, encoders=["offline", "clip:/nowhere"], progress=done.append)
    assert done == []


def test_models_of_the_hubs_format_are_compared_beside_others(colours, tmp_path):
    """A real model of transformers, tiny and with random weights, beside an encoder of another dimension."""
    tiny = f"clip:{save_tiny_clip(tmp_path / 'tiny')}"

    report = as_report(compare(QUERIES, folder=colours, encoders=["offline", tiny], copies=1))

    quick, random = report["encoders"]
    assert (quick["dimension"], random["dimension"]) == (13, 16)
    assert random["encoder"] == f"clip:{tmp_path / 'tiny'}"
    assert random["revision"].startswith("local-")
    assert random["map"]["en"] < quick["map"]["en"] == 1.0
    assert "better" not in {row["verdict"] for row in report["differences"]}


# The command. Without the mark `django_db`: a database that is touched fails the test


def test_command_compares_two_encoders_and_writes_a_report(capsys, colours, query_file, tmp_path):
    words = ("--encoder", "offline", "--encoder", "clip:grey", "--copies", 2, "--report", tmp_path / "new" / "report")

    report, told = evaluate(capsys, query_file, "--images", colours, *words)

    assert set(report) >= {"encoder", "images", "queries", "map", "precision_at_10"}
    assert (report["encoder"], report["images"], report["queries"]) == ("offline", 7, 6)
    assert [one["encoder"] for one in report["encoders"]] == ["offline", "clip:grey"]
    assert report["copies"]["pictures"] == 2
    folder = tmp_path / "new" / "report"
    assert json.loads((folder / "evaluation.json").read_text()) == report
    assert "| en | clip:grey | 0.917" in (folder / "evaluation.md").read_text()
    assert (folder / "evaluation.svg").stat().st_size > 1_000
    assert [line for line in told.splitlines() if line.startswith("written: ")] == [
        f"written: {folder / name}"
        for name in ("evaluation.json", "evaluation.md", "reliability.svg", "evaluation.svg")
    ]


def test_command_says_the_tables_to_people(capsys, colours, query_file):
    call_command("evaluate", str(query_file), "--images", str(colours), "--encoder", "offline")

    assert "| en | offline | 1.000 (1.000 to 1.000) |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--copies", "0"), "--copies is 0; it must be at least 1"),
        (("--encoder", "ofline"), "There is no encoder “ofline”."),
        (("--encoder", "clip:/nowhere"), "The encoder “clip:/nowhere” cannot be used: this folder does not exist."),
        (("--encoder", "offline"), "the encoder “offline” is named twice"),
        (("--report", "/proc/nowhere"), "“/proc/nowhere” cannot be written"),
    ],
)
def test_command_fails_before_anything_is_measured(colours, query_file, words, sentence):
    words = (query_file, "--images", colours, "--encoder", "offline", *words, "--json")
    out = StringIO()

    with pytest.raises(CommandError) as caught:
        call_command("evaluate", *map(str, words), stdout=out)

    assert sentence in str(caught.value)
    assert out.getvalue() == ""


@pytest.mark.slow
def test_command_needs_no_database_and_takes_what_auto_means_where_there_is_no_library(tmp_path, query_file):
    """The real encoder, in a process of its own, in a data folder that was never migrated."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("chelsea.png", "coffee.png", "rocket.jpg"):
        (folder / name).write_bytes(sample_bytes(name))
    rows = [
        {"query": "a cat", "lang": "en", "relevant": ["chelsea.png"]},
        {"query": "火箭", "lang": "zh", "relevant": ["rocket.jpg"]},
    ]
    query_file.write_text(json.dumps({"queries": rows}), encoding="utf-8")
    environment = {"IMAGESEARCH_ENCODER": "auto", "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "empty")}

    done = manage(
        tmp_path / "data", "evaluate", query_file, "--images", folder, "--copies", "1", "--json", **environment
    )

    assert done.status == 0, done.err
    assert done.report["encoder"] == "offline"
    assert done.report["map"] == {"en": 1.0, "zh": 1.0}
    assert done.report["precision_at_10"] == {"en": 0.1, "zh": 0.1}
    assert done.report["copies"]["mean"] == 1.0
    assert done.report["speed"]["pictures_per_second"] > 0
    with sqlite3.connect(tmp_path / "data" / "imagesearch.sqlite3") as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == []


def test_command_says_what_is_wrong_with_the_query_file(tmp_path, colours):
    (tmp_path / "queries.json").write_text('{"queries": [{"query": "x", "relevant": []}]}')

    said = manage(tmp_path / "data", "evaluate", tmp_path / "queries.json", "--images", colours, "--json").sentence

    assert "is not a query file: query 1 has no “lang”." in said


# The labelled photos


@pytest.mark.photos
@pytest.mark.slow
def test_offline_finds_the_labelled_photos_in_both_languages(photos):
    queries = read_queries(photos.parent / "photo_queries.json")

    report = as_report(compare(queries, folder=photos, encoders=["offline"]))

    assert report["images"] == 179
    assert report["map"]["en"] > 0.88  # 0.91 when this was written: a fall is a defect, not noise
    assert report["map"]["zh"] > 0.86  # 0.89
    assert report["similar"]["map"] > 0.8  # 0.87
