"""Colours in pixels and in words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.encoders.offline.colours import COLOURS, EXAMPLES, USUAL_SHARES, colour_evidence, colours_in

KNOWN = frozenset(
    {"cat", "car", "wine", "red wine", "orange", "fire engine", "猫", "车", "汽车", "黑板", "红酒", "great white shark"}
)


@pytest.mark.parametrize(
    ("text", "colours", "rest"),
    [
        ("a red car", ("red",), "a car"),
        ("A RED car", ("red",), "A car"),
        ("gray car, grey cat", ("grey",), "car, cat"),
        ("the red and blue car", ("red", "blue"), "the and car"),
        ("红色的汽车", ("red",), "汽车"),
        ("街道上的红色汽车", ("red",), "街道上的汽车"),
        ("深蓝色的车", ("blue",), "车"),
        ("黑猫", ("black",), "猫"),
        ("一只黑猫", ("black",), "一只猫"),
        ("白色", ("white",), "白色"),
        ("something green", ("green",), "something green"),
        ("an orange cat", ("orange",), "an cat"),
    ],
)
def test_colours_are_found_and_taken_out(text, colours, rest):
    found = colours_in(text, known=KNOWN)

    assert found.colours == colours
    assert found.rest == rest


@pytest.mark.parametrize(
    "text",
    [
        "red wine",
        "a glass of red wine",
        "an orange",
        "orange juice",
        "great white shark",
        "黑板",
        "红酒",
        "blackbird",
        "红军",
    ],
)
def test_colours_that_belong_to_a_name_are_left_alone(text):
    found = colours_in(text, known=KNOWN)

    assert found.colours == ()
    assert found.rest == text


@given(st.text(max_size=60))
def test_colours_in_takes_any_text(text):
    found = colours_in(text, known=KNOWN)

    assert set(found.colours) <= set(COLOURS)
    assert found.rest or not text


@pytest.mark.parametrize("colour", COLOURS)
def test_plain_area_is_most_of_all_its_own_colour(colour):
    code = bytes.fromhex(EXAMPLES[colour][0][1:])
    pixels = np.tile(np.array(list(code), np.uint8), (8, 8, 1))

    evidence = colour_evidence(pixels, np.ones((8, 8), np.float32))

    assert COLOURS[int(evidence.argmax())] == colour
    assert evidence.max() > 0.5
    assert evidence.min() >= 0


def test_evidence_is_that_of_the_weighted_part():
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:2, :2] = (255, 0, 0)
    weights = np.full((8, 8), 0.001, np.float32)
    weights[:2, :2] = 1

    assert COLOURS[int(colour_evidence(pixels, weights).argmax())] == "red"


def test_usual_shares_are_shares():
    assert USUAL_SHARES.sum() == pytest.approx(1, abs=1e-6)
    assert len(USUAL_SHARES) == len(COLOURS)
