"""Which texts name several things."""

import pytest

from gallery.encoders.offline.enumerations import named_things

KNOWN = {"dog", "cat", "bread", "pizza", "salt and pepper", "狗", "猫", "面包", "披萨"}


@pytest.mark.parametrize(
    ("text", "things"),
    [
        ("a dog and a cat", ["dog", "cat"]),
        ("dogs, cats or pizza", ["dogs", "cats", "pizza"]),
        ("面包和披萨", ["面包", "披萨"]),
        ("一只狗、一只猫", ["狗", "猫"]),
    ],
)
def test_named_things_are_the_parts_that_are_joined(text, things):
    assert named_things(text, known=KNOWN) == things


@pytest.mark.parametrize("text", ["", "dog", "a dog and its owner", "a dog on the grass", "和", "sandwich", ","])
def test_named_things_are_none_unless_all_are_known(text):
    assert named_things(text, known=KNOWN) == []
