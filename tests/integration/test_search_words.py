"""The parts of a search as people read them, in both languages."""

from datetime import date
from uuid import UUID

import pytest
from django.utils.translation import override

from gallery.retrieval.language import parse
from gallery.retrieval.tree import Box, Picture, Region
from gallery.views.search_words import in_words, reason_in_words

TODAY = date(2024, 5, 6)
WORDS = [
    ("tag:warm", "Tag: warm", "标签：warm"),
    ('album:"Trip 1"', "Album: Trip 1", "相册：Trip 1"),
    ("owner:me", "Owner: me", "所有者：我"),
    ("owner:bob", "Owner: bob", "所有者：bob"),
    ("name:IMG_*", "Name: IMG_*", "名称：IMG_*"),
    ("format:jpg", "Format: JPEG", "格式：JPEG"),
    ("颜色:红", "Colour: red", "颜色：红色"),
    ("is:landscape", "Landscape", "横图"),
    ("width:>2000", "Width: >2000", "宽：>2000"),
    ("taken:2023", "Taken: 2023", "拍摄时间：2023"),
    ("before:2020", "Before: 2020", "早于：2020"),
    ("after:2019-05", "After: 2019-05", "晚于：2019-05"),
    ('"a b"', "“a b”", "“a b”"),
    ("-dog", "Not: dog", "不含：dog"),
    ("-is:square", "Not: Square", "不含：方图"),
    ("like:5", "Like picture 5", "与图片 5 相似"),
    ("like:5[0.1,0.1,0.2,0.2]", "Like picture 5, a part of it", "与图片 5 相似（局部）"),
    ("a OR b", "a OR b", "a OR b"),
    ("(red car)^2", "(red car)^2", "(red car)^2"),
]


@pytest.mark.parametrize(("query", "english", "chinese"), WORDS)
def test_a_part_is_named_in_the_reader_s_language(query, english, chinese):
    node = parse(query, TODAY)

    with override("en"):
        assert in_words(node) == english
    with override("zh-hans"):
        assert in_words(node) == chinese


def test_a_part_of_a_picture_that_was_brought_has_a_name():
    with override("en"):
        assert in_words(Region(Picture(UUID(int=1)), Box(0, 0, 0.5, 0.5))) == "Like your picture, a part of it"


@pytest.mark.parametrize(
    ("kind", "detail", "english", "chinese"),
    [
        ("looks_like", "dog", "Looks like: dog", "看起来像：dog"),
        ("looks_like", "like:5", "Looks like: Like picture 5", "看起来像：与图片 5 相似"),
        ("looks_like", '27" (', 'Looks like: 27" (', '看起来像：27" ('),
        ("name", "IMG_1.jpg", "Name: IMG_1.jpg", "名称：IMG_1.jpg"),
        ("tag", "warm", "Tag: warm", "标签：warm"),
        ("album", "Trip 1", "Album: Trip 1", "相册：Trip 1"),
        ("description", "a b", "Description: a b", "描述：a b"),
        ("text", "发票", "Text in the picture: 发票", "图中文字：发票"),
        ("colour", "red", "Colour: red", "颜色：红色"),
        ("filter", "is:landscape", "Landscape", "横图"),
        ("filter", "-tag:x", "Not: Tag: x", "不含：标签：x"),
    ],
)
def test_a_reason_is_named_in_the_reader_s_language(kind, detail, english, chinese):
    with override("en"):
        assert reason_in_words(kind, detail) == english
    with override("zh-hans"):
        assert reason_in_words(kind, detail) == chinese
