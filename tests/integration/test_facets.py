"""Facets of a search: each count is that of the same search with the filter, whoever asks."""

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.models import Actor, Album, Image, PictureColours, Tag
from gallery.models.picture_colours import BITS
from gallery.retrieval.request import SearchRequest
from gallery.services.facets import MOST_CHOICES, Facet, facets_of
from gallery.services.search import find_images
from gallery.text.folding import folded
from tests.conftest import acting, drawn_picture
from tests.integration.api_client import Api
from tests.integration.test_columns_of_lists import SETTINGS, Library

QUERIES = [
    "width:>0",
    "is:landscape",
    "-tag:snow",
    "taken:2024",
    "tag:cat OR format:png",
    "size:>1 -is:square",
    "width:>9",
]


@pytest.fixture
def library(alice, bob, charlie, staff) -> Library:
    """Pictures of three owners, two of whose albums and two of whose tags are called alike."""
    made = Library([alice, bob, charlie, staff], seed=3)
    for album, title in zip(made.albums, ["Trip", "TRIP", "家"], strict=True):
        album.title = title
        album.save()
    return made


def request_for(query: str, **options: object) -> SearchRequest:
    return SearchRequest.of(query=query, max_top=100, **options)


def by_field(facets: tuple[Facet, ...]) -> dict[str, dict[str, int]]:
    return {facet.field: {folded(choice.filter_text): choice.count for choice in facet.choices} for facet in facets}


def found(query: str, by: Actor) -> set[int]:
    return set(find_images(request_for(query, top=100), by=by).image_ids)


@settings(SETTINGS, max_examples=20)
@given(data=st.data())
def test_counts_are_those_of_the_search_with_the_filter(data, library):
    query, actor = data.draw(st.sampled_from(QUERIES)), data.draw(st.sampled_from(library.actors))
    of_query = found(query, actor)

    for facet in facets_of(request_for(query), by=actor):
        for choice in facet.choices:
            of_filter = set(find_images(request_for(choice.filter_text, top=100), by=actor).image_ids)
            assert choice.count == len(of_query & of_filter), choice
            assert choice.count > 0


@pytest.mark.parametrize("query", QUERIES)
def test_facets_are_those_of_plain_python(library, query):
    for actor in library.actors:
        images = [image for image in library.images if image.pk in found(query, actor)]
        facets = by_field(facets_of(request_for(query), by=actor))

        assert facets.get("format", {}) == counted(images, lambda image: [f"format:{image.format.lower()}"])
        assert facets.get("tag", {}) == counted(images, tags_of)
        assert facets.get("taken", {}) == counted(
            images, lambda image: [f"taken:{image.taken_at.year}"] if image.taken_at else []
        )
        assert facets.get("colour", {}) == counted(images, colours_of)
        assert facets.get("is", {}) == counted(images, states_of)
        assert facets.get("owner", {}) == counted(images, partial(owners_of, actor=actor))
        assert facets.get("album", {}) == counted(images, partial(albums_of, actor=actor))


def counted(images: list[Image], values: Callable[[Image], list[str]]) -> dict[str, int]:
    return dict(Counter(value for image in images for value in values(image)))


def tags_of(image: Image) -> list[str]:
    """Café and cafe are one tag to who searches."""
    return list({f"tag:{folded(tag.key)}" for tag in image.tags.all()})


def colours_of(image: Image) -> list[str]:
    look = PictureColours.objects.filter(image=image).first()
    return [f"colour:{name}" for name, bit in BITS.items() if look is not None and look.colours & bit]


def states_of(image: Image) -> list[str]:
    width, height = image.width_px, image.height_px
    kinds = {
        "portrait": height > width,
        "landscape": width > height,
        "square": min(width, height) * 20 >= 19 * max(width, height),
    }
    return [f"is:{kind}" for kind, holds in kinds.items() if holds]


def owners_of(image: Image, *, actor: Actor) -> list[str]:
    is_own = actor.user is not None and actor.user.pk == image.owner_id
    return ["owner:me" if is_own else f"owner:{image.owner.username}"]


def albums_of(image: Image, *, actor: Actor) -> list[str]:
    visible = Album.objects.visible_to(actor).filter(images=image, owner=image.owner_id)
    titles = {folded(album.title) for album in visible}
    return [f"album:{title}" for title in titles]


def test_facet_has_the_commonest_values_the_most_first(alice, upload, quick_encoder):
    for number in range(1, MOST_CHOICES + 4):
        upload(
            alice, content=drawn_picture(f"hsl({number}, 50%, 50%)"), tags=",".join(f"t{n:02}" for n in range(number))
        )

    [tags] = [each for each in facets_of(request_for("width:>0"), by=acting(alice)) if each.field == "tag"]

    assert [choice.value for choice in tags.choices] == [f"t{number:02}" for number in range(MOST_CHOICES)]
    assert [choice.count for choice in tags.choices] == list(range(MOST_CHOICES + 3, 3, -1))


