"""Each tree has one spelling."""

from datetime import date
from uuid import UUID

import pytest

from gallery.retrieval.language import format, parse
from gallery.retrieval.tree import Any, Box, Comparison, Field, Filter, Picture, Region, Text

TODAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("query", "written"),
    [
        ("  red   car ", "red car"),
        ("「红色  汽车」", '"红色 汽车"'),
        ("NOT dog", "-dog"),
        ("−(red car)", "-(red car)"),
        ("NOT 5", "NOT 5"),
        ("NOT １", "NOT １"),
        ("-like:5", "-like:5"),
        ("red tag:x car", "red car tag:x"),
        ("red (tag:x) (car)", "red tag:x (car)"),
        ("tag:x red car | bus", "tag:x (red car OR bus)"),
        ("a -b OR c", "(a -b) OR c"),
        ("tag:a,b", "tag:a tag:b"),
        ("(dog)^2.50", "dog^2.5"),
        ("(red car)^2", "(red car)^2"),
        ("(tag:x)^2", "(tag:x)^2"),
        ("(a^2)^2", "(a^2)^2"),
        (r"\-dog c:\x \"q\" a\^2", r"\-dog c:\x \"q\" a\^2"),
        (r"tag\:x Name: John 12:30", r"tag\:x Name: John 12:30"),
        ("a - b T-shirt", "a - b T-shirt"),
        ('27" IMG (2).jpg', '27" IMG (2).jpg'),
        ('相册：「A "b"」', r'album:"A \"b\""'),
        ('tag:"a(b"', 'tag:"a(b"'),
        ("名称:*１.jpg", "name:*１.jpg"),
        ('name:"a b*"', 'name:"a b*"'),
        ("格式:JPG", "format:jpeg"),
        ("颜色:灰色", "colour:grey"),
        ("是:收藏", "is:favourite"),
        ("宽:1000..", "width:>=1000"),
        ("pixels:>12500000", "pixels:>12.5M"),
        ("size:500..2000000", "size:500..2000000"),
        ("size:500KB..2MB", "size:500KB..2MB"),
        ("size:1234567", "size:1.234567MB"),
        ("拍摄:2023年5月..2023年8月", "taken:2023-05..2023-08"),
        ("taken:2023..2023-05", "taken:2023..2023-05"),
        ("taken:2023-01-01..2024-12-31", "taken:2023..2024"),
        ("taken:2023..", "taken:>=2023"),
        ("added:>2024-12-31", "added:>2024"),
        ("早于:2020-01-01", "before:2020"),
        ("晚于:2019-05-31", "after:2019-05"),
        ("像：１[.10，0.2，0.5，0.4]", "like:1[0.1,0.2,0.5,0.4]"),
    ],
)
def test_tree_is_written_in_one_way(query, written):
    assert format(parse(query, TODAY)) == written
    assert format(parse(written, TODAY)) == written
    assert parse(written, TODAY) == parse(query, TODAY)


def test_small_shares_are_written_without_exponents():
    assert format(parse("like:1[0.00000001,0,0.5,0.5]", TODAY)) == "like:1[0.00000001,0,0.5,0.5]"


def test_what_no_query_can_name_is_not_written():
    brought = Region(Picture(UUID(int=7)), Box(0, 0, 1, 1))
    with pytest.raises(TypeError):
        format(brought)
    with pytest.raises(TypeError):
        format(Any((Text("a"), brought)))


def test_filters_of_names_with_stars_keep_them():
    named = Filter(Field.NAME, Comparison.CONTAINS, "a*b c")

    assert format(named) == r'name:"a\*b c"'
    assert parse(format(named), TODAY) == named
