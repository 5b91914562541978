import pytest

from gallery.text.misread import misreadings, stands_in, tolerates


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("garage", "the garage is open"),
        ("garage", "the garoge"),
        ("garage", "xarage"),
        ("garage", "garagx"),
        ("the garage", "thegarage"),
        ("发票", "增值税发票"),
        ("增值税", "增直税发票"),
        ("税发票", "税发栗"),
        ("inv", "invoice"),
    ],
)
def test_words_stand_in_a_text_with_one_sign_misread(words, text):
    assert stands_in(words, text)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("garage", "the gaaoge"),  # two signs
        ("garage", "arage"),  # one is missing
        ("open", "opan"),  # too short
        ("发票", "发栗"),
        ("a4发", "a4票"),
        ("garage", ""),
        ("", "garage"),
    ],
)
def test_words_that_do_not_stand_in_a_text(words, text):
    assert not stands_in(words, text)


def test_a_page_of_words_is_looked_for_as_it_is():
    assert misreadings("x" * 100) != ()
    assert not tolerates("x" * 101)
