import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.text.chinese import simplified, written_otherwise


@pytest.mark.parametrize(
    ("written", "simple"),
    [
        ("貓", "猫"),
        ("黑貓和狗", "黑猫和狗"),
        ("電腦", "电脑"),
        ("猫", "猫"),
        ("魟鱼", "魟鱼"),
        ("a cat", "a cat"),
        ("", ""),
    ],
)
def test_chinese_traditional_characters_become_simplified_ones(written, simple):
    assert simplified(written) == simple


def test_chinese_leaves_japanese_as_it_is():
    assert simplified("図書館の貓") == "図書館の貓"


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("貓", {"猫"}),
        ("猫", {"貓"}),
        ("头发", {"頭髮"}),
        ("出發", {"出发"}),
        ("面条", {"麪條", "麵條"}),
        ("一只狗 a", {"一隻狗 a"}),
        ("狗", set()),
        ("図書館の貓", set()),
        ("a cat", set()),
    ],
)
def test_chinese_is_written_in_both_kinds_of_characters(text, others):
    assert written_otherwise(text) == {text} | others


@given(st.text())
def test_chinese_that_is_written_otherwise_holds_the_text_and_its_simplified_form(text):
    assert {text, simplified(text)} <= written_otherwise(text)
