"""The commands as other programs use them: real processes, one JSON object on stdout, exit status, one sentence."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError, ProgrammingError

from gallery.management.command import owner_named
from gallery.management.commands.search_images import Command as SearchCommand
from gallery.models import User
from tests.conftest import drawn_picture, sample_bytes
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)  # for the few that run in this process
PICTURES = ("chelsea.png", "coffee.png", "rocket.jpg", "astronaut.png", "coins.png")


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """Return the one JSON object that is all of stdout."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    @property
    def sentence(self) -> str:
        """Return what a failure says: one line on stderr, nothing on stdout."""
        assert self.status != 0
        assert self.out == ""
        (line,) = self.err.strip().splitlines()
        return line.removeprefix("CommandError: ")


def manage(data_dir: Path, *words: object, **environment: str) -> Done:
    own = {name: value for name, value in os.environ.items() if not name.startswith("IMAGESEARCH_")}
    own.pop("DJANGO_SETTINGS_MODULE", None)
    done = subprocess.run(
        [sys.executable, "manage.py", *map(str, words)],
        cwd=settings.BASE_DIR,
        env={**own, "IMAGESEARCH_DATA_DIR": str(data_dir), "IMAGESEARCH_ENCODER": "offline", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Five photos, one of them twice, one that is broken, and a file that is no picture."""
    folder = tmp_path_factory.mktemp("pictures")
    for name in PICTURES:
        (folder / name).write_bytes(sample_bytes(name))
    (folder / "猫.png").write_bytes(sample_bytes("chelsea.png"))
    (folder / "broken.jpg").write_bytes(sample_bytes("rocket.jpg")[:2_000])
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def library(tmp_path_factory, pictures) -> tuple[Path, Done]:
    """A data folder with those pictures brought in, and what the import said."""
    data = tmp_path_factory.mktemp("commands") / "data"
    assert manage(data, "migrate", "--verbosity", "0").status == 0
    return data, manage(data, "import_images", pictures, "--tags", "sample,图", "--visibility", "public", "--json")


@pytest.fixture(scope="module")
def run(library) -> Callable[..., Done]:
    return lambda *words, **environment: manage(library[0], *words, **environment)


# Importing


def test_import_reports_what_became_of_every_file(library, pictures):
    _data, done = library

    assert done.status == 1  # one file failed
    report = done.report
    assert {"added", "duplicates", "failed", "skipped", "ignored", "seconds", "images_per_second"} <= set(report)
    assert (report["added"], report["duplicates"]) == (5, 1)
    assert [set(failure) for failure in report["failed"]] == [{"path", "error"}]
    assert report["failed"][0]["path"] == str(pictures / "broken.jpg")
    assert report["seconds"] > 0
    assert report["images_per_second"] > 0


def test_import_again_finds_duplicates_only(run, pictures):
    report = run("import_images", pictures, "--json").report

    assert (report["added"], report["duplicates"]) == (0, 6)


def test_import_for_people_is_plain_text(run, tmp_path):
    (tmp_path / "red.png").write_bytes(drawn_picture("red"))
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(b"broken")

    done = run("import_images", tmp_path)

    assert done.status == 1
    assert done.out.startswith("1 added, 0 already there, 1 failed")
    assert "caf\ufffd.png" in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("import_images", ".", "--owner", "nobody"), "There is no user “nobody”."),
        (("import_images", ".", "--owner", ""), "There is no user “”."),
        (("import_images", ""), "Argument PATH: a path must not be empty."),
        (("import_images", ".", "--visibility", "secret"), "The visibility is “secret”"),
        (("import_images", ".", "--tags", "x" * 200), "has 200 characters; the limit is 64"),
    ],
    ids=["owner", "empty owner", "empty path", "visibility", "tags"],
)
def test_import_refuses_in_one_sentence(run, words, said):
    assert said in run(*words, "--json").sentence


def test_import_of_missing_paths_brings_the_others_in(run, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "tan.png").write_bytes(drawn_picture("tan"))
    (folder / "film.mp4").touch()

    done = run("import_images", "/no/such/folder", folder, "/no/such.png", "--json")

    assert (done.status, done.report["added"], done.report["ignored"]) == (1, 1, 0)
    assert [failure["path"] for failure in done.report["failed"]] == ["/no/such/folder", "/no/such.png"]
    assert done.report["failed"][0]["error"] == "“/no/such/folder” cannot be read: it does not exist."
    assert done.report["skipped"] == [
        {
            "path": str(folder / "film.mp4"),
            "kind": "video",
            "reason": "This is a video; only pictures are brought in.",
        }
    ]


def test_import_of_nothing_but_missing_paths_is_told_in_json(run):
    done = run("import_images", "/no/such/folder", "--json")

    assert (done.status, done.report["added"], len(done.report["failed"])) == (1, 0, 1)


@pytest.mark.parametrize(
    "words",
    [
        ("search_images", "--image", "PIPE"),
        ("search_images", "--image", "/dev/zero"),
        ("search_images", "--image", "."),
        ("evaluate", "PIPE", "--images", "."),
        ("evaluate", "/dev/zero", "--images", "."),
        ("evaluate", "manage.py", "--images", "PIPE"),
        ("import_testbed", "PIPE"),
        ("benchmark_search", "--rows", "10", "--npy", "PIPE"),
    ],
    ids=" ".join,
)
def test_what_is_no_file_is_refused_at_once(run, tmp_path, words):
    os.mkfifo(tmp_path / "pipe")

    said = run(*(str(tmp_path / "pipe") if word == "PIPE" else word for word in words), "--json").sentence

    assert any(words in said for words in ("not a regular file", "is a folder", "not a folder", "not a query file"))


# Searching


def test_search_gives_the_best_first_with_the_promised_keys(run):
    report = run("search_images", "a cat", "--top", "3", "--json").report

    assert set(report) >= {"encoder", "results", "milliseconds"}
    assert report["encoder"] == "offline"
    assert len(report["results"]) == 3
    assert all(set(result) >= {"id", "md5", "name", "score", "confident"} for result in report["results"])
    assert report["results"][0]["name"] == "chelsea.png"
    scores = [result["score"] for result in report["results"]]
    assert scores == sorted(scores, reverse=True)
    assert len(report["results"][0]["md5"]) == 32
    assert report["milliseconds"] > 0
    assert report["encoding_milliseconds"] > 0


@pytest.mark.parametrize(
    ("confident", "lines"),
    [
        ([True, True], ["1  a.png", "2  b.png"]),
        ([True, False], ["1  a.png", "Less likely:", "2  b.png"]),
        ([False, False], ["Nothing here looks like “a dgo”. The nearest pictures:", "1  a.png", "2  b.png"]),
    ],
)
def test_search_tells_people_what_is_less_likely_without_numbers(confident, lines):
    rows = [
        {"id": place, "name": f"{name}.png", "confident": sure, "score": 0.1234}
        for place, (name, sure) in enumerate(zip("ab", confident, strict=True), start=1)
    ]
    spelling = {"text": "a dgo", "suggestion": "a dog", "understood": None, "excluded": []}
    report = {"results": rows, "encoder": "offline", "milliseconds": 1.0, **spelling}
    report["confident_total"] = 1_234 if all(confident) else sum(confident)

    said = [line.strip() for line in SearchCommand().describe(report).splitlines()]

    assert said[:-1] == ["Did you mean “a dog”?", *lines]
    assert said[-1] == f"{'1,234' if all(confident) else sum(confident)} found in 1.0 ms with “offline”."


def test_search_in_chinese(run):
    assert run("search_images", "一杯咖啡", "--json").report["results"][0]["name"] == "coffee.png"
    assert len(run("search_images", "-5°C", "--top", "1", "--json").report["results"]) == 1


def test_search_with_a_picture_finds_that_picture(run, pictures):
    report = run("search_images", "--image", pictures / "rocket.jpg", "--json").report

    assert report["results"][0]["name"] == "rocket.jpg"
    assert report["results"][0]["score"] > 0.999


def test_search_with_words_and_a_picture_means_both_and_tags_narrow_it(run, pictures):
    words = run("search_images", "a cat", "--json").report["results"]
    both = run("search_images", "a cat", "--image", pictures / "rocket.jpg", "--tags", "Sample,图", "--json").report

    assert {"chelsea.png", "rocket.jpg"} == {result["name"] for result in both["results"][:2]}
    assert both["results"][0]["score"] != words[0]["score"]
    assert run("search_images", "a cat", "--tags", "sample,nothing", "--json").report["results"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cat", "--top", "0"), "The number of results is “0”; it must be a whole number from 1 to 200."),
        (("cat", "--top", "-1"), "“-1”"),
        (("cat", "--top", "1000"), "“1000”"),
        (("cat", "--top", "abc"), "“abc”"),
        ((), "The search is empty."),
        (("   ",), "The search is empty."),
        (("?!…",), "“?!…” has no letters or digits."),
        (("cat", "--user", "nobody"), "There is no user “nobody”."),
        (("cat", "--user", ""), "There is no user “”."),
        (("cat", "--image", "x.png"), "“x.png” cannot be read: No such file or directory."),
        (("cat", "--order", "best"), "The order is “best”; it must be one of relevance,"),
        (("cat (dog",), "The bracket ( is not closed."),
        (("",), "The search is empty."),
        (("--image", "/no/such.png"), "“/no/such.png” cannot be read: No such file or directory."),
        (("--image", "manage.py"), "not one of the picture formats"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_search_refuses_in_one_sentence(capsys, words, said):
    """In this process, for time's sake: `test_search_failure_of_a_real_process` shows that nothing else is printed."""
    with pytest.raises(CommandError) as caught:
        call_command("search_images", *words, "--json")

    assert said in str(caught.value)
    assert capsys.readouterr().out == ""


def test_search_failure_of_a_real_process(run):
    assert run("search_images", "cat", "--top", "abc", "--json").sentence == (
        "The number of results is “abc”; it must be a whole number from 1 to 200."
    )


def test_a_missing_encoder_is_said(run, tmp_path):
    missing = tmp_path / "no-model"

    done = run("search_images", "cat", "--json", IMAGESEARCH_ENCODER=f"clip:{missing}")

    assert "The index was made by “offline”" in done.sentence
    assert "reindex --encoder" in done.sentence


def test_without_migrations_it_says_so(tmp_path):
    for words in (("search_images", "cat"), ("import_images", "manage.py")):
        assert manage(tmp_path / "empty", *words, "--json").sentence == (
            "The database has no tables yet. Run: manage.py migrate"
        )


def test_a_wrong_setting_is_said_in_one_sentence(tmp_path):
    done = manage(tmp_path / "d", "search_images", "cat", "--json", IMAGESEARCH_EMBED_BATCH_SIZE="many")

    assert done.sentence == "IMAGESEARCH_EMBED_BATCH_SIZE is “many”; it must be a whole number."


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("benchmark_search", "--rows", "abc"), "Argument --rows: invalid int value: 'abc'."),
        (("create_api_token",), "The following arguments are required: USER."),
        (("embed_pending", "--quick"), "Unrecognized arguments: --quick."),
    ],
    ids=["value", "missing", "unknown"],
)
def test_wrong_arguments_are_said_in_one_sentence(tmp_path, words, said):
    done = manage(tmp_path, *words, "--json")

    assert done.sentence == f"{said} See: manage.py {words[0]} --help"
    assert done.status == 2


