import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.text.name_looks import has_invisible_characters, look_of, mixed_scripts


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("admin", "аdmin"),  # Cyrillic а
        ("admin", "ａｄｍｉｎ"),
        ("admin", "𝐚𝐝𝐦𝐢𝐧"),
        ("admin", "adm1n"),
        ("admin", "ADMIN"),
        ("admin", "admın"),
        ("admin", "ad\u00admin"),
        ("admin", "admin."),
        ("admin", "__admin__"),
        ("admin", "admi\u3164n"),
        ("modern", "modem"),
        ("vvoody", "woody"),
        ("ʙᴏʙ", "bob"),
        ("coco", "сосо"),
        ("BOB", "ВОВ"),
        ("paypal", "раураӏ"),
        ("Ian", "lan"),
        ("g00gle", "Google"),
        ("ann.lee", "ann-lee"),
        ("二", "ニ"),
        ("王伟", "王伟_"),
    ],
)
def test_names_that_are_mistaken_for_each_other_look_alike(name, other):
    assert look_of(name) == look_of(other) != ""


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("alice", "alicia"),
        ("bob", "rob"),
        ("jose", "josé"),
        ("anna", "ann"),
        ("a.b", "ab"),
        ("王伟", "王韦"),
        ("user1", "user2"),
    ],
)
def test_names_that_are_told_apart_look_different(name, other):
    assert look_of(name) != look_of(other)


@pytest.mark.parametrize(("name", "scripts"), [("аdmin", ["Cyrillic", "Latin"]), ("αlice", ["Greek", "Latin"])])
def test_scripts_that_are_not_written_together_are_named(name, scripts):
    assert mixed_scripts(name) == scripts


@pytest.mark.parametrize(
    "name", ["alice_2", "иван", "王wei", "ケンken", "민수min", "Ελένη", "محمد", "josé@example.org"]
)
def test_scripts_that_are_written_together_are_fine(name):
    assert mixed_scripts(name) == []


@pytest.mark.parametrize(("name", "hidden"), [("a\u200db", True), ("a\u3164", True), ("ann lee", False), ("王", False)])
def test_invisible_characters_are_found(name, hidden):
    assert has_invisible_characters(name) is hidden


def test_name_of_signs_alone_looks_like_nothing():
    assert look_of("._-@+") == ""


@given(st.text(max_size=30))
def test_every_name_has_a_look_and_its_case_and_width_change_nothing(name):
    assert look_of(name) == look_of(f"_{name}.")
    assert look_of("".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in name)) == look_of(name)
