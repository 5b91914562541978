"""Names, what `auto` means, one instance per process."""

import re
import threading
from pathlib import Path

import pytest

from gallery.encoders import registry
from gallery.encoders.model_cards import CARDS, card_of
from gallery.encoders.registry import (
    EncoderOptions,
    canonical_name,
    card_named,
    choose_encoder_name,
    create_encoder,
    download_weights,
    get_encoder,
    use_precision,
    weights_available,
)
from gallery.errors import EncoderUnavailable, UnknownEncoder
from tests.loaded_encoders import nothing_loaded
from tests.unit.encoders.tiny_models import copy_of

DEFAULT_ID = "clip:openai/clip-vit-base-patch32"


@pytest.fixture(autouse=True)
def empty_hub_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with nothing_loaded():
        yield tmp_path / "hub"


def put_into_cache(cache, name, source, *, commit=None):
    repository = cache / ("models--" + name.replace("/", "--"))
    card = card_of(name)
    commit = commit or (card.revision if card is not None else "a" * 40)
    snapshot = copy_of(source, repository / "snapshots" / commit)
    (repository / "refs").mkdir(exist_ok=True)
    (repository / "refs" / "main").write_text(commit)
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
    assert get_encoder(choose_encoder_name("auto")).key.id == DEFAULT_ID


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
    second = create_encoder(first.key.id)

    assert (second.key, second.dimension) == (first.key, first.dimension)


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
    assert alone.key == both.key


def test_download_weights_says_why_it_cannot():
    with pytest.raises(EncoderUnavailable, match="cannot be downloaded"):
        download_weights("clip")
    download_weights("offline")


DOCUMENT = (Path(__file__).parents[3] / "docs" / "encoders.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_card_is_documented_with_its_facts(card):
    size = f"{card.input_px} px" if card.input_px else "texts only"
    download = f"{card.download_mb:,} MB" if card.download_mb else "nothing"
    facts = (f"`{card.name}`", card.title, card.dimension, size, card.languages, card.licence, download)
    rows = [" | ".join(map(str, facts))]
    rows += [f"{card.title} | {each.task} | {each.percent} | {each.source}" for each in card.figures]
    rows += [f"`{card.model}` | `{card.revision}`"] if card.revision else []

    assert [row for row in rows if f"| {row} |" not in DOCUMENT] == []


def test_document_names_no_other_model():
    rows = re.findall(r"^\| `([^`]+)` \| [^|]+ \| \d+ \|", DOCUMENT, re.MULTILINE)

    assert rows == [card.name for card in CARDS]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_card_is_found_by_its_name(card):
    assert card_named(card.name) is card


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_card_of_the_hub_is_pinned_to_a_whole_commit(card):
    commits = [card.revision, *card.same_vectors] if card.model else []

    assert [commit for commit in commits if not re.fullmatch("[0-9a-f]{40}", commit)] == []


def test_second_towers_and_their_models_name_each_other():
    links = {(card.model, card.second_tower) for card in CARDS if card.second_tower}

    assert links == {(card.tower_of, card.model) for card in CARDS if card.tower_of}
    assert len(links) == 1


def test_every_figure_has_a_source():
    figures = [figure for card in CARDS for figure in card.figures]

    assert [figure for figure in figures if not figure.source or not 0 < figure.percent < 100] == []
    assert len(figures) == 8


def test_old_index_is_served_by_the_converted_commit(empty_hub_cache, tiny_clip):
    """Both commits have the same weights, so they are one instance with one revision."""
    card = card_of("openai/clip-vit-base-patch32")
    put_into_cache(empty_hub_cache, card.model, tiny_clip)
    old = EncoderOptions(revision=card.same_vectors[0][:12])

    assert get_encoder("clip", old) is get_encoder("clip")
    assert get_encoder("clip").key.revision == card.same_vectors[0][:12]


def test_other_commit_is_another_instance(empty_hub_cache, tiny_clip):
    put_into_cache(empty_hub_cache, "someone/tiny", tiny_clip, commit="a" * 40)
    put_into_cache(empty_hub_cache, "someone/tiny", tiny_clip, commit="b" * 40)

    first = get_encoder("clip:someone/tiny", EncoderOptions(revision="a" * 12))

    assert get_encoder("clip:someone/tiny") is not first
    assert (first.key.revision, get_encoder("clip:someone/tiny").key.revision) == ("a" * 12, "b" * 12)


def test_get_encoder_keeps_texts(tiny_clip, monkeypatch):
    encoder = get_encoder(f"clip:{tiny_clip}")
    expected = encoder.encode_texts(["a cat"])
    monkeypatch.setattr(encoder.encoder, "encode_texts", lambda texts: pytest.fail(f"{texts} encoded again"))

    assert (encoder.encode_texts(["a cat"]) == expected).all()


def test_use_precision_is_for_what_is_loaded_from_then_on(tiny_clip, monkeypatch):
    monkeypatch.setattr(registry, "_computing", registry._Computing())
    monkeypatch.setattr("gallery.encoders.clip.bfloat16_is_fast", lambda: True)
    before = create_encoder(f"clip:{tiny_clip}")

    use_precision(lambda: "bfloat16")

    assert (before.precision, create_encoder(f"clip:{tiny_clip}").precision) == ("float32", "bfloat16")