def test_wrong_arguments_from_code_raise(db):
    with pytest.raises(CommandError, match="invalid int value"):
        call_command("benchmark_search", "--rows", "abc")


# Tokens


def test_a_token_is_shown_once_and_works(run, library):
    assert run("shell", "-c", "from gallery.models import User; User.objects.create_user('dora')").status == 0

    token = run("create_api_token", "Dora", "--read-only", "--json").report["token"]

    assert token.startswith("ims_")
    with sqlite3.connect(library[0] / "imagesearch.sqlite3") as database:
        ((stored, read_only),) = database.execute("SELECT token_hash, read_only FROM gallery_apitoken").fetchall()
    assert token not in stored
    assert read_only == 1
    assert run("create_api_token", "nobody", "--json").sentence.startswith("There is no user “nobody”.")


# The index


def test_verify_is_ok_then_finds_damage_then_mends_it(run, library):
    matrix = np.load(library[0] / "vectors" / "embeddings-1.npy", mmap_mode="r+")
    whole = run("verify_index", "--json")
    matrix[0] = 0
    matrix.flush()
    broken = run("verify_index", "--json")
    mended = run("verify_index", "--repair", "--json")

    assert set(whole.report) >= {"ok", "rows", "indexed", "pending", "problems"}
    assert (whole.status, whole.report["ok"], whole.report["problems"]) == (0, True, [])
    assert whole.report["rows"] == whole.report["indexed"] > 0
    assert (broken.status, broken.report["ok"]) == (1, False)
    assert [set(problem) for problem in broken.report["problems"]] == [{"code", "detail"}]
    assert (mended.status, mended.report["ok"], mended.report["pending"]) == (0, True, 0)


