"""One folding for whatever is compared without regard to case, width and marks."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.text.folding import folded

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
ENGLAND, WALES = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e007f", "\U0001f3f4\U000e0067\U000e0077\U000e007f"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ФОТО", "фото"),
        ("Ärger", "arger"),
        ("A\u0308rger", "ärger"),
        ("İstanbul", "istanbul"),
        ("ISTANBUL", "İstanbul"),
        ("ısparta", "ISPARTA"),
        ("Straße", "STRASSE"),
        ("STRAẞE", "strasse"),
        ("Łódź", "lodz"),
        ("Smørrebrød", "smorrebrod"),
        ("Œuvre", "oeuvre"),
        ("Tiếng Việt đẹp", "tieng viet dep"),
        ("ΟΔΟΣ", "οδός"),
        ("ᾍδης", "αιδησ"),
        ("Ёлка", "елка"),
        ("за\u0301мок", "замок"),
        ("Чай".replace("й", "и\u0306"), "чай"),
        ("ＩＭＧ＿０１", "img_01"),
        ("ｶﾞｷﾞ", "ガギ"),
        ("か\u3099", "が"),
        ("한국".encode().decode(), unicodedata.normalize("NFD", "한국")),
        ("ﬁne", "fine"),
        ("㎏", "kg"),
        ("⼭", "山"),
        ("שָׁלוֹם", "שלום"),
        ("مُحَمَّد", "محمد"),
        ("أحمد", "احمد"),
        ("محـــمد", "محمد"),
        ("می\u200cخواهم", "ميخواهم"),
        ("کتاب", "كتاب"),
        ("۱۲۳ ٤٥", "123 45"),
        ("१२", "12"),
        ("Don’t", "don't"),
        ("2019–2020", "2019-2020"),
        ("soft\u00adhyphen", "softhyphen"),
        ("5.00\u202fPM  x\n\ty", "5.00 pm x y"),
        ("❤\ufe0f", "❤"),
        ("👨\u200d👩\u200d👧", "👨👩👧"),
    ],
)
def test_spellings_that_mean_the_same_fold_alike(one, other):
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("か", "が"),
        ("は", "ぱ"),
        ("か", "カ"),
        ("가", "각"),
        ("чай", "чаи"),
        ("їжак", "іжак"),
        ("कि", "की"),
        ("क्या", "कया"),
        ("ป่า", "ปา"),
        ("猫", "貓"),
        ("狗", "犬"),
        ("c++", "c"),
        ("👍", "👎"),
        (ENGLAND, WALES),
    ],
)
def test_letters_of_their_own_stay_apart(one, other):
    assert folded(one) != folded(other)


def test_folded_words_read_as_people_type_them():
    assert folded("  İSTANBUL, Göteborg & Ærø ") == "istanbul, goteborg & aero"
    assert folded("") == folded(" \n\u200b ") == ""


@given(ANY_TEXT)
def test_folding_twice_changes_nothing(text):
    assert folded(folded(text)) == folded(text)


@given(ANY_TEXT)
def test_every_form_and_case_of_a_text_folds_alike(text):
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert folded(unicodedata.normalize(form, text)) == folded(text)
    assert folded(text.upper()) == folded(text.lower()) == folded(text)


@given(ANY_TEXT, ANY_TEXT)
def test_words_apart_fold_each_by_itself(one, other):
    assert folded(f"{one} {other}") == " ".join(f"{folded(one)} {folded(other)}".split())


def test_every_character_folds_once_and_for_all():
    changing = [code for code in range(sys.maxunicode + 1) if folded(once := folded(chr(code))) != once]

    assert changing == []
