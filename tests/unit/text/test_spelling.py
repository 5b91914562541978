import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.text.spelling import Correction, corrected, corrections

KNOWN = frozenset({"dog", "bird", "giraffe", "snowboard"})


@pytest.mark.parametrize(
    ("written", "meant"),
    [("dgo", "dog"), ("a dgo on the beach", "a dog on the beach"), ("Giraff", "Giraffe"), ("snowbaord", "snowboard")],
)
def test_spelling_slip_is_put_right(written, meant):
    assert corrected(written, corrections(written, preferred=KNOWN)) == meant


@pytest.mark.parametrize(
    "text",
    ["a dog", "lamborghini", "Hund im Schnee", "perro", "IMG_2034", "iPhone", "猫", "café", "xqzzv", "ab", "theater"],
)
def test_spelling_leaves_words_of_lists_names_and_other_letters(text):
    assert corrections(text, preferred=KNOWN) == ()


def test_spelling_word_without_a_clear_meaning_stays():
    assert corrections("womn") == ()  # woman or women


def test_spelling_prefers_what_the_encoder_knows():
    assert corrections("girafe", preferred=frozenset({"giraffe"})) == (Correction("girafe", "giraffe"),)


@given(st.text(max_size=40))
def test_spelling_changes_nothing_but_its_corrections(text):
    slips = corrections(text, preferred=KNOWN)

    kept = re.split(r"[^\W\d_]+", text)

    assert re.split(r"[^\W\d_]+", corrected(text, slips)) == kept
    assert (corrected(text, slips) == text) is (not slips)
