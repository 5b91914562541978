"""Every example of docs/search.md, in both languages, is understood as it says there."""

import re
from datetime import date
from pathlib import Path

import pytest

from gallery.errors import InvalidInput
from gallery.retrieval.exclusions import read_exclusions
from gallery.retrieval.language import format, parse, read_query
from gallery.retrieval.language.choices import CHOICES
from gallery.retrieval.language.fields import CHINESE, FieldName
from gallery.retrieval.tree import Field, State

DOCS = Path(__file__).parents[3] / "docs"
PAGES = ("search.md", "search.zh.md")
TODAY = date(2026, 11, 28)
BLOCK = re.compile(r"^```(search|excluding|mistakes)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def lines_of(kind: str) -> list[str]:
    blocks = [found for name in PAGES for found in BLOCK.findall(page(name))]
    return [line for block_kind, block in blocks if block_kind == kind for line in block.splitlines()]


def test_there_are_examples():
    assert len(lines_of("search")) > 120
    assert len(lines_of("mistakes")) > 20
    assert len(lines_of("excluding")) > 30


@pytest.mark.parametrize("line", lines_of("search"))
def test_example_means_what_is_written_behind_it(line):
    query, _arrow, meaning = line.partition("   →   ")

    assert format(parse(query, TODAY)) == (meaning or query)


@pytest.mark.parametrize("line", lines_of("excluding"))
def test_sentence_excludes_what_is_written_behind_it(line):
    query, _arrow, meaning = line.partition("   →   ")

    assert format(read_exclusions(parse(query, TODAY)).tree) == (meaning or query)


@pytest.mark.parametrize("line", lines_of("mistakes"))
def test_example_is_the_mistake_that_is_written_behind_it(line):
    query, told = line.split("   ✗   ")
    told, arrow, suggestion = told.partition("   →")

    with pytest.raises(InvalidInput) as caught:
        read_query(query, TODAY)

    details = caught.value.details
    there = query[details["start"] : details["end"]]
    assert [caught.value.code, there] == told.split("   ")
    assert details["suggestion"] == (suggestion.strip() if arrow else None)


@pytest.mark.parametrize("name", PAGES)
def test_page_names_every_field_and_value_in_both_languages(name):
    text = page(name)

    fields = [f"`{field}:`" for field in [*FieldName, *CHINESE]]
    assert [field for field in fields if field not in text] == []
    values = [state.value for state in State] + [word for word in CHOICES[Field.IS] if word != "favorite"]
    assert [value for value in values if value not in text] == []