def test_compact_then_reindex_then_nothing_is_pending(run):
    compacted = run("compact_index", "--json").report
    reindexed = run("reindex", "--encoder", "offline", "--json").report
    embedded = run("embed_pending", "--json").report

    assert set(compacted) >= {"rows", "removed", "seconds"}
    assert compacted["removed"] == 1  # the row that the repair above computed anew
    assert set(reindexed) == {"encoder", "rows", "pending", "failed", "failures", "resumed", "seconds"}
    assert (reindexed["pending"], reindexed["failed"], reindexed["failures"], reindexed["resumed"]) == (0, 0, [], 0)
    assert (reindexed["rows"], reindexed["encoder"]) == (compacted["rows"], "offline")
    assert (embedded["embedded"], embedded["failed"], embedded["failures"]) == (0, 0, [])
    assert run("search_images", "a cat", "--json").report["results"][0]["name"] == "chelsea.png"


def test_reindex_has_nothing_to_cancel_or_to_try_again(run):
    assert run("reindex", "--cancel", "--json").report == {"cancelled": False}
    assert run("reindex", "--retry-failed", "--json").sentence.startswith("No change of the model is under way.")


def test_reindex_with_an_encoder_that_does_not_exist(run):
    assert "There is no encoder “ofline”." in run("reindex", "--encoder", "ofline", "--json").sentence


