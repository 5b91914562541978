"""Numbers and colours of things in texts of both languages, and the order that they give."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.encoders.abilities import Thing
from gallery.encoders.offline.colours import COLOURS, ENGLISH
from gallery.encoders.offline.concepts import thing_names
from gallery.retrieval.asked_things import MOST, AskedThing, asked_things, reordered, without_numbers
from gallery.retrieval.fusion import Hit
from gallery.retrieval.thing_words import THING_WORDS

NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
HANZI_NUMBERS = "一两三四五六七八九十"
WHOLE = (0.0, 0.0, 1.0, 1.0)

numbers = st.integers(2, MOST)
plurals = st.sampled_from(sorted(set(THING_WORDS.several) - set(ENGLISH)))
hanzi = st.sampled_from(sorted(THING_WORDS.chinese))


def thing(name: str, *colours: str) -> Thing:
    return Thing(name, 0.9, WHOLE, colours)


def test_words_are_of_the_things_that_the_detector_knows():
    known = {name.english for name in thing_names()}

    for words in (THING_WORDS.one, THING_WORDS.several, THING_WORDS.chinese):
        assert set(words.values()) == known


@given(number=numbers, plural=plurals, adjective=st.sampled_from(["", "small ", "happy little "]))
def test_english_number_before_a_plural_counts(number, plural, adjective):
    asked = (AskedThing(THING_WORDS.several[plural], number),)

    assert asked_things(f"{number} {adjective}{plural}") == asked
    assert asked_things(f"{NUMBERS[number - 1]} {adjective}{plural}".upper()) == asked


@given(number=numbers, name=hanzi, measure=st.sampled_from("只条辆个匹头"), adjective=st.sampled_from(["", "可爱的"]))
def test_chinese_number_with_a_measure_word_counts(number, name, measure, adjective):
    asked = (AskedThing(THING_WORDS.chinese[name], number),)

    assert asked_things(f"{HANZI_NUMBERS[number - 1]}{measure}{adjective}{name}") == asked
    assert asked_things(f"{number}{measure}{adjective}{name}") == asked


@given(colour=st.sampled_from(COLOURS), plural=plurals, number=numbers)
def test_colour_and_number_are_of_one_thing(colour, plural, number):
    asked = asked_things(f"{number} {colour} {plural}")

    assert asked == (AskedThing(THING_WORDS.several[plural], number, (colour,)),)


@given(
    text=st.text(max_size=60)
    | st.lists(
        st.sampled_from(["two", "2", "dogs", "cat", "三", "只", "猫", "红", "色", "的", "and", "or", "车", "of"])
    ).map(" ".join)
)
def test_any_text_asks_for_what_can_be_recognised_or_nothing(text):
    known = {name.english for name in thing_names()}

    for asked in asked_things(text):
        assert asked.name in known
        assert asked.count is None or 1 <= asked.count <= MOST
        assert set(asked.colours) <= set(COLOURS)


@pytest.mark.parametrize(
    ("text", "name", "count", "colours"),
    [
        ("one dog", "dog", 1, ()),
        ("3 people", "person", 3, ()),
        ("a pair of horses", "horse", 2, ()),
        ("two hot dogs", "hot dog", 2, ()),
        ("two oranges", "orange", 2, ()),
        ("three sheep", "sheep", 3, ()),
        ("an orange cat", "cat", None, ("orange",)),
        ("a red and white bus", "bus", None, ("red", "white")),
        ("the white dog in the snow", "dog", None, ("white",)),
        ("三只猫", "cat", 3, ()),
        ("俩人", "person", 2, ()),
        ("一对猫", "cat", 2, ()),
        ("四头大象", "elephant", 4, ()),
        ("马路上的两辆车", "car", 2, ()),
        ("两辆红色的汽车", "car", 2, ("red",)),
        ("黄色的车", "car", None, ("yellow",)),
        ("白狗", "dog", None, ("white",)),
    ],
)
def test_text_asks_for_one_thing(text, name, count, colours):
    assert asked_things(text) == (AskedThing(name, count, colours),)


@pytest.mark.parametrize(
    "text",
    [
        *("a dog", "dogs", "sheep", "oranges", "red", "5 bus", "two door car", "100 people", "no two dogs"),
        *("a dog or a cat", "a dog without a red leash", "sunset", ""),
        *(
            "一只狗",
            "猫",
            "三只熊猫",
            "五只猫头鹰",
            "牛奶",
            "三点钟",
            "第二只狗",
            "十二只猫",
            "没有两只狗",
            "狗或猫",
            "戴红帽子的狗",
        ),
    ],
)
def test_text_that_says_no_more_than_a_name_asks_for_nothing(text):
    assert asked_things(text) == ()


@pytest.mark.parametrize("text", ["a dog and a cat", "dog, cat", "a dog beside two cats", "一只狗和一只猫"])
def test_text_that_names_several_things_asks_for_each(text):
    assert {asked.name for asked in asked_things(text)} == {"dog", "cat"}


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        *(("two dogs", "dogs"), ("A pair of dogs", "dogs"), ("2 dogs and three cats", "dogs and cats")),
        *(("三只黑色的猫", "黑色的猫"), ("俩人", "人"), ("一对猫", "猫"), ("马路上的两辆车", "马路上的车")),
        *(("sunset at 5", "sunset at 5"), ("12 dogs", "12 dogs"), ("一只狗", "一只狗")),
    ],
)
def test_text_without_its_numbers_names_the_same_things(text, rest):
    assert without_numbers(text) == rest


@given(number=numbers, plural=plurals)
def test_no_number_is_left_that_would_be_read(number, plural):
    assert without_numbers(f"{number} {plural}") == without_numbers(f"{NUMBERS[number - 1]} {plural}") == plural


# The order


def test_pictures_with_that_number_come_first_then_those_with_the_nearest():
    hits = [Hit(number, 1 / number) for number in (1, 2, 3, 4, 5)]
    dogs = {1: [], 2: [thing("dog")] * 3, 3: [thing("dog"), thing("cat"), thing("dog")], 4: [thing("dog")] * 5}

    ordered = reordered(hits, dogs | {5: [thing("dog")]}, [AskedThing("dog", 2)])

    assert [hit.image_id for hit in ordered] == [3, 2, 5, 1, 4]


def test_pictures_that_nobody_looked_at_keep_their_place():
    hits = [Hit(number, 1 / number) for number in (1, 2, 3, 4)]

    ordered = reordered(hits, {2: [], 4: [thing("dog")] * 2}, [AskedThing("dog", 2)])

    assert [hit.image_id for hit in ordered] == [1, 4, 3, 2]


def test_colour_counts_that_of_the_thing_itself():
    hits = [Hit(1, 0.9), Hit(2, 0.8), Hit(3, 0.7)]
    cars = {1: [thing("car", "blue", "red"), thing("bus", "red")], 2: [thing("car", "red", "black")]}

    ordered = reordered(hits, cars | {3: [thing("dog", "red")]}, [AskedThing("car", colours=("red",))])

    assert [hit.image_id for hit in ordered] == [2, 1, 3]


def test_pictures_of_both_things_come_before_those_of_one():
    hits = [Hit(1, 0.9), Hit(2, 0.8), Hit(3, 0.7)]
    things = {1: [thing("dog")], 2: [], 3: [thing("cat"), thing("dog")]}

    ordered = reordered(hits, things, asked_things("a dog and a cat"))

    assert [hit.image_id for hit in ordered] == [3, 1, 2]


def test_doubtful_things_count_where_a_number_is_asked_and_are_no_presence():
    doubtful = Thing("dog", 0.4, WHOLE)
    hits = [Hit(1, 0.9), Hit(2, 0.8)]

    assert reordered(hits, {1: [thing("dog")], 2: [thing("dog"), doubtful]}, asked_things("two dogs"))[0].image_id == 2
    assert reordered(hits, {1: [], 2: [doubtful]}, asked_things("a dog and a cat")) == hits


seen = st.lists(st.sampled_from([thing("dog", "red"), thing("dog", "white"), thing("cat")]), max_size=4)


@given(
    known=st.dictionaries(st.integers(0, 19), seen), asked=st.sampled_from(["two dogs", "a dog and a cat", "red dog"])
)
def test_order_loses_and_doubles_nothing_and_moves_only_what_is_known(known, asked):
    hits = [Hit(number, 1.0) for number in range(20)]

    ordered = reordered(hits, known, asked_things(asked))

    assert sorted(hit.image_id for hit in ordered) == list(range(20))
    assert all(ordered[place] == hits[place] for place in range(20) if place not in known)


def test_number_within_another_number_stays():
    assert without_numbers("12 dogs, 2 cats") == "12 dogs, cats"
