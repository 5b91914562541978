"""The colours that pictures have by their pixels, whichever encoder is in use."""

import numpy as np
import pytest
from PIL import Image as PillowImage

from gallery.encoders.offline.colours import COLOURS
from gallery.encoders.offline.picture_colours import LEAST_SHARES, REVISION, picture_colours
from gallery.jobs.periodic import CHORES
from gallery.models import Image, PictureColours, Visibility
from gallery.models.picture_colours import bits_of
from gallery.search_index import search_index
from gallery.services.embedding import colouring
from gallery.services.embedding.colouring import colour_some
from tests.conftest import drawn_picture
from tests.integration.api_client import Api, ids
from tests.integration.test_models import stored
from tests.quick_encoder import QuickEncoder, unit_rows

SOLID = {
    **{"black": "#000000", "grey": "#808080", "white": "#ffffff", "red": "#d01010", "orange": "#ff8c00"},
    **{"yellow": "#ffe000", "green": "#208020", "blue": "#2040d0", "purple": "#8020a0", "pink": "#ff80b0"},
    "brown": "#8b4513",
}


def in_parts(**shares: int) -> PillowImage.Image:
    """Return a picture with so many of 100 columns in each colour, the others grey."""
    picture = PillowImage.new("RGB", (100, 50), SOLID["grey"])
    left = 0
    for name, columns in shares.items():
        picture.paste(SOLID[name], (left, 0, left + columns, 50))
        left += columns
    return picture


@pytest.mark.parametrize("name", COLOURS)
def test_a_picture_of_one_colour_has_that_one(name):
    assert picture_colours(PillowImage.new("RGB", (300, 200), SOLID[name])) == (name,)


@pytest.mark.parametrize(
    ("code", "name"),
    [("#4169e1", "blue"), ("#000080", "blue"), ("#87ceeb", "blue"), ("#6a0dad", "purple"), ("#9370db", "purple")],
)
def test_blues_and_purples_are_told_apart(code, name):
    assert picture_colours(PillowImage.new("RGB", (8, 8), code)) == (name,)


@pytest.mark.parametrize("name", [name for name in COLOURS if name != "grey"])
def test_a_part_of_a_picture_is_a_colour_of_it_from_its_least_share_on(name):
    least = LEAST_SHARES[name] * 100

    assert name in picture_colours(in_parts(**{name: round(least + 4)}))
    assert name not in picture_colours(in_parts(**{name: round(least / 2)}))


def test_each_picture_has_a_colour():
    faint = np.random.default_rng(1).choice([0, 60, 120, 180, 255], size=(64, 64, 3)).astype(np.uint8)

    assert picture_colours(PillowImage.fromarray(faint)) != ()


def colours_of(image: Image) -> int:
    return PictureColours.objects.get(image=image).colours


def found(colour: str) -> list[int]:
    return sorted(ids(Api().json("/search/", q=f"colour:{colour}")))


@pytest.fixture
def pictures(alice, upload, quick_encoder) -> dict[str, Image]:
    return {
        name: upload(alice, f"{name}.png", content=drawn_picture(code), visibility=Visibility.PUBLIC)
        for name, code in [("red", "#d01010"), ("blue", "#2040d0")]
    }


def test_colours_come_with_the_look_that_makes_a_picture_searchable(pictures):
    assert {name: colours_of(image) for name, image in pictures.items()} == {name: bits_of([name]) for name in pictures}
    assert {name: found(name) for name in ("red", "blue", "green")} == {
        "red": [pictures["red"].pk],
        "blue": [pictures["blue"].pk],
        "green": [],
    }


def test_older_pictures_are_looked_at_by_the_worker(pictures):
    PictureColours.objects.filter(image=pictures["red"]).delete()
    PictureColours.objects.filter(image=pictures["blue"]).update(revision=REVISION - 1, colours=bits_of(["green"]))
    assert [found("red"), found("green")] == [[], [pictures["blue"].pk]]  # an older look is as true as it was

    assert colour_some(0) is None

    assert [found("red"), found("blue"), found("green")] == [[pictures["red"].pk], [pictures["blue"].pk], []]
    assert colour_some.__name__ in [chore.portion.__name__ for chore in CHORES if hasattr(chore, "portion")]


def test_nobody_decodes_pictures_whose_colours_are_known(pictures, decoded):
    assert colour_some(0) is None
    assert decoded == []


def test_portions_go_on_where_the_last_one_ended(pictures, monkeypatch):
    PictureColours.objects.all().delete()
    monkeypatch.setattr(colouring, "AT_A_TIME", 1)

    places = [colour_some(0)]
    while places[-1] is not None:
        places.append(colour_some(places[-1]))

    assert places == [pictures["red"].pk, pictures["blue"].pk, None]
    assert PictureColours.objects.are_complete()


def test_a_picture_whose_original_is_gone_is_not_tried_again(alice, pictures, decoded):
    lost = stored(alice)
    search_index().add([lost.pk], unit_rows(1), encoder=QuickEncoder())

    assert colour_some(0) is None
    assert colours_of(lost) == 0
    assert PictureColours.objects.are_complete()
