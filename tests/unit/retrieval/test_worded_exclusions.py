"""Which sentences exclude something in words, what that is, and what remains."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.retrieval.exclusions import read_exclusions, worded_exclusions
from gallery.retrieval.exclusions.sentences import MOST
from gallery.retrieval.plan import MAX_LEGS, Plan, plan
from gallery.retrieval.query_text import checked_text
from gallery.retrieval.thing_words import THING_WORDS
from gallery.retrieval.tree import All, Any, Comparison, Field, Filter, Not, Text, Weighted

ENGLISH = [
    ("dogs not cats", "dogs", "cats"),
    ("a beach without people", "a beach", "people"),
    ("no people", "", "people"),
    ("No people", "", "people"),
    ("city at night, no cars", "city at night", "cars"),
    ("city at night no cars", "city at night", "cars"),
    ("everything except dogs", "", "dogs"),
    ("anything but cats", "", "cats"),
    ("pictures without people", "", "people"),
    ("cats but not kittens", "cats", "kittens"),
    ("dogs, not cats, in the snow", "dogs in the snow", "cats"),
    ("dogs not cats on a sofa", "dogs on a sofa", "cats"),
    ("a beach with no people at sunset", "a beach at sunset", "people"),
    ("dogs without people in the picture", "dogs", "people"),
    ("an animal that is not a dog", "an animal", "dog"),
    ("a room that has no chairs", "a room", "chairs"),
    ("a street where there are no cars", "a street", "cars"),
    ("a desk that doesn't have a laptop", "a desk", "laptop"),
    ("empty street, nobody", "empty street", "people"),
    ("a beach with no one", "a beach", "people"),
    ("food other than pizza", "food", "pizza"),
    ("a park without dogs and with a lake", "a park with a lake", "dogs"),
    ("kitchen without people or cats", "kitchen", "people, cats"),
    ("without people, cars or dogs", "", "people, cars, dogs"),
    ("a table without a laptop and a cup", "a table", "laptop, cup"),
    ("海滩 without people", "海滩", "people"),
]
CHINESE = [
    ("没有人的海滩", "海滩", "人"),
    ("沒有人的海灘", "海灘", "人"),
    ("不带狗的公园", "公园", "狗"),
    ("不要猫", "", "猫"),
    ("要猫不要狗", "猫", "狗"),
    ("无人的街道", "街道", "人"),
    ("街道无人", "街道", "人"),
    ("空无一人的街道", "街道", "人"),
    ("没人的街道", "街道", "人"),
    ("没有人", "", "人"),
    ("海滩上没有人", "海滩", "人"),
    ("没有人在海滩上", "海滩上", "人"),
    ("城市夜景，没有车", "城市夜景", "车"),
    ("城市夜景 没有车", "城市夜景", "车"),
    ("不是狗的动物", "动物", "狗"),
    ("动物，但不是猫", "动物", "猫"),
    ("非狗的动物", "动物", "狗"),
    ("车，不是红色的", "车", "红色"),
    ("除了狗以外的动物", "动物", "狗"),
    ("除了狗，都要", "", "狗"),
    ("没有人和车的街道", "街道", "人, 车"),
    ("没有椅子或桌子的房间", "房间", "椅子, 桌子"),
    ("没有和服的女人", "女人", "和服"),
    ("没有红色的车的街道", "街道", "红色的车"),
    ("一只没有戴帽子的猫", "一只猫", "帽子"),
    ("没有水印的照片", "", "水印"),
    ("beach 没有人", "beach", "人"),
]
AS_THEY_STAND = [
    *("No Parking sign", "no parking sign", "NO PEOPLE", "not only", "not only dogs", "forget me not flowers"),
    *("do not enter", "Dr No", "the nobody", "doctors without borders", "Doctors Without Borders", "no dogs sign"),
    *("no smoking", "No Country for Old Men", "to be or not to be", "knot without end", "no", "not", "without"),
    *(
        "dog without",
        "not yet",
        "people not smiling",
        "yes no maybe",
        "no 5",
        "no, cats",
        "dogs not",
        "this is not a pipe",
    ),
    *("a cat and a dog", "notes", "nobody's dog", "forget-me-not"),
    *(
        "无人机",
        "无人驾驶汽车",
        "无锡",
        "非洲",
        "非洲大象",
        "无尽的海",
        "无敌的英雄",
        "有没有狗",
        "不要停车",
        "请不要吸烟",
    ),
    *(
        "没有关系",
        "没有尽头的路",
        "无花果",
        "无尾熊",
        "是不是狗",
        "要不要猫",
        "无印良品",
        "除夕",
        "非常漂亮的花",
        "除了狗还有猫",
    ),
    *("除了狗，还要猫", "狗和猫", "没有"),
]


@pytest.mark.parametrize(("text", "rest", "excluded"), [*ENGLISH, *CHINESE])
def test_what_is_excluded_in_words_is_taken_out_of_the_sentence(text, rest, excluded):
    found = worded_exclusions(text)

    assert (found.rest, ", ".join(found.excluded)) == (rest, excluded)


@pytest.mark.parametrize("text", AS_THEY_STAND)
def test_what_may_be_a_name_or_is_not_understood_stays_as_it_is(text):
    found = worded_exclusions(text)

    assert (found.rest, found.excluded) == (text, ())


def test_more_than_a_few_exclusions_are_not_understood():
    named = list(THING_WORDS.several)[: MOST + 1]

    text = f"a room without {', '.join(named[:-1])} or {named[-1]}"

    assert worded_exclusions(text).excluded == ()


words = st.sampled_from(
    [
        *(
            "no",
            "not",
            "without",
            "except",
            "for",
            "but",
            "and",
            "or",
            "a",
            "the",
            "dogs",
            "people",
            "cat",
            "beach",
            ",",
        ),
        *(
            "nobody",
            "that",
            "is",
            "has",
            "in",
            "No",
            "Without",
            "没有",
            "不要",
            "除了",
            "以外",
            "无",
            "非",
            "人",
            "狗",
            "的",
        ),
        *("海滩", "在", "、", "，", "。", "不是", "没", "上", "和", "", " ", "“", "(", "^", "沒有", "\u3000"),
    ]
)
texts = st.one_of(
    st.text(max_size=60), st.lists(words, max_size=14).map(" ".join), st.lists(words, max_size=14).map("".join)
)


@given(texts)
def test_no_text_is_too_odd_and_what_is_not_understood_stays(text):
    found = worded_exclusions(text)

    if not found.excluded:
        assert found.rest == text
    else:
        assert all(checked_text(said) for said in (found.rest or "nothing", *found.excluded))
    assert all(each.strip() and each in (*_parts(text), "people", "人") for each in found.excluded)
    assert len(found.rest) <= len(text)


def _parts(text: str) -> set[str]:
    return {text[start:stop] for start in range(len(text)) for stop in range(start + 1, len(text) + 1)}


@given(st.sampled_from(list(THING_WORDS.several)), st.sampled_from(list(THING_WORDS.several)))
def test_every_thing_can_be_excluded_by_every_word(wanted, excluded):
    for between in (
        " not ",
        " without ",
        " but not ",
        ", no ",
        " with no ",
        " but no ",
        " excluding ",
        " without any ",
    ):
        found = worded_exclusions(wanted + between + excluded)

        assert (found.rest, found.excluded) == (wanted, (excluded,))


@given(st.sampled_from(list(THING_WORDS.chinese)), st.sampled_from(list(THING_WORDS.chinese)))
def test_every_thing_can_be_excluded_by_every_chinese_word(wanted, excluded):
    for text in (
        f"没有{excluded}的{wanted}",
        f"不带{excluded}的{wanted}",
        f"{wanted}，没有{excluded}",
        f"{wanted} 不要{excluded}",
    ):
        found = worded_exclusions(text)

        assert (found.rest, found.excluded) == (wanted, (excluded,))


def test_tree_excludes_as_a_dash_does():
    red = Filter(Field.TAG, Comparison.EQUALS, "red")

    assert read_exclusions(Text("dogs not cats")).tree == All((Text("dogs"), Not(Text("cats"))))
    assert read_exclusions(Text("no people")).tree == Not(Text("people"))
    assert read_exclusions(All((Text("dogs not cats"), red))).tree == All((Text("dogs"), Not(Text("cats")), red))
    assert read_exclusions(Any((Text("dogs not cats"), red))).tree == Any((All((Text("dogs"), Not(Text("cats")))), red))
    weighted = read_exclusions(Weighted(Text("dogs not cats"), 2))
    assert weighted.tree == Weighted(All((Text("dogs"), Not(Text("cats")))), 2)
    assert weighted.excluded == ("cats",)


@pytest.mark.parametrize("tree", [Text("dogs not cats", as_typed=True), Not(Text("dogs not cats")), Text("dogs")])
def test_what_is_as_typed_or_excluded_already_stays(tree):
    assert read_exclusions(tree).tree == tree
    assert plan(tree).excluded == ()


def test_plan_is_that_of_a_dash_and_says_what_was_read():
    [excluded] = plan(Not(Text("cats"))).conditions

    assert plan(Text("no cats")) == Plan((), (excluded,), excluded=("cats",))
    assert plan(Text("dogs not cats")) == Plan(plan(All((Text("dogs"), Not(Text("cats"))))).alternatives, (), ("cats",))


def test_sentences_that_exclude_more_than_may_be_are_searched_as_they_stand():
    tree = Any(tuple(Text(f"room {place} without chairs") for place in range(MAX_LEGS)))

    assert plan(tree).excluded == ()
    assert len(plan(tree).alternatives) == MAX_LEGS
