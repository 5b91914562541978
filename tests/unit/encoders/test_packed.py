"""Packed towers give the rows of transformers' own modules, or are not used."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, CLIPConfig, CLIPModel

from gallery.encoders import clip as clip_module
from gallery.encoders import packed_towers as packed
from gallery.encoders.clip import ClipEncoder
from gallery.encoders.packed_towers import TextTower, VisionTower, packed_text_tower, packed_vision_tower
from gallery.errors import EncoderUnavailable
from tests.unit.encoders.tiny_models import SHAPE, VISION, copy_of

SENTENCES = ["a cat", "a red car that is parked beside an old tree", "x", "cat " * 30]


@pytest.fixture(scope="module", autouse=True)
def _inference():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def model(tiny_clip):
    return AutoModel.from_pretrained(tiny_clip).eval()


@pytest.fixture
def pixels():
    return torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(4))


def tokens_of(folder, texts):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return tokenizer(texts, padding="longest", truncation=True, max_length=24, return_tensors="pt")


def least_cosine(ours, plain):
    return float(torch.nn.functional.cosine_similarity(ours.float(), plain.float()).min())


def model_with(activation):
    torch.manual_seed(5)
    text = {**SHAPE, "vocab_size": 60, "eos_token_id": 2, "hidden_act": activation, "max_position_embeddings": 24}
    config = CLIPConfig(text_config=text, vision_config={**VISION, "hidden_act": activation}, projection_dim=16)
    return CLIPModel(config).eval()


def test_packed_vision_tower_equals_the_plain_one(model, pixels):
    plain = model.get_image_features(pixels).pooler_output

    np.testing.assert_allclose(VisionTower(model, "float32")(pixels), plain, atol=1e-5)


def test_packed_vision_tower_of_chinese_clip_equals_the_plain_one(tiny_chinese_clip, pixels):
    model = AutoModel.from_pretrained(tiny_chinese_clip).eval()
    plain = model.get_image_features(pixels).pooler_output

    np.testing.assert_allclose(packed_vision_tower(model, "float32")(pixels), plain, atol=1e-5)


def test_packed_text_tower_equals_the_plain_one_for_texts_of_unequal_length(model, tiny_clip):
    inputs = tokens_of(tiny_clip, SENTENCES)
    plain = model.get_text_features(**inputs).pooler_output

    ours = TextTower(model, "float32")(inputs["input_ids"], inputs["attention_mask"].sum(dim=1))

    np.testing.assert_allclose(ours, plain, atol=1e-5)


@pytest.mark.parametrize("activation", ["gelu", "quick_gelu"])
def test_packed_towers_know_the_activation(activation, pixels):
    model = model_with(activation)
    token_ids = torch.tensor([[3, 9, 59, 1], [7, 59, 1, 1]])  # 59, the highest, ends a text
    mask = torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0]])

    images = packed_vision_tower(model, "float32")(pixels)
    texts = packed_text_tower(model, "float32")(token_ids, mask.sum(dim=1))

    np.testing.assert_allclose(images, model.get_image_features(pixels).pooler_output, atol=1e-5)
    plain = model.get_text_features(input_ids=token_ids, attention_mask=mask).pooler_output
    np.testing.assert_allclose(texts, plain, atol=1e-5)


def test_packed_unknown_activation_leaves_the_plain_modules():
    assert packed_vision_tower(model_with("relu"), "float32") is None
    assert packed_text_tower(model_with("relu"), "float32") is None


def test_packed_siglip_is_left_to_the_plain_modules(tiny_siglip):
    siglip = AutoModel.from_pretrained(tiny_siglip).eval()

    assert packed_vision_tower(siglip, "float32") is None
    assert packed_text_tower(siglip, "float32") is None


def test_packed_bfloat16_is_close_and_not_the_same(model, pixels, tiny_clip):
    inputs = tokens_of(tiny_clip, SENTENCES)
    images = VisionTower(model, "bfloat16")(pixels)
    texts = TextTower(model, "bfloat16")(inputs["input_ids"], inputs["attention_mask"].sum(dim=1))

    for ours, plain in (
        (images, model.get_image_features(pixels).pooler_output),
        (texts, model.get_text_features(**inputs).pooler_output),
    ):
        assert least_cosine(ours, plain) > 0.999
        assert (ours - plain).abs().max() > 1e-6


def test_packed_tower_that_is_too_far_off_is_not_used(model, monkeypatch, caplog):
    monkeypatch.setattr(packed, "LEAST_COSINE", {"float32": 1.1})

    assert packed_vision_tower(model, "float32") is None
    assert packed_text_tower(model, "float32") is None
    assert "the plain one is used" in caplog.text


def test_clip_packs_what_it_can(tiny_clip, picture):
    encoder = ClipEncoder(str(tiny_clip), device="cpu")

    encoder.encode_texts(["a cat"])
    encoder.encode_images([picture("chelsea.png")])

    assert (encoder._text_half().packed, encoder._vision_half().packed) == (True, True)


def test_clip_rows_are_the_same_where_nothing_can_be_packed(tiny_clip, picture, monkeypatch):
    images = [picture("chelsea.png"), picture("coffee.png"), picture("rocket.jpg")]
    encoder = ClipEncoder(str(tiny_clip), device="cpu")
    expected = encoder.encode_texts(SENTENCES), encoder.encode_images(images)
    monkeypatch.setattr(packed, "PROCESSORS", frozenset())

    other = ClipEncoder(str(tiny_clip), device="cpu")

    np.testing.assert_allclose(other.encode_texts(SENTENCES), expected[0], atol=1e-5)
    np.testing.assert_allclose(other.encode_images(images), expected[1], atol=1e-5)
    assert (other._text_half().packed, other.text_lanes) == (False, 1)


def test_clip_reads_each_half_when_it_is_needed(tiny_clip, picture):
    encoder = ClipEncoder(str(tiny_clip), device="cpu")
    halves = [(encoder._text, encoder._vision)]
    encoder.encode_texts(["a cat"])
    halves.append((encoder._text is not None, encoder._vision))
    encoder.encode_images([picture("chelsea.png")])

    assert halves == [(None, None), (True, None)]
    assert encoder._vision is not None
    assert encoder._model is None


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the kernel does not list what is mapped")
def test_clip_holds_nothing_of_the_file_once_it_is_packed(tiny_clip, tmp_path, picture):
    folder = copy_of(tiny_clip, tmp_path / "mapped")
    encoder = ClipEncoder(str(folder), device="cpu")
    before = str(folder) in Path("/proc/self/maps").read_text()

    encoder.encode_texts(["a cat"])
    encoder.encode_images([picture("chelsea.png")])

    assert before
    assert str(folder) not in Path("/proc/self/maps").read_text()


def test_clip_files_that_changed_between_the_halves_are_refused(tiny_clip, tmp_path, picture):
    folder = copy_of(tiny_clip, tmp_path / "changing")
    encoder = ClipEncoder(str(folder), device="cpu")
    encoder.encode_texts(["a cat"])
    (folder / "config.json").write_text((folder / "config.json").read_text() + " ")

    with pytest.raises(EncoderUnavailable, match="have changed since they were first read"):
        encoder.encode_images([picture("chelsea.png")])


def test_clip_bfloat16_needs_a_processor_that_multiplies_it(tiny_clip, monkeypatch, caplog):
    monkeypatch.setattr(clip_module, "bfloat16_is_fast", lambda: False)

    encoder = ClipEncoder(str(tiny_clip), device="cpu", precision="bfloat16")

    assert encoder.precision == "float32"
    assert "does not multiply bfloat16" in caplog.text


def test_clip_bfloat16_keeps_id_and_revision(tiny_clip, picture, monkeypatch):
    monkeypatch.setattr(clip_module, "bfloat16_is_fast", lambda: True)
    encoder = ClipEncoder(str(tiny_clip), device="cpu")
    rounded = ClipEncoder(str(tiny_clip), device="cpu", precision="bfloat16")
    image = [picture("chelsea.png")]

    cosine = float((encoder.encode_images(image) @ rounded.encode_images(image).T)[0, 0])

    assert 0.999 < cosine < 1
    assert rounded.key == encoder.key


def test_clip_works_in_a_forked_child(tiny_clip, picture):
    images = [picture("chelsea.png"), picture("coffee.png"), picture("rocket.jpg")]
    encoder = ClipEncoder(str(tiny_clip), device="cpu")
    expected = encoder.encode_images(images), encoder.encode_texts(["a cat"])

    child = os.fork()
    if child == 0:
        same = [np.abs(encoder.encode_images(images) - expected[0]).max() < 1e-5]
        same.append(np.abs(encoder.encode_texts(["a cat"]) - expected[1]).max() < 1e-5)
        os._exit(0 if all(same) else 1)

    assert os.waitpid(child, 0)[1] == 0
