"""Why an image was found: what of the search is true of it."""

from datetime import date

import pytest

from gallery.retrieval.language import parse
from gallery.retrieval.reasons import FoundImage, asks_for_albums, reasons_of, uncertain
from gallery.retrieval.tree import Like, Phrase, Picture, Region

TODAY = date(2026, 5, 1)
DOG = FoundImage(
    "IMG_1 at the sea.jpg",
    description="Rex at the beach",
    tags=("Holiday", "Sea"),
    albums=("Summer at sea",),
    things=frozenset({"dog", "person"}),
    is_compared=True,
)


def why(query: str, found: FoundImage = DOG) -> list[tuple[str, str]]:
    return [(reason.kind, reason.detail) for reason in reasons_of(parse(query, TODAY), found)]


@pytest.mark.parametrize(
    ("query", "reasons"),
    [
        ("a dog", [("looks_like", "dog")]),
        ("一只狗和一个人", [("looks_like", "dog, person")]),
        ("a cat", [("looks_like", "a cat")]),
        ("stormy weather", [("looks_like", "stormy weather")]),
        ("like:5", [("looks_like", "like:5")]),
        ("like:5[0,0,0.5,0.5]", [("looks_like", "like:5")]),
        ("dog^2 beach", [("looks_like", "dog"), ("looks_like", "beach")]),
        ("tag:holiday dog", [("tag", "Holiday"), ("looks_like", "dog")]),
        ('album:"SUMMER at sea"', [("album", "Summer at sea")]),
        ("name:img*", [("name", "IMG_1 at the sea.jpg")]),
        ("colour:red", [("colour", "red")]),
        ("taken:2023 is:portrait", [("filter", "taken:2023"), ("filter", "is:portrait")]),
        ("-dog", [("filter", "-dog")]),
        (
            '"sea"',
            [("name", "IMG_1 at the sea.jpg"), ("tag", "Sea"), ("album", "Summer at sea")],
        ),
        ('"beach"', [("description", "Rex at the beach")]),
        ("dog OR stormy weather", [("looks_like", "dog")]),
        ("rain OR snow", [("looks_like", "rain OR snow")]),
    ],
)
def test_reasons_are_what_of_the_search_is_true(query, reasons):
    assert why(query) == reasons


def test_reasons_of_alternatives_are_those_that_hold():
    tree = parse('tag:sea OR "nowhere" OR rain', TODAY)
    [sea, nowhere] = uncertain(tree)

    holding = [FoundImage("a.jpg", tags=("Sea",), holds=frozenset({sea})), FoundImage("b.jpg", is_compared=True)]

    assert isinstance(nowhere, Phrase)
    assert [[(each.kind, each.detail) for each in reasons_of(tree, found)] for found in holding] == [
        [("tag", "Sea")],
        [("looks_like", 'tag:sea OR "nowhere" OR rain')],
    ]


def test_only_parts_with_an_or_around_them_are_uncertain():
    assert uncertain(parse("tag:sea dog -is:portrait", TODAY)) == ()
    assert len(uncertain(parse('tag:sea (is:portrait OR ("x" taken:2023) OR -tag:y) dog', TODAY))) == 4


def test_albums_matter_to_phrases_and_albums_only():
    assert asks_for_albums(parse('dog "x"', TODAY))
    assert asks_for_albums(parse("album:x OR tag:y", TODAY))
    assert not asks_for_albums(parse("dog tag:y", TODAY))


def test_part_of_a_kept_picture_is_named_by_the_picture():
    picture = parse("picture:0f1b4a59-5049-4862-8035-d850dc0555ac", TODAY)
    assert isinstance(picture, Picture)
    box = parse("like:1[0,0,1,1]", TODAY)
    assert isinstance(box, Region)
    assert isinstance(box.of, Like)

    [reason] = reasons_of(Region(picture, box.box), DOG)

    assert reason.detail == "picture:0f1b4a59-5049-4862-8035-d850dc0555ac"


def test_long_description_is_cut():
    found = FoundImage("a.jpg", description="sea " * 500)

    [(_kind, detail)] = why('"sea"', found)

    assert len(detail) == 200
