"""Names, what `auto` means, one instance per process."""

import threading

import pytest

from gallery.encoders import registry
from gallery.encoders.registry import (
    EncoderOptions,
    canonical_name,
    choose_encoder_name,
    create_encoder,
    download_weights,
    get_encoder,
    weights_available,
)
from gallery.errors import EncoderUnavailable, UnknownEncoder
from tests.unit.encoders.tiny_models import copy_of

DEFAULT_ID = "clip:openai/clip-vit-base-patch32"


@pytest.fixture(autouse=True)
def empty_hub_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(registry, "_instances", {})
    return tmp_path / "hub"


def put_into_cache(cache, name, source):
    repository = cache / ("models--" + name.replace("/", "--"))
    snapshot = copy_of(source, repository / "snapshots" / ("a" * 40))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    return snapshot


@pytest.mark.parametrize("name", ["", "Offline", "clip:", "auto", "faiss", "clip/x"])
def test_create_encoder_refuses_an_unknown_name(name):
    with pytest.raises(UnknownEncoder) as caught:
        create_encoder(name)

    assert caught.value.details == {"encoder": name, "choices": "auto, offline, clip, clip:NAME"}


@pytest.mark.parametrize(
    ("name", "canonical"),
    [("offline", "offline"), ("clip", DEFAULT_ID), ("clip:a/b", "clip:a/b"), ("clip:/m", "clip:/m")],
)
def test_canonical_name(name, canonical):
    assert canonical_name(name) == canonical
    assert canonical_name(canonical) == canonical


def test_auto_is_offline_where_clip_is_not_at_hand():
    assert choose_encoder_name("auto") == "offline"


def test_auto_is_clip_where_its_weights_lie_in_the_cache(empty_hub_cache, tiny_clip):
    put_into_cache(empty_hub_cache, "openai/clip-vit-base-patch32", tiny_clip)

    assert choose_encoder_name("auto") == DEFAULT_ID
    assert get_encoder(choose_encoder_name("auto")).id == DEFAULT_ID


def test_auto_is_offline_where_a_download_was_broken_off(empty_hub_cache, tiny_clip):
    snapshot = put_into_cache(empty_hub_cache, "openai/clip-vit-base-patch32", tiny_clip)
    (snapshot / "model.safetensors").unlink()

    assert choose_encoder_name("auto") == "offline"


def test_explicit_setting_is_kept_whatever_is_at_hand():
    assert choose_encoder_name("clip", weights_available=lambda _: False) == DEFAULT_ID
    assert choose_encoder_name("offline", weights_available=lambda _: True) == "offline"


def test_weights_available(tiny_clip, tmp_path):
    assert weights_available("offline") is True
    assert weights_available("clip") is False
    assert weights_available(f"clip:{tiny_clip}") is True
    assert weights_available(f"clip:{tmp_path}") is False


def test_encoder_id_creates_the_same_encoder_again(tiny_clip):
    first = create_encoder(f"clip:{tiny_clip}")
    second = create_encoder(first.id)

    assert (second.id, second.revision, second.dimension) == (first.id, first.revision, first.dimension)


def test_get_encoder_returns_one_instance_to_all_threads(tiny_clip):
    found = []
    threads = [threading.Thread(target=lambda: found.append(get_encoder(f"clip:{tiny_clip}"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_get_encoder_keeps_options_apart(tiny_clip):
    name = f"clip:{tiny_clip}"

    assert get_encoder(name) is get_encoder(name)
    assert get_encoder(name) is not get_encoder(name, EncoderOptions(device="cpu"))


def test_get_encoder_tries_again_after_a_failure(tiny_clip, tmp_path):
    folder = tmp_path / "later"
    with pytest.raises(EncoderUnavailable):
        get_encoder(f"clip:{folder}")
    copy_of(tiny_clip, folder)

    assert get_encoder(f"clip:{folder}").dimension == 16


def test_default_model_uses_its_second_tower_once_it_is_there(empty_hub_cache, tiny_clip, tiny_text_tower, caplog):
    put_into_cache(empty_hub_cache, "openai/clip-vit-base-patch32", tiny_clip)

    alone = create_encoder("clip")
    put_into_cache(empty_hub_cache, "sentence-transformers/clip-ViT-B-32-multilingual-v1", tiny_text_tower)
    both = create_encoder("clip")

    assert "understands English only" in caplog.text
    assert abs(alone.encode_texts(["猫"]) - both.encode_texts(["猫"])).max() > 0.01
    assert (alone.id, alone.revision) == (both.id, both.revision)


def test_download_weights_says_why_it_cannot():
    with pytest.raises(EncoderUnavailable, match="cannot be downloaded"):
        download_weights("clip")
    download_weights("offline")
