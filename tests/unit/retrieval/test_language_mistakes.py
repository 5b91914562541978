"""Each mistake is an error with a code, its place in the text as it was sent, and what may have been meant."""

from datetime import date

import pytest
from django.utils.translation import override

from gallery.error_messages import sentence
from gallery.errors import InvalidInput
from gallery.retrieval.language import MAX_CHARACTERS, MAX_CLAUSES, MAX_MEANINGS, MAX_NESTING, Hint, Place, read_query
from gallery.retrieval.tree import Comparison, Field, Filter, Like, Not, Text

TODAY = date(2026, 11, 28)


def mistake_in(query: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read_query(query, TODAY)
    return caught.value


MISTAKES = [  # query, code, what its place holds, suggestion
    ('a "b c', "unclosed_quote", '"', '\\"'),
    ("a 「红色", "unclosed_quote", "「", "\\「"),
    ("tag:“x", "unclosed_quote", "“", "\\“"),
    ('a "b"c', "unclosed_quote", '"', '\\"'),
    ("a (b OR c", "unclosed_bracket", "(", "\\("),
    ("红 （车", "unclosed_bracket", "（", "\\（"),
    ("(a b).jpg", "unclosed_bracket", "(", "\\("),
    ("like:1[0.1,0.2 x", "unclosed_bracket", "[", None),
    ('a "" b', "empty_quote", '""', ""),
    ("「 \u3000 」", "empty_quote", None, ""),
    ("a () b", "empty_brackets", "()", ""),
    ("a （ ） b", "empty_brackets", "（ ）", ""),
    ("cat -", "nothing_to_exclude", "-", ""),
    ("(a -) b", "nothing_to_exclude", "-", ""),
    ('cat -""', "nothing_to_exclude", '-""', ""),
    ("cat –()", "nothing_to_exclude", "–()", ""),
    ("cat NOT", "nothing_to_exclude", "NOT", ""),
    ("猫 非", "nothing_to_exclude", "非", ""),
    ("NOT OR x", "nothing_to_exclude", "NOT", ""),
    ("a NOT NOT x", "nothing_to_exclude", "NOT", ""),
    ("cat OR", "nothing_to_join", "OR", ""),
    ("| cat", "nothing_to_join", "|", ""),
    ("猫 或 （或 狗）", "nothing_to_join", "或", ""),
    ("(a OR) b", "nothing_to_join", "OR", ""),
    ("-dog^2", "weight_on_exclusion", "^2", ""),
    ('NOT "a"^0.5 b', "weight_on_exclusion", "^0.5", ""),
    ("-(a b)＾２", "weight_on_exclusion", "＾２", ""),
    ("(-dog)^2 b", "weight_on_exclusion", "^2", ""),
    ("-like:3^2", "weight_on_exclusion", "^2", ""),
    ("cat width:wide x", "invalid_filter_value", "width:wide", None),
    ("cat -宽：很宽", "invalid_filter_value", "宽：很宽", None),
    ("width:1.5", "invalid_filter_value", "width:1.5", None),
    ("width:>", "invalid_filter_value", "width:>", None),
    ("width:-5", "invalid_filter_value", "width:-5", None),
    ("height:..", "invalid_filter_value", "height:..", None),
    ("width:2000..1000", "invalid_filter_value", "width:2000..1000", "width:1000..2000"),
    ("pixels:5MB", "invalid_filter_value", "pixels:5MB", None),
    ("size:5XB", "invalid_filter_value", "size:5XB", None),
    ("size:5MB..1MB", "invalid_filter_value", "size:5MB..1MB", "size:1MB..5MB"),
    ("taken:2023-13", "invalid_filter_value", "taken:2023-13", None),
    ("taken:2023-02-29", "invalid_filter_value", "taken:2023-02-29", None),
    ("taken:99", "invalid_filter_value", "taken:99", None),
    ("taken:soon", "invalid_filter_value", "taken:soon", None),
    ("拍摄：2024..2023", "invalid_filter_value", "拍摄：2024..2023", "拍摄：2023..2024"),
    ("before:2020..2021", "invalid_filter_value", "before:2020..2021", None),
    ("after:>2020", "invalid_filter_value", "after:>2020", None),
    ("is:portrat", "invalid_filter_value", "is:portrat", "is:portrait"),
    ("is:portrait,square", "invalid_filter_value", "is:portrait,square", None),
    ("是：横", "invalid_filter_value", "是：横", "是：横图"),
    ("is:fav", "invalid_filter_value", "is:fav", "is:favourite"),
    ("is:p", "invalid_filter_value", "is:p", None),
    ("COLOR:gren", "invalid_filter_value", "COLOR:gren", "COLOR:green"),
    ("colour:loud", "invalid_filter_value", "colour:loud", None),
    ("format:jpge", "invalid_filter_value", "format:jpge", "format:jpeg"),
    ("format:mp4", "invalid_filter_value", "format:mp4", None),
    ("tag:,", "invalid_filter_value", "tag:,", None),
    ('tag:""', "invalid_filter_value", 'tag:""', None),
    ('album:" "', "invalid_filter_value", 'album:" "', None),
    ("owner:\u200b", "invalid_filter_value", "owner:\u200b", None),
    ("like:cat", "invalid_filter_value", "like:cat", None),
    ("like:" + "9" * 19, "invalid_filter_value", "like:" + "9" * 19, None),
    ("picture:7", "invalid_filter_value", "picture:7", None),
    ("like:1[0.9,0.1,0.2,0.1] x", "invalid_filter_value", "like:1[0.9,0.1,0.2,0.1]", None),
    ("like:1[0.1,0.1,0,0.1]", "invalid_filter_value", "like:1[0.1,0.1,0,0.1]", None),
    ("like:1[0.1,0.1,0.5]", "invalid_filter_value", "like:1[0.1,0.1,0.5]", None),
    ("like:1[a,b,c,d]", "invalid_filter_value", "like:1[a,b,c,d]", None),
    ("like:1[-0.1,0,1,1]", "invalid_filter_value", "like:1[-0.1,0,1,1]", None),
    ("", "empty_query", None, None),
    (" ，\n", "empty_query", None, None),
    ("AND", "empty_query", None, None),
    ("tag:x ?! -dog", "query_without_words", "?!", None),
    ("a \x00b", "query_with_control_characters", "\x00", ""),
    ("a \ud800", "query_with_control_characters", "\ud800", ""),
    ("tag:x " + "word " * 101, "query_too_long", ("word " * 101).strip(), None),
]


@pytest.mark.parametrize(("query", "code", "there", "suggestion"), MISTAKES)
def test_mistake_has_its_code_place_and_suggestion(query, code, there, suggestion):
    mistake = mistake_in(query)

    start, end = mistake.details["start"], mistake.details["end"]
    assert (mistake.code, query[start:end], mistake.details["suggestion"]) == (
        code,
        query if there is None else there,
        suggestion,
    )
    assert mistake.http_status == 400


@pytest.mark.parametrize("query", [query for query, *_rest in MISTAKES])
def test_mistake_is_told_in_both_languages(query):
    mistake = mistake_in(query)

    with override("zh-hans"):
        chinese = sentence(mistake)
    assert "%(" not in str(mistake) + chinese
    assert chinese != str(mistake)
    assert any("一" <= character <= "鿿" for character in chinese)


def test_place_is_one_of_the_text_as_it_was_sent():
    """Emoji, signs that NFKC makes several of, and letters of two code points count as they were sent."""
    query = "😀 ⑽ e\u0301…　宽：很宽 x"

    details = mistake_in(query).details

    assert query[details["start"] : details["end"]] == "宽：很宽"


@pytest.mark.parametrize(
    ("at_limit", "beyond", "code"),
    [
        ('"' + "a" * (MAX_CHARACTERS - 2) + '"', '"' + "a" * (MAX_CHARACTERS - 1) + '"', "query_too_long"),
        ("(" * MAX_NESTING + "a" + ")" * MAX_NESTING, "(" * 50 + "a" + ")" * 50, "query_nested_too_deep"),
        ("tag:a " * MAX_CLAUSES, "tag:a " * 200, "too_many_clauses"),
        ("(a) " * MAX_MEANINGS, "(a) " * 9, "too_many_meanings"),
        ("-like:1 " * MAX_MEANINGS, "-like:1 " * 9, "too_many_meanings"),
    ],
    ids=["characters", "nesting", "clauses", "meanings", "exclusions"],
)
def test_limit_is_the_largest_that_is_read(at_limit, beyond, code):
    read_query(at_limit, TODAY)

    mistake = mistake_in(beyond)

    assert mistake.code == code
    assert 0 <= mistake.details["start"] < mistake.details["end"] <= len(beyond)


def test_limits_hold_for_what_a_query_is_written_as():
    """Else a search that was understood could not be linked to."""
    deep = "-(" * MAX_NESTING + "tag:x a OR b" + ")" * MAX_NESTING
    long = '"' + "”" * (MAX_CHARACTERS - 2) + '"'

    assert mistake_in(deep).code == "query_nested_too_deep"
    assert mistake_in(long).code == "query_too_long"
    assert mistake_in(long).details["end"] == len(long)


@pytest.mark.parametrize(
    "unit", ["(", '"a ', "a(", "((a)b ", "\\", "^2", ":", "[", '("a)', "-", "a:b ", "like:1[", "）", "（a）b", '"a" ']
)
def test_one_thing_over_and_over_is_a_mistake_with_a_place(unit):
    query = unit * (MAX_CHARACTERS // len(unit))

    details = mistake_in(query).details

    assert 0 <= details["start"] < details["end"] <= len(query)


@pytest.mark.parametrize(
    ("query", "there", "suggestion"),
    [
        ("red taf:x car", "taf:x", "tag:x"),
        ("tags:x", "tags:x", "tag:x"),
        ("atg:x", "atg:x", "tag:x"),
        ("Widht:>500", "Widht:>500", "width:>500"),
        ("colours:red", "colours:red", "colour:red"),
        ("标鉴：假期", "标鉴：假期", "标签:假期"),
        ("a tag: holiday", "tag: holiday", "tag:holiday"),
    ],
)
def test_hint_is_a_filter_one_edit_away(query, there, suggestion):
    (hint,) = read_query(query, TODAY).hints

    assert (query[hint.place.start : hint.place.end], hint.suggestion) == (there, suggestion)


@pytest.mark.parametrize(
    "query", ["12:30", "http://x", "foo:bar", "widht:wide", "a:b", "我:他", "Name:", 'tag: "x"', r"taf\:x"]
)
def test_no_hint_for_what_is_no_filter_with_one_edit(query):
    assert read_query(query, TODAY).hints == ()


def test_hint_changes_nothing():
    assert read_query("taf:x", TODAY) == read_query("taf:x", TODAY)
    assert read_query("taf:x", TODAY).tree == Text("taf:x")
    assert read_query("taf:x", TODAY).hints == (Hint(Place(0, 5), "tag:x"),)


def test_each_node_has_its_place():
    """Who finds out later that something is not there can say where it was asked for."""
    query = "red album:“A b” -like:7 car"

    places = read_query(query, TODAY).places

    assert {node: query[place.start : place.end] for node, place in places.items()} == {
        Filter(Field.ALBUM, Comparison.EQUALS, "A b"): "album:“A b”",
        Like(7): "like:7",
        Not(Like(7)): "-like:7",
        Text("red car"): query,
    }
