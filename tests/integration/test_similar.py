"""What resembles a picture: copies first, then what shows the same, among what the asker may see, at every door."""

from io import BytesIO
from itertools import cycle

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as PillowImage

from gallery.encoders import registry
from gallery.encoders.base import EncoderKey, Vectors
from gallery.models import OPERATOR, Image, Visibility
from gallery.retrieval.request import SearchRequest
from gallery.retrieval.resemblance import SAME_SHARE
from gallery.retrieval.tree import Like, tree_of
from gallery.search_index import search_index
from gallery.services.embedding import encoder_child
from gallery.services.search import ResultPage, find_images, find_similar
from tests.conftest import acting
from tests.integration.api_client import Api, ids
from tests.pages import as_user, images_on
from tests.quick_encoder import GRID, QuickEncoder

CORNERS = np.random.default_rng(3).integers(0, 256, size=(10, *GRID, 3), dtype=np.uint8)
KINDS = (Visibility.PRIVATE, Visibility.PUBLIC, Visibility.PUBLIC)


class SeeingEncoder(QuickEncoder):
    """What a picture shows is the colour of its first corner; the other three are how it looks."""

    near_copy_cosine = 0.9

    def meaning_of(self, rows: Vectors) -> Vectors:
        shown = np.zeros_like(rows)
        shown[:, :3] = rows[:, :3]
        return shown / np.linalg.norm(shown, axis=1, keepdims=True)


@pytest.fixture(autouse=True)
def seeing_encoder(monkeypatch):
    monkeypatch.setattr(encoder_child, "CHILD_MODULE", "tests.quick_encoder_child")
    with registry.using(SeeingEncoder()) as encoder:
        yield encoder


@pytest.fixture
def pictures(alice, bob, upload, share) -> list[Image]:
    """Twelve of alice, some public, one of the private ones shared with bob; the last two are near copies."""
    copies = np.minimum(CORNERS[:2], 246) + np.uint8(9)
    images = [
        upload(alice, f"{place}.png", content=png(pixels), visibility=kind, tags="odd" if place % 2 else "")
        for place, (pixels, kind) in enumerate(zip([*CORNERS, *copies], cycle(KINDS), strict=False))
    ]
    Image.objects.filter(pk=images[3].pk).update(visibility=Visibility.SHARED)
    share(images[3], bob)
    return images


def png(pixels: np.ndarray) -> bytes:
    out = BytesIO()
    PillowImage.fromarray(pixels).resize((64, 64), PillowImage.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()


def expected(image: Image, candidates: list[int]) -> list[int]:
    """Order all candidates at once: copies, and the nearest if it shows enough, before what shows the same."""
    (_own, (row,)), (found, rows) = (search_index().vectors(some) for some in ([image.pk], candidates))
    whole, shown = rows @ row, rows @ SeeingEncoder().meaning_of(row[np.newaxis])[0]
    leads = whole >= SeeingEncoder.near_copy_cosine
    leads[whole.argmax()] |= shown[whole.argmax()] >= SAME_SHARE * shown.max()
    return found[np.lexsort((found, -np.where(leads, whole, shown), ~leads))].tolist()


def others(image: Image, *, of: list[Image]) -> list[int]:
    return [other.pk for other in of if other.pk != image.pk]


def test_copies_come_first_then_what_shows_the_same(pictures):
    original, copy = pictures[0], pictures[10]

    page = find_similar(original, by=OPERATOR, top=20)

    assert page.image_ids[0] == copy.pk
    assert page.image_ids == expected(original, others(original, of=pictures))
    nearest_first = find_nearest(original, pictures)
    assert page.image_ids != nearest_first


def find_nearest(image: Image, pictures: list[Image]) -> list[int]:
    """Return the others by the whole of their rows alone."""
    (_own, (row,)), (found, rows) = (search_index().vectors(some) for some in ([image.pk], others(image, of=pictures)))
    return found[np.argsort(-(rows @ row))].tolist()


def test_scores_are_cosines_of_the_whole_and_need_not_descend(pictures):
    page = find_similar(pictures[0], by=OPERATOR, top=20)

    _own, (row,) = search_index().vectors([pictures[0].pk])
    _ids, rows = search_index().vectors(page.image_ids)
    assert [result.score for result in page.results] == pytest.approx((rows @ row).tolist(), abs=1e-6)
    assert page.searched == 11


def test_everyone_gets_the_ranking_of_what_they_may_see(pictures, alice, bob, charlie):
    for user in (alice, bob, charlie):
        visible = Image.objects.visible_to(acting(user))
        for image in visible:
            page = find_similar(image, by=acting(user), top=20)
            assert page.image_ids == expected(image, others(image, of=list(visible)))
    seen = [len(find_similar(pictures[1], by=acting(user), top=20).results) for user in (alice, bob, charlie)]
    assert seen == [11, 8, 7]


@pytest.mark.parametrize("top", [1, 3, 7])
def test_fewer_results_are_the_first_of_all(pictures, top):
    for image in pictures:
        assert find_similar(image, by=OPERATOR, top=top).image_ids == expected(image, others(image, of=pictures))[:top]


def test_a_filter_is_part_of_it(pictures):
    odd = pictures[1::2]

    page = find_images(SearchRequest(tree_of(meanings=[Like(pictures[0].pk)], tags=["odd"]), 20), by=OPERATOR)

    assert page.image_ids == expected(pictures[0], [image.pk for image in odd])


def test_every_door_gives_the_same_ranking(pictures, alice):
    image, client = pictures[4], as_user(alice)
    wanted = expected(image, others(image, of=pictures))

    assert images_on(client.get(f"/search/?like={image.pk}&top=20")) == wanted
    assert images_on(client.get(f"/images/{image.pk}/similar/", headers={"HX-Request": "true"})) == wanted[:8]
    assert ids(Api(alice).json(f"/images/{image.pk}/similar/", top=20)) == wanted


def test_a_picture_that_is_brought_is_asked_the_same_way(pictures, alice):
    file = SimpleUploadedFile("brought.png", png(CORNERS[4]))

    found = ids(Api(alice).post_form("/search/", image=file, top=20).json())

    assert found == expected(pictures[4], [image.pk for image in pictures])
    assert found[0] == pictures[4].pk


def test_a_picture_beside_words_is_one_sum_as_before(pictures):
    request = SearchRequest(tree_of(text="red", meanings=[Like(pictures[0].pk)]), 20)

    scores = [result.score for result in find_images(request, by=OPERATOR).results]

    assert scores == sorted(scores, reverse=True)


def test_an_encoder_that_cannot_tell_ranks_by_the_whole(pictures):
    with registry.using(QuickEncoder()):
        page = find_similar(pictures[0], by=OPERATOR, top=20)

    assert page.image_ids == find_nearest(pictures[0], pictures)


def test_a_picture_that_is_alone_resembles_nothing(alice, upload):
    page: ResultPage = find_similar(upload(alice), by=OPERATOR)

    assert (page.results, page.searched) == ((), 0)


def test_what_compares_by_meaning_is_of_the_key_and_found_through_what_batches():
    offline = registry.create_encoder("offline")

    with registry.using(registry._batching(offline)):
        assert registry.comparing_by_meaning(offline.key) is offline
        assert registry.comparing_by_meaning(EncoderKey("offline", "of before")) is None
        assert registry.comparing_by_meaning(EncoderKey("clip:nowhere/model", "1")) is None
