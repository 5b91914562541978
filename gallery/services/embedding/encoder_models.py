"""The models of the registry on this machine: which are here, which is in use, bringing one, trying one out."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from django.db import DatabaseError
from PIL import Image as Pictures

from gallery.conf import gallery
from gallery.encoders.base import Encoder, Vectors
from gallery.encoders.downloads import Report
from gallery.encoders.model_cards import CARDS, CLIP_PREFIX, ModelCard
from gallery.encoders.registry import (
    DEFAULT_OPTIONS,
    OFFLINE,
    EncoderOptions,
    canonical_name,
    card_named,
    choose_encoder_name,
    create_encoder,
    download_weights,
    pinned_options,
    second_tower_at_hand,
)
from gallery.encoders.weights import find_weights, revision_of
from gallery.errors import gettext_noop
from gallery.models import IndexState
from gallery.text.languages import is_english_text

SAMPLE_TEXTS = {"en": ("a photo of a cat", "a red car"), "zh": ("一只猫的照片", "一辆红色的汽车")}


@dataclass(frozen=True, slots=True)
class ModelState:
    """`commit` is that of the files on this machine, "" where there are none or pip installed them."""

    card: ModelCard
    is_here: bool
    is_in_use: bool
    commit: str = ""


def model_states() -> list[ModelState]:
    """Return every model of the registry, and the encoder in use if it is another one. Raises UnknownEncoder."""
    name = encoder_name_in_use()
    states = [_state(card, name) for card in CARDS]
    if not any(state.is_in_use for state in states):
        states.append(_state(_unlisted(name), name))
    return states


def encoder_name_in_use() -> str:
    """Return the encoder of the index, or for an index without one, the encoder that the settings choose."""
    state = _index_state()
    return state.encoder_id if state.has_encoder else choose_encoder_name(gallery().encoder)


def _index_state() -> IndexState:
    """Return what the index was made with; nothing where the database is not set up yet: models may come first."""
    try:
        return IndexState.objects.versions().first() or IndexState()
    except DatabaseError:
        return IndexState()


def _state(card: ModelCard, name: str) -> ModelState:
    if not card.model:
        return ModelState(card, is_here=True, is_in_use=name == OFFLINE)
    encoder = CLIP_PREFIX + (card.tower_of or card.model)
    folder = find_weights(card.model, revision=None if card.tower_of else _options(encoder).revision)
    is_in_use = name == encoder and (folder is not None or not card.tower_of)
    commit = revision_of(folder) if folder is not None and folder.parent.name == "snapshots" else ""
    return ModelState(card, is_here=folder is not None, is_in_use=is_in_use, commit=commit)


def _unlisted(name: str) -> ModelCard:
    model = name.removeprefix(CLIP_PREFIX)
    return ModelCard(
        model=model,
        title=model,
        dimension=_index_state().dimension,
        input_px=0,
        languages=gettext_noop("not known"),
        text_rule=gettext_noop("all texts go to the model's own text tower"),
        licence="",
        download_mb=0,
        sample_languages=tuple(SAMPLE_TEXTS),
    )


def _options(encoder_id: str) -> EncoderOptions:
    """Return how to load an encoder: at the commit of the index if the index was made with it."""
    state = _index_state()
    return pinned_options(encoder_id, state.encoder_revision) if state.encoder_id == encoder_id else DEFAULT_OPTIONS


def bring_encoder(
    name: str, *, latest: bool = False, report: Report = lambda _arrived, _total: None
) -> tuple[str, ...]:
    """Download what an encoder lacks on this machine; return its models.

    The commit is that of the index if the index was made with this encoder, unless `latest` asks for the hub's.
    Raises UnknownEncoder, EncoderUnavailable.
    """
    card = card_named(name)
    encoder_id = card.name if card is not None else canonical_name(name)
    return download_weights(name, revision=_options(encoder_id).revision, latest=latest, report=report)


@dataclass(frozen=True, slots=True)
class EncoderCheck:
    """What trying an encoder out found. `text_towers` maps each sample language to the model that encoded it."""

    encoder: str
    revision: str
    dimension: int
    weights: tuple[str, ...]
    text_towers: dict[str, str]
    problems: tuple[str, ...]
    load_seconds: float
    memory_mb: int
    image_milliseconds: float
    text_milliseconds: float


def check_encoder(name: str = "") -> EncoderCheck:
    """Load an encoder (the one in use by default) from this machine and encode a picture and texts with it.

    Raises UnknownEncoder, and EncoderUnavailable if its weights are not here, damaged, or not safetensors.
    """
    card = card_named(name or encoder_name_in_use())
    encoder_id = CLIP_PREFIX + card.tower_of if card is not None and card.tower_of else None
    encoder_id = encoder_id or (card.name if card is not None else canonical_name(name or encoder_name_in_use()))
    memory_mb, started = _memory_mb(), time.perf_counter()
    encoder = create_encoder(encoder_id, replace(_options(encoder_id), local_files_only=True))
    load_seconds = time.perf_counter() - started
    picture = Pictures.linear_gradient("L").convert("RGB")
    languages = card.sample_languages if card is not None else tuple(SAMPLE_TEXTS)
    texts = [text for language in languages for text in SAMPLE_TEXTS[language]]
    image_rows, image_milliseconds = _timed(lambda: encoder.encode_images([picture]))
    text_rows, text_milliseconds = _timed(lambda: encoder.encode_texts(texts))
    return EncoderCheck(
        encoder=encoder.key.id,
        revision=encoder.key.revision,
        dimension=encoder.dimension,
        weights=_weights_files(encoder_id),
        text_towers={language: _text_tower(encoder_id, language) for language in languages},
        problems=tuple(_problems(encoder, card, image_rows, text_rows)),
        load_seconds=load_seconds,
        memory_mb=max(0, _memory_mb() - memory_mb),
        image_milliseconds=image_milliseconds,
        text_milliseconds=text_milliseconds / len(texts),
    )


def _timed(encode: Callable[[], Vectors]) -> tuple[Vectors, float]:
    """Return the second run's rows and its milliseconds: the first one warms up."""
    encode()
    started = time.perf_counter()
    return encode(), (time.perf_counter() - started) * 1000


