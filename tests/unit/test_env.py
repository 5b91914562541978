"""Each wrong value stops the start with a sentence that names the variable, the value and the remedy."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from imagesearch_project.env import (
    bucket_name,
    env_bool,
    env_choice,
    env_int,
    env_list,
    env_path,
    env_str,
    secret_key,
    web_address,
    writable_folder,
)

ROOT = Path(__file__).parents[2]
NAME = "IMAGESEARCH_TEST_VALUE"


@pytest.mark.parametrize("value", ["https://s3.example.org", "http://127.0.0.1:9000", "https://[::1]:9000/path"])
def test_web_address_takes_what_has_a_scheme_and_a_host(value):
    assert web_address(value, setting=NAME) == value


@pytest.mark.parametrize(
    "value", ["s3.example.org", "s3.example.org:9000", "//host", "ftp://host", "https://", "http://h:x", "http://[::1"]
)
def test_web_address_names_variable_value_and_remedy(value):
    with pytest.raises(ImproperlyConfigured) as error:
        web_address(value, setting=NAME)

    assert str(error.value) == (
        f"{NAME} is “{value}”; it must be an address with its scheme, as https://s3.example.org:9000."
    )


@pytest.mark.parametrize("value", ["http://my host:9000", "https://host/?a=b", "https://host/#a"])
def test_web_address_is_no_page(value):
    with pytest.raises(ImproperlyConfigured, match="must be an address with its scheme"):
        web_address(value, setting=NAME)


def test_web_address_takes_no_password_and_shows_none():
    with pytest.raises(ImproperlyConfigured) as error:
        web_address("https://key:s3cret@host", setting=NAME)

    assert str(error.value).startswith(f"{NAME} is “https://…@host”; it must be")


@pytest.mark.parametrize("value", ["", "pictures", "my-pictures.2024", "Old_Bucket"])
def test_bucket_name_takes_what_services_take(value):
    assert bucket_name(value, setting=NAME) == value


@pytest.mark.parametrize("value", ["s3://pictures", "pictures/folder", "a b", "Bad!", "ab", "-pictures", "a" * 256])
def test_bucket_name_names_variable_value_and_remedy(value):
    with pytest.raises(ImproperlyConfigured) as error:
        bucket_name(value, setting=NAME)

    assert str(error.value).startswith(f"{NAME} is “{value}”; it must be the bucket's name alone, ")


def test_no_web_address_is_none():
    assert web_address("", setting=NAME) is None


def test_str_is_stripped_and_has_a_default(monkeypatch):
    assert env_str(NAME, "default") == "default"
    monkeypatch.setenv(NAME, " ")
    assert env_str(NAME, "default") == "default"
    monkeypatch.setenv(NAME, "  text ")
    assert env_str(NAME) == "text"


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("YES", True), ("off", False), ("False", False)])
def test_bool_takes_the_usual_words(monkeypatch, value, expected):
    monkeypatch.setenv(NAME, value)

    assert env_bool(NAME, not expected) is expected


@pytest.mark.parametrize("default", [True, False])
def test_bool_that_is_empty_is_the_default(monkeypatch, default):
    monkeypatch.setenv(NAME, " ")

    assert env_bool(NAME, default) is default


def test_bool_names_variable_value_and_remedy(monkeypatch):
    monkeypatch.setenv(NAME, "perhaps")

    with pytest.raises(ImproperlyConfigured) as error:
        env_bool(NAME, False)

    assert str(error.value) == f"{NAME} is “perhaps”; it must be one of 1, true, yes, on, 0, false, no, off."


@pytest.mark.parametrize(("value", "expected"), [("", 5), ("1", 1), (" 9 ", 9)])
def test_int_takes_whole_numbers_in_range(monkeypatch, value, expected):
    monkeypatch.setenv(NAME, value)

    assert env_int(NAME, 5, minimum=1, maximum=9) == expected


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("many", f"{NAME} is “many”; it must be a whole number."),
        ("1.5", f"{NAME} is “1.5”; it must be a whole number."),
        ("0", f"{NAME} is 0; it must be from 1 to 2,000."),
        ("2001", f"{NAME} is 2,001; it must be from 1 to 2,000."),
    ],
)
def test_int_names_variable_value_and_remedy(monkeypatch, value, sentence):
    monkeypatch.setenv(NAME, value)

    with pytest.raises(ImproperlyConfigured) as error:
        env_int(NAME, 5, minimum=1, maximum=2_000)

    assert str(error.value) == sentence


def test_choice_takes_a_choice_or_names_them_all(monkeypatch):
    assert env_choice(NAME, "en", choices=("en", "zh-hans")) == "en"
    monkeypatch.setenv(NAME, "zh-hans")
    assert env_choice(NAME, "en", choices=("en", "zh-hans")) == "zh-hans"
    monkeypatch.setenv(NAME, "fr")

    with pytest.raises(ImproperlyConfigured) as error:
        env_choice(NAME, "en", choices=("en", "zh-hans"))

    assert str(error.value) == f"{NAME} is “fr”; it must be one of en, zh-hans."


@pytest.mark.parametrize(("value", "expected"), [("", ["a"]), ("b", ["b"]), (" b, ,c ", ["b", "c"])])
def test_list_is_separated_by_commas(monkeypatch, value, expected):
    monkeypatch.setenv(NAME, value)

    assert env_list(NAME, ["a"]) == expected


def test_path_is_absolute_and_knows_home(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    assert env_path(NAME, tmp_path / "x") == tmp_path / "x"
    monkeypatch.setenv(NAME, "here")
    assert env_path(NAME, tmp_path) == tmp_path / "here"
    monkeypatch.setenv(NAME, "~/there")
    assert env_path(NAME, tmp_path) == tmp_path / "home" / "there"


def test_folder_is_made_or_refused_with_the_remedy(tmp_path):
    made = writable_folder(tmp_path / "a" / "b", setting="THE_SETTING")
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(ImproperlyConfigured) as error:
        writable_folder(tmp_path / "file" / "b", setting="THE_SETTING")

    assert made.is_dir()
    assert f"“{tmp_path / 'file' / 'b'}” cannot be made" in str(error.value)
    assert "set THE_SETTING" in str(error.value)


def test_secret_key_is_made_once_for_its_owner_only(tmp_path):
    path = tmp_path / "secret_key"

    first, again = secret_key(path, setting="S"), secret_key(path, setting="S")

    assert first == again
    assert len(first) >= 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.glob("secret_key*")) == [path]  # no draft is left


def test_secret_key_is_one_for_processes_that_start_together(tmp_path):
    command = [
        sys.executable,
        "-c",
        "import sys; from pathlib import Path; from imagesearch_project.env import secret_key; "
        "print(secret_key(Path(sys.argv[1]), setting='S'))",
        str(tmp_path / "secret_key"),
    ]

    def start(_number: int) -> str:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    with ThreadPoolExecutor(4) as threads:
        keys = set(threads.map(start, range(4)))

    assert len(keys) == 1


def test_secret_key_names_the_remedy(tmp_path):
    path = tmp_path / "missing" / "secret_key"

    with pytest.raises(ImproperlyConfigured) as error:
        secret_key(path, setting="THE_SETTING")

    assert f"“{path}” cannot be kept" in str(error.value)
    assert "set THE_SETTING" in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IMAGESEARCH_MAX_RESULTS", "5"),
        ("IMAGESEARCH_HTTPS", "perhaps"),
        ("IMAGESEARCH_LANGUAGE", "fr"),
        ("IMAGESEARCH_DATABASE_URL", "nonsense"),
        ("IMAGESEARCH_DATABASE_URL", "mysql://user:password@host/name"),
        ("IMAGESEARCH_S3_ENDPOINT", "s3.example.org:9000"),
    ],
)
def test_a_wrong_value_stops_the_start_with_one_sentence(name, value, tmp_path):
    environment = {**os.environ, "IMAGESEARCH_DATA_DIR": str(tmp_path), name: value}
    environment["DJANGO_SETTINGS_MODULE"] = "imagesearch_project.settings"

    ended = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert ended.returncode != 0
    assert name in ended.stderr.splitlines()[-1]
