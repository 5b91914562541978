"""What a query asks for: words, phrases, exclusions, OR, weights, signs. Each case is a sentence of the language."""

from datetime import date

import pytest

from gallery.retrieval.language import parse
from gallery.retrieval.tree import All, Any, Comparison, Field, Filter, Like, Node, Not, Phrase, Text, Weighted

TODAY = date(2026, 11, 28)


def tag(key: str) -> Filter:
    return Filter(Field.TAG, Comparison.EQUALS, key)


X = tag("x")


def asked(query: str) -> Node:
    return parse(query, TODAY)


def test_free_words_are_one_sentence():
    assert asked("red car in the snow") == Text("red car in the snow")
    assert asked("  雪地里的 \n 红色汽车\u3000") == Text("雪地里的 红色汽车")


def test_filters_phrases_and_exclusions_stand_inside_a_sentence():
    assert asked('red tag:x car -dog in "a b" snow like:3') == All(
        (Text("red car in snow"), X, Not(Text("dog")), Phrase("a b"), Like(3))
    )


def test_groups_weights_and_or_end_a_sentence():
    assert asked("red (car) bus") == All((Text("red"), Text("car"), Text("bus")))
    assert asked("red (tag:x) bus") == All((Text("red"), X, Text("bus")))
    assert asked("red car^2 bus") == All((Text("red"), Weighted(Text("car"), 2), Text("bus")))
    assert asked('red "car"^2 bus') == All((Text("red"), Weighted(Phrase("car"), 2), Text("bus")))
    assert asked("red tag:x car OR bus tag:y snow") == All(
        (Text("red"), X, Any((Text("car"), Text("bus"))), tag("y"), Text("snow"))
    )


def test_a_sentence_is_one_of_its_own_group():
    assert asked("red (car snow) bus") == All((Text("red"), Text("car snow"), Text("bus")))
    assert asked("red (car tag:x snow)") == All((Text("red"), All((Text("car snow"), X))))


def test_brackets_around_one_thing_say_nothing():
    assert asked("((red car))") == asked("red car") == Text("red car")
    assert asked("(tag:x)") == X
    assert asked("(-dog)") == Not(Text("dog"))


def test_quotes_make_a_phrase():
    assert asked('"exact phrase"') == Phrase("exact phrase")
    assert asked("「红色  汽车」") == asked("“红色 汽车”") == asked("＂红色 汽车＂") == Phrase("红色 汽车")
    assert asked('"tag:x OR -dog (a)"') == Phrase("tag:x OR -dog (a)")
    assert asked('"红，黄、绿；"') == Phrase("红，黄、绿；")


@pytest.mark.parametrize("sign", ["-", "–", "−", "－", "NOT ", "非 "])
def test_an_exclusion_takes_one_atom(sign):
    assert asked(f"{sign}dog cat") == All((Not(Text("dog")), Text("cat")))
    assert asked(f'{sign}"text"') == Not(Phrase("text"))
    assert asked(f"{sign}(a b)") == Not(Text("a b"))
    assert asked(f"{sign}tag:x") == Not(X)
    assert asked(f"{sign}like:123") == Not(Like(123))


def test_an_excluded_group_excludes_what_is_all_of_it():
    assert asked("NOT (tag:x dog)") == Not(All((X, Text("dog"))))
    assert asked("-tag:x,y") == Not(All((X, tag("y"))))
    assert asked("-(-dog)") == Not(Not(Text("dog")))


def test_not_binds_tighter_than_or():
    assert asked("NOT a OR b") == Any((Not(Text("a")), Text("b")))
    assert asked("a OR -b") == Any((Text("a"), Not(Text("b"))))


@pytest.mark.parametrize("sign", ["OR", "|", "或", "ＯＲ", "｜"])
def test_or_joins_what_stands_directly_beside_it(sign):
    assert asked(f"red car {sign} bus") == Any((Text("red car"), Text("bus")))
    assert asked(f"a {sign} b {sign} c") == Any((Text("a"), Text("b"), Text("c")))
    assert asked(f"tag:x {sign} tag:y") == Any((X, tag("y")))
    assert asked(f'red "x" {sign} "y" car') == All((Text("red"), Any((Phrase("x"), Phrase("y"))), Text("car")))


def test_or_reaches_up_to_the_next_filter_or_phrase():
    assert asked("tag:x red car OR bus") == asked("tag:x ((red car) OR bus)")
    assert asked("tag:x red car OR bus") == All((X, Any((Text("red car"), Text("bus")))))
    assert asked('a OR b "c" OR d') == All((Any((Text("a"), Text("b"))), Any((Phrase("c"), Text("d")))))
    assert asked("a OR tag:x b OR c") == All((Any((Text("a"), X)), Any((Text("b"), Text("c")))))


