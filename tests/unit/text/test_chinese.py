import pytest

from gallery.text.chinese import simplified


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
