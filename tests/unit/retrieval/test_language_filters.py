"""Fields and what they take, in both languages: each spelling of a filter is the same filter."""

from datetime import date
from uuid import UUID

import pytest

from gallery.retrieval.language import ME, format, parse
from gallery.retrieval.tree import (
    All,
    Box,
    Comparison,
    Field,
    Filter,
    Like,
    NameWithGaps,
    Node,
    NumberRange,
    Period,
    Picture,
    Region,
    State,
    Text,
)

TODAY = date(2026, 11, 28)  # a Saturday
UUID_TEXT = "12345678-1234-1234-1234-123456789abc"


def asked(query: str) -> Node:
    return parse(query, TODAY)


def equal(field: Field, value: object) -> Filter:
    return Filter(field, Comparison.EQUALS, value)


@pytest.mark.parametrize(
    ("queries", "field", "comparison", "value"),
    [
        (["tag:holiday", "TAG:Holiday", 'tag:"holiday"', "标签:holiday", "ｔａｇ：holiday"], Field.TAG, "=", "holiday"),
        (["标签：假期", "tag:假期", "标签:「假期」"], Field.TAG, "=", "假期"),
        (['album:"Trip 1"', "相册：“Trip  1”", "album:「Trip 1」"], Field.ALBUM, "=", "Trip 1"),
        (["owner:me", "主人:我", "owner:ME", "主人：me"], Field.OWNER, "=", ME),
        (["owner:bob", "主人:bob"], Field.OWNER, "=", "bob"),
        (["name:IMG", "名称:IMG", 'name:"IMG"'], Field.NAME, "contains", "IMG"),
        (["name:IMG_01*", "名称：IMG_01＊", "name:IMG_01**"], Field.NAME, "matches", NameWithGaps(("IMG_01", ""))),
        (["name:*.jpg"], Field.NAME, "matches", NameWithGaps(("", ".jpg"))),
        (['name:"a b* c*d"'], Field.NAME, "matches", NameWithGaps(("a b", " c", "d"))),
        ([r"name:a\*b", r'name:"a\*b"'], Field.NAME, "contains", "a*b"),
        (["text:发票", "文字:发票"], Field.TEXT, "contains", "发票"),
        (["format:jpeg", "format:JPG", "格式:jpeg", "format:jfif"], Field.FORMAT, "=", "JPEG"),
        (["format:heic", "format:heif"], Field.FORMAT, "=", "HEIF"),
        (['format:"jpeg xl"', "format:jxl"], Field.FORMAT, "=", "JXL"),
        (["colour:red", "color:red", "颜色:红", "颜色：红色", "COLOR:Red"], Field.COLOUR, "=", "red"),
        (["colour:grey", "colour:gray", "颜色:灰"], Field.COLOUR, "=", "grey"),
        (["is:portrait", "是:竖图", "IS:Portrait"], Field.IS, "=", State.PORTRAIT),
        (["is:landscape", "是:横图"], Field.IS, "=", State.LANDSCAPE),
        (["is:square", "是:方图"], Field.IS, "=", State.SQUARE),
        (["is:private", "是:私有"], Field.IS, "=", State.PRIVATE),
        (["is:shared", "是:共享"], Field.IS, "=", State.SHARED),
        (["is:public", "是:公开"], Field.IS, "=", State.PUBLIC),
        (["is:pending", "是:等待"], Field.IS, "=", State.PENDING),
        (["is:failed", "是:失败"], Field.IS, "=", State.FAILED),
        (["is:animated", "是:动图"], Field.IS, "=", State.ANIMATED),
        (["is:untagged", "是:无标签"], Field.IS, "=", State.UNTAGGED),
        (["is:favourite", "is:favorite", "是:收藏"], Field.IS, "=", State.FAVOURITE),
        (["width:>2000", "宽:>2000", "宽：＞２０００", "width:>2000px"], Field.WIDTH, ">", 2000),
        (["height:<=500", "高:<=500", "高:≤500", "height:..500"], Field.HEIGHT, "<=", 500),
        (["width:>=500", "width:500.."], Field.WIDTH, ">=", 500),
        (["width:500", "width:=500", "width:500..500"], Field.WIDTH, "=", 500),
        (["width:1000..2000", "宽:1000..2000", "width:1000‥2000"], Field.WIDTH, "..", NumberRange(1000, 2000)),
        (["pixels:>12M", "pixels:>12MP", "像素:>12m", "pixels:>12000000"], Field.PIXELS, ">", 12_000_000),
        (["pixels:12.5M"], Field.PIXELS, "=", 12_500_000),
        (["size:<1MB", "大小:<1mb", "size:<1000KB", "size:<1000000", "size:<1M"], Field.SIZE, "<", 1_000_000),
        (["size:1GB"], Field.SIZE, "=", 1_000_000_000),
        (["size:1MB..5MB", "size:1..5MB", "大小:1MB..5MB"], Field.SIZE, "..", NumberRange(1_000_000, 5_000_000)),
        (["size:500B..2MB", "size:0.5KB..2MB"], Field.SIZE, "..", NumberRange(500, 2_000_000)),
    ],
)
def test_each_spelling_of_a_filter_is_the_same_filter(queries, field, comparison, value):
    wanted = Filter(field, Comparison(comparison), value)

    assert [asked(query) for query in queries] == [wanted] * len(queries)
    assert len({format(asked(query)) for query in queries}) == 1