def test_or_joins_sums():
    assert asked("red car -dog OR like:3 bus^2") == Any(
        (All((Text("red car"), Not(Text("dog")))), All((Like(3), Weighted(Text("bus"), 2))))
    )


def test_and_is_noise():
    assert asked("red AND car AND tag:x") == asked("red car tag:x")
    assert asked("AND a OR AND b") == asked("a OR b")


def test_keywords_count_in_capitals_and_between_spaces_only():
    assert asked("cats or dogs and not birds") == Text("cats or dogs and not birds")
    assert asked("a|b OR非 或者 非洲 NOTE") == Text("a|b OR非 或者 非洲 NOTE")
    assert asked("红，或；蓝") == Any((Text("红"), Text("蓝")))
    assert asked("(NOT dog OR cat) tag:x") == All((Any((Not(Text("dog")), Text("cat"))), X))
    assert asked("(a 或 b)") == Any((Text("a"), Text("b")))


def test_a_weight_stands_behind_a_word_a_phrase_a_group_or_like():
    assert asked("(red car)^2 beach") == All((Weighted(Text("red car"), 2), Text("beach")))
    assert asked("dog^0.5") == Weighted(Text("dog"), 0.5)
    assert asked('"a b"^3') == Weighted(Phrase("a b"), 3)
    assert asked("like:123^0.1 （红 车）＾１０") == All((Weighted(Like(123), 0.1), Weighted(Text("红 车"), 10)))
    assert asked("((dog)^2 cat)^.5") == Weighted(All((Weighted(Text("dog"), 2), Text("cat"))), 0.5)


@pytest.mark.parametrize("word", ["dog^20", "dog^0.05", "dog^", "x^y", "^2", "^", "a^2b", "dog^-1", "dog^11", "m^2."])
def test_any_other_caret_is_text(word):
    assert asked(f"a {word} b") == Text(f"a {word} b")


def test_a_caret_behind_a_filter_is_text():
    assert asked("tag:x^2") == tag("x^2")


@pytest.mark.parametrize("words", ["T-shirt", "-20°C", "a - b", "−5 –7", "well-known café", "-１２", "a -，b"])
def test_a_dash_elsewhere_is_text(words):
    assert asked(words) == Text(" ".join(words.replace("，", " ").split()))


def test_a_second_dash_is_text():
    assert asked("--dog") == Not(Text("-dog"))


def test_signs_of_chinese_keyboards_are_read():
    assert asked("海滩，沙子、太阳；云") == Text("海滩 沙子 太阳 云")
    assert asked("（红 车）　－狗　ＴＡＧ：x") == All((Text("红 车"), Not(Text("狗")), X))


@pytest.mark.parametrize(
    "words",
    [
        *("IMG (2).jpg", "IMG(2)", '27"', ":)", "5' 27\" tv", "a) b", "」", "”", "a] [b]", "(a)(b)", "(2)x"),
        *("12:30", "http://x", "Name: John", "foo:bar", "tag:", "a tag: b", "标签：", "x:y:z", 'say:"a'),
    ],
)
def test_what_looks_like_a_sign_within_words_is_text(words):
    assert asked(f"so {words} it") == Text(f"so {words} it")


def test_a_bracket_within_a_word_closes_no_group():
    assert asked("(IMG(2) tag:x) b") == All((All((Text("IMG(2)"), X)), Text("b")))
    assert asked("((2).jpg tag:x) b") == All((All((Text("(2).jpg"), X)), Text("b")))
    assert asked("(tag:a) (name:x(1))") == All((tag("a"), Filter(Field.NAME, Comparison.CONTAINS, "x(1)")))


def test_a_closing_sign_closes_only_before_a_space_the_end_a_bracket_or_a_caret():
    assert asked('"a"b" c') == All((Phrase('a"b'), Text("c")))
    assert asked('("a")') == Phrase("a")
    assert asked('("a"^2 b)') == All((Weighted(Phrase("a"), 2), Text("b")))
    assert asked("(a b).jpg c)") == Text("a b).jpg c")


def test_a_backslash_before_a_sign_makes_it_text():
    assert asked(r"so \-dog \"a\" \(b\) tag\:x dog\^2 a \| b \「c") == Text('so -dog "a" (b) tag:x dog^2 a | b 「c')
    assert asked(r'"a \"b\" c"') == Phrase('a "b" c')
    assert asked(r"a \\- \＼") == Text(r"a \- ＼")


def test_a_backslash_before_anything_else_is_itself():
    assert asked(r"C:\photos \OR a\ b") == Text(r"C:\photos \OR a\ b")


def test_what_was_typed_is_kept_composed():
    assert asked("cafe\u0301 ＣＡＦＥ！") == Text("café ＣＡＦＥ！")
