"""What is being typed at the caret: what of the query it is, and what of it stands before the caret."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.errors import QueryTooLong, QueryWithControlCharacters
from gallery.retrieval.language import MAX_CHARACTERS
from gallery.retrieval.language.caret import TypedFilter, TypedWords, typed_at
from gallery.retrieval.language.fields import FieldName

SIGNS = st.text(st.sampled_from('ab 标签tag:is"「」()[]-^,，|\\\\1.😀'), max_size=30)


def at_bar(marked: str) -> TypedFilter | TypedWords | None:
    """Read a query whose caret is marked by ¦."""
    return typed_at(marked.replace("¦", ""), marked.index("¦"))


@pytest.mark.parametrize(
    ("marked", "field", "value", "replaced"),
    [
        ("tag:¦", FieldName.TAG, "", "tag:"),
        ("red tag:hol¦", FieldName.TAG, "hol", "tag:hol"),
        ("tag:hol¦iday snow", FieldName.TAG, "hol", "tag:holiday"),
        ("标签：海¦", FieldName.TAG, "海", "标签：海"),
        ("tag:a,b¦", FieldName.TAG, "a,b", "tag:a,b"),
        ('album:"Trip 1¦', FieldName.ALBUM, "Trip 1", 'album:"Trip 1'),
        ('-album:"Tri¦p 1" red', FieldName.ALBUM, "Tri", 'album:"Trip 1"'),
        ("相册:「旅¦", FieldName.ALBUM, "旅", "相册:「旅"),
        ("NOT is:po¦", FieldName.IS, "po", "is:po"),
        ("(red tag:h¦", FieldName.TAG, "h", "tag:h"),
        ("(red tag:h¦ello) x", FieldName.TAG, "h", "tag:hello"),
        ("red OR COLOR:¦", FieldName.COLOUR, "", "COLOR:"),
        ("😀 tag:h¦", FieldName.TAG, "h", "tag:h"),
    ],
)
def test_a_filter_is_told_from_its_field_on(marked, field, value, replaced):
    typed = at_bar(marked)

    assert isinstance(typed, TypedFilter)
    assert (typed.field, typed.value) == (field, value)
    assert marked.replace("¦", "")[typed.place.start : typed.place.end] == replaced


@pytest.mark.parametrize(
    ("marked", "texts", "end"),
    [
        ("¦", [], 0),
        ("red ¦", [], 4),
        ("ca¦", ["ca"], 2),
        ("ca¦ts dogs", ["ca"], 4),
        ("in the last su¦", ["in the last su", "the last su", "last su", "su"], 14),
        ("one in the last su¦", ["in the last su", "the last su", "last su", "su"], 18),
        ("tag:x red ca¦", ["red ca", "ca"], 12),
        ("dog OR ca¦", ["ca"], 9),
        ("-do¦", ["do"], 3),
        ("(red ca¦", ["red ca", "ca"], 7),
        (r"a \-b¦", ["a -b", "-b"], 5),
        ("红色的海滩¦", ["红色的海滩", "色的海滩", "的海滩", "海滩"], 5),
    ],
)
def test_words_may_begin_a_name_one_by_one_or_together(marked, texts, end):
    typed = at_bar(marked)

    assert isinstance(typed, TypedWords)
    assert [each.text for each in typed.beginnings] == texts
    assert typed.end == end


@pytest.mark.parametrize("marked", ['"a phr¦', "like:1[0.5¦", 'tag:x "a"¦', "(¦", "-¦", "(" * 60 + "a¦"])
def test_nothing_is_said_where_nothing_can_follow(marked):
    assert at_bar(marked) is None


def test_a_place_beyond_the_end_is_the_end():
    assert typed_at("ca", 99) == typed_at("ca", 2)


@given(text=SIGNS, at=st.integers(0, 35))
def test_whatever_is_typed_is_read(text, at):
    typed = typed_at(text, at)

    starts = []
    if isinstance(typed, TypedFilter):
        starts, end = [typed.place.start], typed.place.end
    elif isinstance(typed, TypedWords):
        starts, end = [each.start for each in typed.beginnings], typed.end
    caret = min(at, len(text))
    assert all(0 <= start < caret <= end <= len(text) for start in starts)


def test_what_is_no_query_is_refused():
    with pytest.raises(QueryTooLong):
        typed_at("a" * (MAX_CHARACTERS + 1), 3)
    with pytest.raises(QueryWithControlCharacters):
        typed_at("a\x00", 1)
