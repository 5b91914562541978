"""Which searches the measurement of exclusions asks, and what it counts."""

from gallery.retrieval.exclusions import read_exclusions
from gallery.retrieval.tree import All, Not, Text
from tests.benchmarks.exclusions import FIRST_OF_SIGNS, Pair, asked_by_signs, asked_in_sentences, measured, pairs_of

LABELS = {
    **{f"{place}.jpg": frozenset({"chair", "person"}) for place in range(3)},
    **{f"{place}.jpg": frozenset({"chair"}) for place in range(3, 6)},
}


def test_pairs_are_of_what_is_seen_together_and_wanted_often_enough():
    assert pairs_of(LABELS) == [Pair("chair", "person")]


def test_every_sentence_excludes_in_words():
    for language in ("en", "zh"):
        asked = asked_in_sentences([Pair("chair", "person")] * 5, language)

        for each in asked:
            read = read_exclusions(Text(each.text.replace("，", " "))).tree
            assert isinstance(read, All)
            assert read.parts[0] == Text(each.plain)
            assert isinstance(read.parts[1], Not)
        assert len({each.text for each in asked}) == 5


def test_signs_exclude_what_the_label_says():
    [asked] = asked_by_signs([Pair("dining table", "potted plant")], "en")

    assert (asked.text, asked.excluded, asked.first) == (
        "(dining table) -(potted plant)",
        "potted plant",
        FIRST_OF_SIGNS,
    )


def test_what_is_excluded_is_counted_in_both():
    names = sorted(LABELS)
    answers = {"chair": [0, 1, 2, 3, 4, 5], "(chair) -(person)": [3, 4, 5, 0]}

    found = measured(LABELS, names, lambda text: answers.get(text, []))

    assert found["signs_en"] == {"searches": 1, "plain": 3, "excluding": 1, "ratio": 0.333}
    assert found["sentences_en"]["excluding"] == 0
