"""Encoders that nobody calibrated, and engines that do not tell how scores spread: they get a line all the same."""

import numpy as np
import pytest
from PIL import Image as PillowImage

from gallery.encoders import registry
from gallery.encoders.clip import ClipEncoder
from gallery.models import OPERATOR, Image
from gallery.retrieval.request import SearchRequest
from gallery.retrieval.tree import Like
from gallery.search_index import search_index
from gallery.services.search import ResultPage, find_images
from gallery.vectors import engines
from tests.integration.test_models import stored
from tests.memory_engine import MemoryEngine, MemoryServer
from tests.searches import request_for
from tests.unit.encoders.tiny_models import save_tiny_clip

TEXT = request_for("a cat", top=50)


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> ClipEncoder:
    return ClipEncoder(str(save_tiny_clip(tmp_path_factory.mktemp("clip"))))


@pytest.fixture(autouse=True)
def in_use(clip, limits_of):
    limits_of(encoder=clip.key.id)
    with registry.using(clip):
        yield


@pytest.fixture
def server(clip, limits_of, monkeypatch) -> MemoryServer:
    server = MemoryServer()
    monkeypatch.setitem(engines.REMOTE, "memory", lambda: MemoryEngine(server))
    limits_of(engine="memory", encoder=clip.key.id)
    return server


def filled(owner, clip, *, others: int, near: float) -> list[Image]:
    """One picture that fits the text, and others whose scores lie around `near` of its own."""
    text = clip.encode_texts(["a cat"])[0]
    random = np.random.default_rng(3)
    noise = random.normal(size=(others, clip.dimension))
    noise -= (noise @ text)[:, np.newaxis] * text
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    cosines = np.clip(near + random.normal(scale=0.01, size=others), -1, 0.9)[:, np.newaxis]
    rows = np.vstack([text, cosines * text + np.sqrt(1 - cosines**2) * noise]).astype(np.float32)
    rows[0] = (0.3 * text + np.sqrt(1 - 0.09) * noise[0]).astype(np.float32)
    images = [stored(owner) for _row in rows]
    search_index().add([image.pk for image in images], rows, encoder=clip)
    return images


def judged(page: ResultPage) -> list[tuple[int, bool]]:
    return [(result.image.pk, result.confident) for result in page.results]


def test_every_result_of_a_random_model_is_judged(alice, clip):
    images = [stored(alice) for _ in range(12)]
    pictures = [
        PillowImage.fromarray(np.random.default_rng(place).integers(0, 256, (32, 32, 3), dtype=np.uint8))
        for place in range(12)
    ]
    search_index().add([image.pk for image in images], clip.encode_images(pictures), encoder=clip)

    for request in (TEXT, SearchRequest(Like(images[0].pk), 50)):
        page = find_images(request, by=OPERATOR)
        assert len(page.results) >= 11
        assert {type(result.confident) for result in page.results} == {bool}
        assert page.confident_total == sum(result.confident for result in page.results)


def test_equal_scores_and_other_surroundings_get_other_lines(alice, clip):
    images = filled(alice, clip, others=40, near=0.2)
    assert judged(find_images(TEXT, by=OPERATOR))[0] == (images[0].pk, True)

    filled(alice, clip, others=200, near=0.295)

    page = find_images(request_for("a cat", top=200), by=OPERATOR)
    scores = {result.image.pk: result.score for result in page.results}
    assert scores[images[0].pk] == pytest.approx(0.3, abs=1e-3)
    assert (images[0].pk, True) not in judged(page)


def test_an_engine_that_tells_no_distribution_draws_the_same_line(alice, clip, server):
    filled(alice, clip, others=40, near=0.2)
    by_files = find_images(TEXT, by=OPERATOR)

    search_index().feed_engine()

    by_server = find_images(TEXT, by=OPERATOR)
    assert server.searches == 1
    assert judged(by_server) == judged(by_files)
    assert by_server.confident_total == by_files.confident_total == 1
