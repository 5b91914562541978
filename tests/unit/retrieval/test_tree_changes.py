"""Trees out of trees, as the links of a search page need them."""

from datetime import date

import pytest

from gallery.retrieval.language import format, parse
from gallery.retrieval.tree import Like, Text
from gallery.retrieval.tree_changes import parts_of, with_first_text, with_part, without

TODAY = date(2024, 5, 6)


def tree(query: str):
    return parse(query, TODAY)


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("red car tag:a -dog", ["tag:a -dog", "red car -dog", "red car tag:a"]),
        ("a OR b", [None]),
        ("dog", [None]),
        ("a dog^2 b", ["dog^2 b", "a (b)", "a dog^2"]),
    ],
)
def test_each_part_can_be_taken_away(query, left):
    asked = tree(query)

    found = [without(asked, place) for place in range(len(parts_of(asked)))]

    assert [part and format(part) for part in found] == left
    assert [part for part in found if part and parse(format(part), TODAY) != part] == []


@pytest.mark.parametrize(
    ("query", "wider"),
    [
        ("red car", "red car like:5"),
        ("a OR b", "(a OR b) like:5"),
        ("tag:x like:5", "tag:x like:5"),
        ("like:5", "like:5"),
    ],
)
def test_a_part_is_added_once(query, wider):
    assert format(with_part(tree(query), Like(5))) == wider


def test_a_part_alone_is_the_tree():
    assert with_part(None, Like(5)) == Like(5)


@pytest.mark.parametrize(
    ("query", "other"),
    [
        ("a dgo tag:x", "a dog tag:x"),
        ("-dgo a dgo", "-dgo (a dog)"),
        ("tag:x (a dgo)^2 b", "tag:x (a dog)^2 b"),
        ("(a dgo) OR b", "a dog OR b"),
        ("tag:x -dgo", "tag:x -dgo"),
    ],
)
def test_the_first_text_that_is_not_excluded_is_replaced(query, other):
    assert with_first_text(tree(query), "a dog") == tree(other)


def test_other_words_are_taken_as_typed_where_those_before_were():
    assert with_first_text(Text("a", as_typed=True), "b") == Text("b", as_typed=True)
