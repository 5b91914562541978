"""Loading any dual encoder: paddings, broken folders, a second text tower, too little memory."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from gallery.encoders.base import EncoderKey
from gallery.encoders.clip import ClipEncoder, prepare
from gallery.errors import EncoderUnavailable
from tests.unit.encoders.tiny_models import copy_of


@pytest.fixture(scope="module")
def clip(tiny_clip):
    return ClipEncoder(str(tiny_clip), device="cpu")


@pytest.fixture(scope="module")
def plain(tiny_clip):
    """The same model, straight from transformers."""
    return AutoModel.from_pretrained(tiny_clip).eval()


def unit(row):
    return row / np.linalg.norm(row)


def reference_text_row(model, tokenizer, text, **padding):
    """Encode one text straight through transformers."""
    inputs = tokenizer([text], truncation=True, max_length=24, return_tensors="pt", **padding)
    return unit(model.get_text_features(**inputs).pooler_output.detach().numpy()[0])


def reference_image_row(model, image_processor, image):
    inputs = image_processor(images=[image], return_tensors="pt")
    return unit(model.get_image_features(**inputs).pooler_output.detach().numpy()[0])


def test_clip_short_padding_equals_padding_to_the_full_length(clip, plain):
    ours = clip.encode_texts(["a cat", "a much longer text about a red car"])[0]

    reference = reference_text_row(plain, clip._tokenizer, "a cat", padding="max_length")
    np.testing.assert_allclose(ours, reference, atol=1e-5)


def test_clip_siglip_is_padded_to_the_full_length(tiny_siglip):
    siglip = ClipEncoder(str(tiny_siglip), device="cpu")
    inputs = siglip._tokenizer(["a cat"], padding="max_length", max_length=16, return_tensors="pt")
    reference = AutoModel.from_pretrained(tiny_siglip).get_text_features(**inputs).pooler_output.detach().numpy()[0]

    ours = siglip.encode_texts(["a cat"])[0]

    np.testing.assert_allclose(ours, reference / np.linalg.norm(reference), atol=1e-5)


def test_clip_image_row_equals_the_plain_pipeline(clip, plain, picture):
    image = picture("chelsea.png").resize((90, 60))

    reference = reference_image_row(plain, clip._image_processor, image)

    np.testing.assert_allclose(clip.encode_images([image])[0], reference, atol=1e-5)


def test_clip_text_beyond_the_limit_is_cut(clip):
    words = "a cat " * 200

    rows = clip.encode_texts([words, words + "and a red car"])

    np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)


def test_clip_id_and_revision_name_the_weights(clip, tiny_clip, tmp_path):
    other = copy_of(tiny_clip, tmp_path / "other")
    weights = load_file(other / "model.safetensors")
    weights["logit_scale"] += 1
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})

    assert clip.key.id == f"clip:{tiny_clip}"
    assert clip.key.revision.startswith("local-")
    assert ClipEncoder(str(other), device="cpu").key.revision != clip.key.revision


def test_clip_revision_is_the_commit_in_the_hub_cache(tiny_clip, tmp_path, monkeypatch):
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--someone--tiny"
    copy_of(tiny_clip, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    encoder = ClipEncoder("someone/tiny", device="cpu")

    assert encoder.key == EncoderKey("clip:someone/tiny", "0123456789ab")


def break_weights(folder):
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-1000])


def break_header(folder):
    (folder / "model.safetensors").write_bytes(b"<html>404</html>" * 9)


def drop_an_array(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["text_projection.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def reshape_an_array(folder):
    weights = load_file(folder / "model.safetensors")
    weights["text_projection.weight"] = torch.zeros(3, 3)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def break_config(folder):
    (folder / "config.json").write_text("{")


def drop_weights(folder):
    (folder / "model.safetensors").unlink()


def drop_image_processor(folder):
    (folder / "preprocessor_config.json").unlink()


def drop_everything(folder):
    for path in folder.iterdir():
        path.unlink()


BREAKS = (
    break_weights,
    break_header,
    drop_an_array,
    reshape_an_array,
    break_config,
    drop_weights,
    drop_image_processor,
    drop_everything,
)


@pytest.mark.parametrize("damage", BREAKS)
def test_clip_broken_folder_is_one_plain_sentence(tiny_clip, tmp_path, damage):
    folder = copy_of(tiny_clip, tmp_path / "broken")
    damage(folder)

    with pytest.raises(EncoderUnavailable) as caught:
        ClipEncoder(str(folder), device="cpu")

    assert str(caught.value).startswith(f"The encoder “clip:{folder}” cannot be used: "[:80])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["/no/such/folder", "./no", "nobody/nothing", "not a name!", ""])
@pytest.mark.parametrize("local_files_only", [True, False])
def test_clip_missing_model_is_one_plain_sentence(name, local_files_only, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    with pytest.raises(EncoderUnavailable) as caught:
        ClipEncoder(name, local_files_only=local_files_only)

    assert "\n" not in str(caught.value)


def test_clip_text_only_model_is_refused(tiny_text_tower, tiny_clip, tmp_path):
    folder = copy_of(tiny_text_tower, tmp_path / "bert")
    (folder / "preprocessor_config.json").write_bytes((tiny_clip / "preprocessor_config.json").read_bytes())

    with pytest.raises(EncoderUnavailable, match="does not encode both pictures and texts"):
        ClipEncoder(str(folder), device="cpu")


def test_clip_second_tower_takes_texts_beyond_latin(tiny_clip, tiny_text_tower, clip):
    both = ClipEncoder(str(tiny_clip), text_model=str(tiny_text_tower), device="cpu")

    rows = both.encode_texts(["a cat", "一只猫", "a dog"])

    np.testing.assert_allclose(rows[[0, 2]], clip.encode_texts(["a cat", "a dog"]), atol=1e-5)
    tower_row = both._text_tower.encode(["一只猫"]).numpy()[0]
    np.testing.assert_allclose(rows[1], tower_row / np.linalg.norm(tower_row), atol=1e-5)
    assert both.key == clip.key


def test_clip_second_tower_row_does_not_depend_on_its_batch(tiny_clip, tiny_text_tower):
    both = ClipEncoder(str(tiny_clip), text_model=str(tiny_text_tower), device="cpu")
    texts = ["猫", "红色的汽车 一只 狗 猫 狗", "一只狗"]

    together = both.encode_texts(texts)

    np.testing.assert_allclose(together, np.concatenate([both.encode_texts([text]) for text in texts]), atol=1e-5)


def test_clip_second_tower_of_another_space_is_refused(tiny_siglip, tiny_text_tower):
    with pytest.raises(EncoderUnavailable, match="16 dimensions"):
        ClipEncoder(str(tiny_siglip), text_model=str(tiny_text_tower), device="cpu")


def test_clip_second_tower_without_projection_weights_is_refused(tiny_clip, tiny_text_tower, tmp_path):
    tower = copy_of(tiny_text_tower, tmp_path / "tower")
    (tower / "2_Dense" / "model.safetensors").unlink()

    with pytest.raises(EncoderUnavailable, match="lacks the configuration or the weights"):
        ClipEncoder(str(tiny_clip), text_model=str(tower), device="cpu")


def test_clip_batch_is_halved_when_memory_runs_out(tiny_clip, picture, monkeypatch):
    encoder = ClipEncoder(str(tiny_clip), device="cpu", batch_size=8, thread_count=1)
    images = [picture("chelsea.png").resize((40 + side, 40)) for side in range(7)]
    expected = encoder.encode_images(images)
    encode, sizes = encoder._encode_image_batch, []

    def small_memory(batch):
        sizes.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError
        return encode(batch)

    monkeypatch.setattr(encoder, "_encode_image_batch", small_memory)

    np.testing.assert_allclose(encoder.encode_images(images), expected, atol=1e-5)
    assert sizes == [7, 3, 1, 1, 1, 1, 1, 1, 1]


def test_clip_memory_too_small_for_one_picture_is_said(tiny_clip, picture, monkeypatch):
    encoder = ClipEncoder(str(tiny_clip), device="cpu")

    def no_memory(batch):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(encoder, "_encode_image_batch", no_memory)

    with pytest.raises(EncoderUnavailable, match="memory of the GPU"):
        encoder.encode_images([picture("chelsea.png")])


@pytest.mark.parametrize("size", [(1, 900), (900, 1), (4000, 3000), (16_000, 2)])
def test_prepare_bounds_what_is_resized(size):
    prepared = prepare(Image.new("RGB", size), shortest_px=224)

    assert max(prepared.size) <= 20 * min(prepared.size)
    assert min(prepared.size) < 2 * 3 * 224
