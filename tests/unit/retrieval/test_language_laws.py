"""Whatever is typed is a tree or a mistake with a place, and each tree has one spelling."""

from hypothesis import HealthCheck, assume, given, settings

from gallery.errors import InvalidInput
from gallery.retrieval.language import Reading, format, parse, read_query
from gallery.retrieval.language.signs import SIGNS, read
from gallery.retrieval.tree import All, Filter, Like, Node, Picture, Region, Text, tree_of
from tests.unit.retrieval.language_strategies import TODAY, queries, sentences, trees

some = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def answer_to(query: str) -> Reading | InvalidInput:
    try:
        return read_query(query, TODAY)
    except InvalidInput as mistake:
        return mistake


@some
@given(queries)
def test_any_text_is_a_tree_with_one_spelling_or_a_mistake_with_a_place(query: str) -> None:
    answer = answer_to(query)

    if isinstance(answer, InvalidInput):
        start, end, suggestion = (answer.details[name] for name in ("start", "end", "suggestion"))
        assert 0 <= start < end <= len(query) or (answer.code == "empty_query" and (start, end) == (0, len(query)))
        assert suggestion is None or isinstance(suggestion, str)
        return
    written = format(answer.tree)
    assert parse(written, TODAY) == answer.tree
    assert format(parse(written, TODAY)) == written
    assert all(0 <= place.start < place.end <= len(query) for place in answer.places.values())
    assert all(0 <= hint.place.start < hint.place.end <= len(query) for hint in answer.hints)


@some
@given(trees)
def test_a_tree_is_what_its_text_asks_for(tree: Node) -> None:
    written = format(tree)

    assert parse(written, TODAY) == tree
    assert format(parse(written, TODAY)) == written


@some
@given(queries)
def test_what_a_hint_suggests_is_a_filter(query: str) -> None:
    answer = answer_to(query)

    for hint in answer.hints if isinstance(answer, Reading) else ():
        assert query[hint.place.start : hint.place.end] != hint.suggestion
        assert isinstance(parse(hint.suggestion, TODAY), Filter | Like | Picture | Region | All)


@some
@given(queries)
def test_a_mistake_whose_suggestion_is_followed_is_gone(query: str) -> None:
    answer = answer_to(query)
    if isinstance(answer, Reading) or answer.details["suggestion"] is None:
        return

    before, behind = query[: answer.details["start"]], query[answer.details["end"] :]
    mended = before + answer.details["suggestion"] + behind
    answer_to_mended = answer_to(mended)

    assert mended != query
    if isinstance(answer_to_mended, InvalidInput):
        told, told_next = (
            (answer_of.code, len(text) - answer_of.details["end"])
            for answer_of, text in ((answer, query), (answer_to_mended, mended))
        )
        assert told_next != told or len(mended) < len(query)


@some
@given(sentences)
def test_words_without_signs_mean_what_they_did_without_a_language(words: str) -> None:
    assume(not SIGNS & set(read(words)))

    assert parse(words, TODAY) == tree_of(text=words) == Text(words)