@pytest.mark.parametrize(
    ("queries", "field", "comparison", "value"),
    [
        (["taken:2023", "拍摄:2023年", "taken:2023..2023-12"], Field.TAKEN, "..", ("2023-01-01", "2023-12-31")),
        (["taken:2023-05..2023-08", "拍摄：2023年5月..2023/8"], Field.TAKEN, "..", ("2023-05-01", "2023-08-31")),
        (["taken:2024-02", "taken:2024.2..2024-02-29"], Field.TAKEN, "..", ("2024-02-01", "2024-02-29")),
        (["taken:2023-05-06", "拍摄:2023年5月6日", "拍摄:2023/5/6"], Field.TAKEN, "..", ("2023-05-06", "2023-05-06")),
        (["taken:2023..", "taken:>=2023", "taken:>=2023-01", "taken:≥2023-01-01"], Field.TAKEN, ">=", "2023-01-01"),
        (["taken:..2023", "taken:<=2023-12"], Field.TAKEN, "<=", "2023-12-31"),
        (["added:>2024-01-01", "添加:>2024-01-01"], Field.ADDED, ">", "2024-01-01"),
        (["added:>2024", "添加:>2024年", "added:>2024-12-31"], Field.ADDED, ">", "2024-12-31"),
        (["added:<2024", "added:<2024-01-01"], Field.ADDED, "<", "2024-01-01"),
        (["before:2020", "早于:2020", "早于：2020年", "before:2020-01-01"], Field.DATE, "<", "2020-01-01"),
        (["after:2019", "晚于:2019", "after:2019-12-31", "after:2019-12"], Field.DATE, ">", "2019-12-31"),
        (["taken:today", "拍摄:今天", "taken:2026-11-28"], Field.TAKEN, "..", ("2026-11-28", "2026-11-28")),
        (["taken:yesterday", "拍摄:昨天"], Field.TAKEN, "..", ("2026-11-27", "2026-11-27")),
        (["taken:last-week", 'taken:"last week"', "拍摄:上周"], Field.TAKEN, "..", ("2026-11-16", "2026-11-22")),
        (["taken:last-month", "拍摄:上个月", "taken:2026-10"], Field.TAKEN, "..", ("2026-10-01", "2026-10-31")),
        (["taken:last-year", "拍摄:去年", "taken:2025"], Field.TAKEN, "..", ("2025-01-01", "2025-12-31")),
        (["added:>去年"], Field.ADDED, ">", "2025-12-31"),
    ],
)
def test_each_spelling_of_a_date_is_the_same_date(queries, field, comparison, value):
    days = Period(*map(date.fromisoformat, value)) if isinstance(value, tuple) else date.fromisoformat(value)

    assert [asked(query) for query in queries] == [Filter(field, Comparison(comparison), days)] * len(queries)
    assert len({format(asked(query)) for query in queries}) == 1


def test_a_month_before_january_is_of_the_year_before():
    assert parse("taken:last-month", date(2026, 1, 31)) == asked("taken:2025-12")


def test_a_comma_separates_tags_only():
    assert asked("tag:a,b") == asked("tag:a tag:b") == asked('tag:"a，b"') == asked("tag:a,b,,A")
    assert asked("tag:a\u037eb") == asked("tag:a,b")  # a Greek question mark, which NFC makes a semicolon
    assert asked("tag:a,b") == All((equal(Field.TAG, "a"), equal(Field.TAG, "b")))
    assert asked("album:a,b") == equal(Field.ALBUM, "a,b")
    assert asked("tag:a，b") == All((equal(Field.TAG, "a"), Text("b")))


def test_a_value_ends_at_a_space_or_is_quoted():
    assert asked("album:Trip 1") == All((equal(Field.ALBUM, "Trip"), Text("1")))
    assert asked("(album:Trip) 1") == asked("album:Trip (1)")
    assert asked("tag:a:b") == equal(Field.TAG, "a:b")


def test_like_is_what_resembles_a_picture_or_a_box_of_it():
    assert asked("like:123") == asked("像:123") == asked("像：１２３") == Like(123)
    assert asked(f"picture:{UUID_TEXT}") == asked(f"图:{UUID_TEXT.upper()}") == Picture(UUID(UUID_TEXT))
    box = Region(Like(123), Box(0.1, 0.2, 0.5, 0.4))
    assert asked("like:123[0.1,0.2,0.5,0.4]") == box
    assert asked("像：１２３［０.１，.2、 0.50 0.4］") == box
    assert asked("like:1[0,0,1,1]") == Region(Like(1), Box(0, 0, 1, 1))
    assert asked("like:1[0.7,0.8,0.3,0.2]") == Region(Like(1), Box(0.7, 0.8, 0.3, 0.2))


def test_a_square_bracket_opens_only_behind_like():
    assert asked("tag:x[1]") == equal(Field.TAG, "x[1]")
    assert asked("a [b c] like [1]") == Text("a [b c] like [1]")