def test_choice_that_the_search_has_already_is_chosen(alice, upload, quick_encoder):
    upload(alice, content=drawn_picture("red"), tags="Cat, dog")

    request = request_for("tag:CAT is:landscape (format:png OR format:gif)")
    chosen = [
        each.filter_text for one in facets_of(request, by=acting(alice)) for each in one.choices if each.is_chosen
    ]

    assert chosen == ["tag:cat", "is:landscape"]


def test_facets_come_with_the_search_that_is_encoded_once(alice, upload, quick_encoder, monkeypatch):
    upload(alice, content=drawn_picture("red"), tags="a")
    upload(alice, content=drawn_picture("blue"), tags="b")
    texts: list[str] = []
    encode = quick_encoder.encode_texts
    monkeypatch.setattr(quick_encoder, "encode_texts", lambda given: texts.extend(given) or encode(given))

    page = find_images(request_for("red"), by=acting(alice), with_facets=True)

    assert page.facets == facets_of(request_for("red"), by=acting(alice))
    assert len(texts) == 2
    assert find_images(request_for("red"), by=acting(alice)).facets == ()


def test_facets_of_a_search_by_meaning_count_what_is_confident(alice, upload, quick_encoder):
    for colour in ("red", "lime", "blue"):
        upload(alice, content=drawn_picture(colour), tags=colour)

    page = find_images(request_for("red"), by=acting(alice), with_facets=True)
    [tags] = [each for each in page.facets if each.field == "tag"] or [Facet("tag", ())]

    assert sum(choice.count for choice in tags.choices) == page.confident_count < page.searched


@pytest.mark.usefixtures("never_at_rest")
def test_facets_ask_as_often_of_many_as_of_few(alice, upload, quick_encoder):
    def queries() -> int:
        facets_of(request_for("width:>0"), by=acting(alice))
        with CaptureQueriesContext(connection) as asked:
            facets_of(request_for("width:>0"), by=acting(alice))
        return len(asked)

    upload(alice, content=drawn_picture("red"), tags="a")
    of_one = queries()
    for colour in ("lime", "blue", "yellow"):
        upload(alice, content=drawn_picture(colour), tags=f"a, {colour}, of {colour}")

    assert queries() == of_one


def test_facets_are_there_for_programs(alice, charlie, upload, quick_encoder):
    upload(alice, content=drawn_picture("red"), tags="cat", visibility="public")
    upload(alice, content=drawn_picture("blue"), tags="secret")

    body = Api(charlie).json("/search/facets/", q="tag:cat")

    assert body["facets"][0] == {
        "field": "tag",
        "choices": [{"value": "cat", "label": "cat", "filter": "tag:cat", "count": 1, "chosen": True}],
    }
    assert [each["field"] for each in body["facets"]] == ["tag", "added", "owner", "format", "colour", "is"]
    assert [each["field"] for each in Api(charlie).json("/search/facets/", q="tag:secret")["facets"]] == []
    assert Api().get("/search/facets/", q="owner:me").json()["code"] == "nobody_signed_in"
    assert Api().get("/search/facets/").json()["code"] == "empty_query"


def test_facets_name_what_they_count_in_the_language_of_the_reader(alice, upload, quick_encoder):
    upload(alice, content=drawn_picture("red"), visibility="public")

    facets = (
        Api().client.get("/api/v1/search/facets/?q=width:>0", headers={"Accept-Language": "zh-hans"}).json()["facets"]
    )

    assert facets[-1]["choices"][0]["label"] == "横图"


def test_own_favourites_are_counted_and_those_of_others_are_not(alice, bob, upload, quick_encoder):
    image = upload(alice, content=drawn_picture("red"), visibility="public")
    assert Api(alice).client.put(f"/api/v1/images/{image.pk}/favourite/").status_code in (200, 201, 204)

    of_each = [by_field(facets_of(request_for("width:>0"), by=acting(user)))["is"] for user in (alice, bob)]

    assert of_each == [{"is:landscape": 1, "is:favourite": 1}, {"is:landscape": 1}]


def test_a_tag_that_is_called_like_a_shape_is_counted_as_a_tag(alice, upload):
    pictures = [upload(alice, "picture.png", content=drawn_picture(colour)) for colour in ("red", "blue")]
    for image, name in zip(pictures, ("square", "squaré"), strict=True):
        image.tags.add(*Tag.objects.named([name]))

    counts = by_field(facets_of(request_for("width:>0"), by=acting(alice)))

    assert counts["tag"] == {"tag:square": 2}