def _problems(encoder: Encoder, card: ModelCard | None, image_rows: Vectors, text_rows: Vectors) -> list[str]:
    rows = np.concatenate([image_rows, text_rows])
    found = []
    if card is not None and card.dimension != encoder.dimension:
        found.append(f"The vectors have {encoder.dimension} dimensions; this model is known to have {card.dimension}.")
    if rows.shape[1] != encoder.dimension:
        found.append(f"The vectors have {rows.shape[1]} dimensions instead of {encoder.dimension}.")
    if not np.isfinite(rows).all():
        found.append("Some values are not finite.")
    elif np.abs(np.linalg.norm(rows, axis=1) - 1).max() > 1e-3:
        found.append("Some vectors are not of unit length.")
    if len(np.unique(text_rows, axis=0)) < len(text_rows):
        found.append("Different texts get the same vector: the tokenizer does not fit the model.")
    return found


def _weights_files(encoder_id: str) -> tuple[str, ...]:
    """Return the safetensors files of the model and of its second text tower; nothing else is ever loaded."""
    if encoder_id == OFFLINE:
        return ()
    model = encoder_id.removeprefix(CLIP_PREFIX)
    tower = second_tower_at_hand(model)
    folders = [(model, find_weights(model, revision=_options(encoder_id).revision))]
    folders += [(tower, find_weights(tower))] if tower else []
    return tuple(
        f"{name}/{path.relative_to(folder)}"
        for name, folder in folders
        if folder is not None
        for path in sorted(folder.rglob("*.safetensors"))
    )


def _text_tower(encoder_id: str, language: str) -> str:
    model = encoder_id.removeprefix(CLIP_PREFIX)
    is_for_second = not is_english_text(SAMPLE_TEXTS[language][0])
    return (second_tower_at_hand(model) or model) if is_for_second else model


def _memory_mb() -> int:
    """Return what this process holds in memory now; 0 where the system does not say."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    resident = next((line for line in lines if line.startswith("VmRSS:")), "VmRSS: 0 kB")
    return int(resident.split()[1]) // 1000
