"""What is asked for in several fields, as one tree."""

from uuid import UUID

import pytest

from gallery.errors import EmptyQuery, InvalidTag, QueryTooLong, QueryWithoutWords
from gallery.retrieval.tree import All, Comparison, Field, Filter, Like, Picture, Text, tree_of

KEPT = Picture(UUID(int=7))


def tagged(key: str) -> Filter:
    return Filter(Field.TAG, Comparison.EQUALS, key)


def test_what_is_asked_alone_is_a_leaf():
    assert tree_of(text=" a  cat ") == Text("a cat")
    assert tree_of(meanings=[Like(3)]) == Like(3)
    assert tree_of(tags=["Red"]) == tagged("red")


def test_what_is_asked_together_stands_together():
    tree = tree_of(text="cat", meanings=[KEPT, Like(3)], tags=["Red, 猫", "red", "old  town"])

    assert tree == All((Text("cat"), KEPT, Like(3), tagged("red"), tagged("猫"), tagged("old town")))


def test_blank_text_is_none_beside_something_else_and_a_mistake_alone():
    assert tree_of(text="  ", meanings=[KEPT], tags=["", " , "]) == KEPT
    for nothing in ({}, {"text": " \n"}, {"tags": ["\x00"]}):
        with pytest.raises(EmptyQuery):
            tree_of(**nothing)


def test_what_is_wrong_with_a_part_is_wrong_with_all():
    with pytest.raises(QueryWithoutWords):
        tree_of(text="?!", meanings=[KEPT])
    with pytest.raises(QueryTooLong):
        tree_of(text="abcd", max_characters=3)
    with pytest.raises(InvalidTag):
        tree_of(text="cat", tags=["x" * 65])
