"""Moving a library to another encoder while it is searched and written to."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest

from gallery.encoders import registry
from gallery.errors import EncoderChanged
from gallery.models import Image
from gallery.search_index import SearchIndex
from gallery.services.encoding import key_of
from gallery.services.maintenance import reindex
from gallery.services.query import Query, parse
from gallery.services.search import find_images, query_by_file, query_of, remember_picture, similar_images
from tests.conftest import drawn_picture
from tests.quick_encoder import QuickEncoder

COLOURS = ("red", "lime", "blue", "yellow", "gray")


class WideEncoder(QuickEncoder):
    """The other model: it turns every colour into its opposite, in more dimensions, so that a mixture is seen."""

    dimension = QuickEncoder.dimension + 3

    def __init__(self, id: str = "clip:wide", revision: str = "1") -> None:
        super().__init__(id, revision)

    def _vector(self, image: Any) -> Any:
        return np.append(np.roll(super()._vector(image), 5), np.zeros(3, dtype=np.float32))


@pytest.fixture(autouse=True)
def automatic(limits_of) -> None:
    limits_of(encoder="auto")


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> WideEncoder:
    encoder = WideEncoder()
    monkeypatch.setitem(registry._instances, (encoder.id, registry.DEFAULT_OPTIONS), encoder)
    return encoder


@pytest.fixture
def library(alice, upload, quick_encoder) -> list[Image]:
    """Five pictures of one colour each, embedded."""
    return [upload(alice, f"{colour}.png", content=drawn_picture(colour)) for colour in COLOURS]


def once(encoder: QuickEncoder, name: str, change: Callable[[], object]) -> None:
    """Let the encoder's next call be followed by a change before its caller goes on."""
    real = getattr(encoder, name)

    def encode_and_change(items: Any) -> Any:
        vectors = real(items)
        delattr(encoder, name)
        change()
        return vectors

    setattr(encoder, name, encode_and_change)


# What is searched for while the index moves


def test_text_that_was_encoded_before_the_switch_is_encoded_again(alice, library, quick_encoder, wide):
    once(quick_encoder, "encode_texts", lambda: reindex("clip:wide"))

    page = find_images(parse("blue"), user=alice)

    assert page.encoder == "clip:wide"
    assert page.image_ids[0] == library[2].pk
    assert len(page.image_ids) == 5


def test_picture_that_was_encoded_before_the_switch_is_encoded_again(alice, library, quick_encoder, wide):
    query = query_by_file(BytesIO(drawn_picture("yellow")))
    once(quick_encoder, "encode_images", lambda: reindex("clip:wide"))

    page = find_images(query, user=alice)

    assert (page.encoder, page.image_ids[0]) == ("clip:wide", library[3].pk)


def test_kept_picture_follows_the_switch(alice, library, wide):
    kept = remember_picture(BytesIO(drawn_picture("lime")), name="lime.png")
    reindex("clip:wide")

    page = find_images(query_of(kept), user=alice)

    assert (page.encoder, page.image_ids[0]) == ("clip:wide", library[1].pk)


def test_similar_pictures_of_a_vector_that_was_read_before_the_switch(alice, library, wide, monkeypatch):
    real = SearchIndex.vector_of

    def read_and_switch(index: SearchIndex, image_id: int) -> Any:
        found = real(index, image_id)
        monkeypatch.undo()
        registry._instances[wide.id, registry.DEFAULT_OPTIONS] = wide
        reindex("clip:wide")
        return found

    monkeypatch.setattr(SearchIndex, "vector_of", read_and_switch)

    page = similar_images(library[0], user=alice)

    del registry._instances[wide.id, registry.DEFAULT_OPTIONS]
    assert page is not None
    assert page.encoder == "clip:wide"
    assert sorted(page.image_ids) == sorted(image.pk for image in library[1:])


def test_vector_of_another_encoder_is_refused(alice, library, quick_encoder):
    vector = WideEncoder().encode_texts(["red"])[0]
    with pytest.raises(EncoderChanged):
        find_images(Query(vector=vector, encoder=key_of(WideEncoder())), user=alice)