# Measuring


def test_evaluate_measures_a_folder_without_touching_the_library(run, pictures, tmp_path):
    queries = [
        {"query": "a cat", "lang": "en", "relevant": ["chelsea.png", "猫.png"]},
        {"query": "一杯咖啡", "lang": "zh", "relevant": ["coffee.png"]},
    ]
    (tmp_path / "queries.json").write_text(json.dumps({"queries": queries}), encoding="utf-8")

    report = run("evaluate", tmp_path / "queries.json", "--images", pictures, "--json").report

    assert set(report) >= {"encoder", "images", "queries", "map", "precision_at_10"}
    assert (report["encoder"], report["images"], report["queries"]) == ("offline", 6, 2)
    assert report["map"] == {"en": 1.0, "zh": 1.0}
    assert report["precision_at_10"] == {"en": 0.2, "zh": 0.1}


def test_evaluate_refuses_what_is_no_query_file(run, pictures, tmp_path):
    (tmp_path / "queries.json").write_text("[]")

    said = run("evaluate", tmp_path / "queries.json", "--images", pictures, "--json").sentence

    assert "is not a query file" in said


# Whose pictures they become


def test_without_an_owner_pictures_go_to_the_first_administrator_else_to_the_library_account(transactional_db):
    assert owner_named(None).username == "library"
    assert not owner_named(None).has_usable_password()
    assert User.objects.count() == 1

    User.objects.create_superuser("root")
    User.objects.create_superuser("second")
    assert owner_named(None).username == "root"
    assert owner_named("LIBRARY").username == "library"


def test_an_account_called_library_in_other_letters_is_no_obstacle(transactional_db):
    User.objects.create_user("Library")

    assert owner_named(None).username == "Library"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OperationalError("no such column: gallery_image.frame_count"), "Run: manage.py migrate"),
        (ProgrammingError('relation "gallery_image" does not exist'), "Run: manage.py migrate"),
        (OperationalError("connection refused\n"), "The database cannot be used: connection refused."),
        (OperationalError("database is locked"), "The database is busy"),
        (OSError(28, "No space left on device"), "There is no free space left"),
        (MemoryError("Unable to allocate 37 GiB"), "This machine has not enough memory for that."),
    ],
    ids=str,
)
def test_a_command_says_what_is_wrong_around_it(monkeypatch, error, said):
    def fail(*_args, **_kwargs):
        raise error

    monkeypatch.setattr("gallery.management.commands.search_images.find_images", fail)

    with pytest.raises(CommandError) as caught:
        call_command("search_images", "cat")

    assert said in str(caught.value)


def test_a_command_that_is_interrupted_says_so(monkeypatch):
    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("gallery.management.commands.search_images.find_images", interrupt)

    with pytest.raises(CommandError) as caught:
        call_command("search_images", "cat")

    assert str(caught.value) == "Stopped before the end. Run it again: nothing is lost or doubled."
    assert caught.value.returncode == 130


def test_a_defect_of_ours_is_not_dressed_up(monkeypatch):
    monkeypatch.setattr("gallery.management.commands.search_images.find_images", lambda *_args, **_kwargs: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        call_command("search_images", "cat")
