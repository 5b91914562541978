"""What the beginnings of fields, values and days may become, in the language they are typed in."""

from datetime import date

import pytest

from gallery.retrieval.language import parse
from gallery.retrieval.language.choices import CHOICES
from gallery.retrieval.language.completions import choices_called, days_called, fields_called, value_text
from gallery.retrieval.language.fields import FieldName
from gallery.retrieval.tree import Field, Period

TODAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("beginning", "spellings"),
    [
        ("ta", ["tag", "taken"]),
        ("Tag", ["tag"]),
        ("col", ["colour"]),
        ("color", ["color"]),
        ("标", ["标签"]),
        ("lik", []),
        ("x", []),
    ],
)
def test_fields_are_named_in_the_language_typed(beginning, spellings):
    assert list(fields_called(beginning).values()) == spellings


def test_values_are_those_of_the_language_typed():
    assert list(choices_called(FieldName.IS, "p", in_chinese=False)) == ["portrait", "private", "public", "pending"]
    assert list(choices_called(FieldName.IS, "横", in_chinese=True)) == ["横图"]
    assert "收藏" in choices_called(FieldName.IS, "", in_chinese=True)
    assert "favourite" in choices_called(FieldName.IS, "", in_chinese=False)
    assert list(choices_called(FieldName.COLOUR, "gra", in_chinese=False)) == ["gray"]


@pytest.mark.parametrize("in_chinese", [True, False])
@pytest.mark.parametrize("field", [FieldName.IS, FieldName.COLOUR, FieldName.FORMAT])
def test_each_value_is_offered_once_and_is_read_as_what_it_says(field, in_chinese):
    choices = choices_called(field, "", in_chinese=in_chinese)

    assert sorted(asked.value for asked in choices.values()) == sorted(set(CHOICES[Field(field)].values()))
    for spelling, asked in choices.items():
        assert parse(f"{field}:{spelling}", TODAY) == asked


@pytest.mark.parametrize(
    ("beginning", "today", "days"),
    [
        ("last su", TODAY, {"last summer": Period(date(2026, 6, 1), date(2026, 8, 31))}),
        ("last su", date(2026, 8, 31), {"last summer": Period(date(2025, 6, 1), date(2025, 8, 31))}),
        ("last wi", date(2026, 1, 5), {"last winter": Period(date(2024, 12, 1), date(2025, 2, 28))}),
        ("去年夏", TODAY, {"去年夏天": Period(date(2025, 6, 1), date(2025, 8, 31))}),
        ("去年冬", TODAY, {"去年冬天": Period(date(2025, 12, 1), date(2026, 2, 28))}),
        ("last year", TODAY, {"last year": Period(date(2025, 1, 1), date(2025, 12, 31))}),
        ("2023", TODAY, {"2023": Period(date(2023, 1, 1), date(2023, 12, 31))}),
        ("2023-05", TODAY, {"2023-05": Period(date(2023, 5, 1), date(2023, 5, 31))}),
        ("２０２３年", TODAY, {"2023年": Period(date(2023, 1, 1), date(2023, 12, 31))}),
        ("1500", TODAY, {}),
        ("2900", TODAY, {}),
        ("a cat", TODAY, {}),
    ],
)
def test_days_are_seen_from_today(beginning, today, days):
    assert days_called(beginning, today) == days


def test_without_a_beginning_days_are_named_in_one_language():
    assert list(days_called("", TODAY, in_chinese=False))[:2] == ["today", "yesterday"]
    assert list(days_called("", TODAY, in_chinese=True))[:2] == ["今天", "昨天"]


def test_a_value_is_written_as_the_language_does():
    assert value_text(parse('album:"Trip 1"', TODAY)) == '"Trip 1"'
    assert value_text(parse("taken:2023-05-01..2023-05-31", TODAY)) == "2023-05"
