"""Which words of `manage.py search_images` are the query: one that begins with a dash needs no `--`."""

import pytest
from django.core.management.base import CommandError

from gallery.management.commands.search_images import Command

DEFAULTS = {"query": "", "top": "10", "tags": "", "user": None, "image": None, "json": False, "verbosity": 1}


def parsed(*words: str) -> dict[str, object]:
    options = vars(Command().create_parser("manage.py", "search_images").parse_args(list(words)))
    return {name: options[name].strip() if name == "query" else options[name] for name in DEFAULTS}


@pytest.mark.parametrize(
    "query",
    ["-cat", "-5°C", "-5", "-猫", '-"red car"', "-(a b)", "-like:12", "-tag:a=b", "-top", "-vase", "-hat", "- a"],
)
def test_query_may_begin_with_a_dash(query):
    assert parsed(query) == DEFAULTS | {"query": query}
    assert parsed("--", query) == DEFAULTS | {"query": query}


@pytest.mark.parametrize("query", ["-cat", "-v8 engine", "a -b"])
def test_options_stand_before_and_after_such_a_query(query):
    expected = DEFAULTS | {"query": query, "top": "5", "json": True, "verbosity": 0, "user": "me"}

    assert parsed(query, "--top", "5", "--json", "-v0", "--user=me") == expected
    assert parsed("--top=5", "--json", "-v", "0", "--user", "me", query) == expected


def test_value_of_an_option_is_no_query():
    assert parsed("--top", "-5", "-cat") == DEFAULTS | {"top": "-5", "query": "-cat"}


@pytest.mark.parametrize("words", [["-h"], ["--help"], ["-cat", "-h"]])
def test_help_is_shown(words, capsys):
    with pytest.raises(SystemExit) as ended:
        parsed(*words)

    assert ended.value.code == 0
    assert "usage: manage.py search_images" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--nonsense"], ["-cat", "--tpo", "5"], ["-cat", "-dog"]])
def test_options_that_there_are_not_and_a_second_query_are_refused(words):
    with pytest.raises(CommandError):
        parsed(*words)
