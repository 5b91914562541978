"""Encoders by name: which there are, which one `auto` means here, and one loaded instance for the whole process."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from gallery.encoders.abilities import ComparesByMeaning
from gallery.encoders.base import Encoder, EncoderKey
from gallery.encoders.batching import BatchingEncoder
from gallery.encoders.clip import ClipEncoder
from gallery.encoders.compute_threads import core_count
from gallery.encoders.downloads import Report, bring
from gallery.encoders.model_cards import CARDS, CARDS_BY_MODEL, CLIP_PREFIX, DEFAULT_CLIP_MODEL, ModelCard, card_of
from gallery.encoders.offline import OfflineEncoder
from gallery.encoders.packed_towers import FLOAT32
from gallery.encoders.weights import LOCAL_REVISION, find_weights, is_folder, revision_of
from gallery.errors import UnknownEncoder

logger = logging.getLogger(__name__)

AUTO, OFFLINE, CLIP = "auto", "offline", "clip"


@dataclass(frozen=True)
class EncoderOptions:
    """How to load a clip model; the offline encoder has nothing to choose. See `ClipEncoder`.

    `revision` is the commit that an index was made with; without it a model's pinned commit counts, or else `main`.
    """

    revision: str | None = None
    text_model: str | None = None
    text_revision: str | None = None
    device: str | None = None
    local_files_only: bool = False


@dataclass
class _Computing:
    """How this process computes, whatever it loads. Asked for when something is loaded, not before."""

    precision: Callable[[], str] = lambda: FLOAT32


CHOICES = "auto, offline, clip, clip:NAME"  # what a setting or a command takes
DEFAULT_OPTIONS = EncoderOptions()

_instances: dict[tuple[str, EncoderOptions], Encoder] = {}
_instances_lock = threading.Lock()
_computing = _Computing()


def get_encoder(name: str, options: EncoderOptions = DEFAULT_OPTIONS) -> Encoder:
    """Return this process's one encoder of that name, loaded at the first call; its texts are batched and kept.

    Raises UnknownEncoder, or EncoderUnavailable if its weights cannot be used (and tries again at the next call).
    """
    key = (canonical_name(name), options)
    encoder = _instances.get(key)
    if encoder is None:
        with _instances_lock:
            encoder = _instances.get(key)
            if encoder is None:
                encoder = _instances[key] = _loaded_before(*key) or _batching(create_encoder(name, options))
    return encoder


def comparing_by_meaning(key: EncoderKey) -> ComparesByMeaning | None:
    """Return what compares rows of this encoder by what they show; None where nothing does. Loads no weights."""
    if key.id != OFFLINE:
        return None
    encoder = get_encoder(OFFLINE)
    encoder = encoder.encoder if isinstance(encoder, BatchingEncoder) else encoder
    return encoder if encoder.key == key and isinstance(encoder, ComparesByMeaning) else None


def forget_encoder(name: str) -> None:
    """Let go of this process's encoder of that name, and of its memory once nobody uses it any more."""
    with _instances_lock:
        for key in [key for key in _instances if key[0] == canonical_name(name)]:
            del _instances[key]


def use_encoder(encoder: Encoder, options: EncoderOptions = DEFAULT_OPTIONS) -> None:
    """Let this process have this encoder under its own name, as if it had been loaded with these options."""
    with _instances_lock:
        _instances[encoder.key.id, options] = encoder


@contextmanager
def using(*encoders: Encoder, options: EncoderOptions = DEFAULT_OPTIONS) -> Iterator[None]:
    """Let this process have these encoders under their own names meanwhile, and afterwards what it had before."""
    before = {key: _instances.get(key) for key in [(encoder.key.id, options) for encoder in encoders]}
    for encoder in encoders:
        use_encoder(encoder, options)
    try:
        yield
    finally:
        with _instances_lock:
            for key, loaded in before.items():
                _instances.pop(key, None)
                if loaded is not None:
                    _instances[key] = loaded


def _batching(encoder: Encoder) -> Encoder:
    """Return the encoder for many threads; `offline` computes a text alone in any case, so only lanes help it."""
    return BatchingEncoder(encoder, lanes=encoder.text_lanes if isinstance(encoder, ClipEncoder) else core_count())


def use_precision(precision: Callable[[], str]) -> None:
    """Ask `precision` for `float32` or `bfloat16` for every encoder that this process loads from now on."""
    _computing.precision = precision


def _loaded_before(canonical: str, options: EncoderOptions) -> Encoder | None:
    """Return the instance that has these weights already: a commit may be asked for, or be the one that is pinned."""
    if canonical == OFFLINE or is_folder(model := canonical.removeprefix(CLIP_PREFIX)):
        return None
    folder = find_weights(model, revision=options.revision)
    if folder is None:
        return None
    wanted, key = replace(options, revision=None), EncoderKey(canonical, revision_of(folder))
    for (_name, others), encoder in _instances.items():
        if replace(others, revision=None) == wanted and encoder.key == key:
            return encoder
    return None


def create_encoder(name: str, options: EncoderOptions = DEFAULT_OPTIONS) -> Encoder:
    """Return a new encoder; the `key.id` of any encoder is such a name. Raises UnknownEncoder or EncoderUnavailable."""
    canonical = canonical_name(name)
    if canonical == OFFLINE:
        return OfflineEncoder()
    model = canonical.removeprefix(CLIP_PREFIX)
    return ClipEncoder(
        model,
        text_model=options.text_model or second_tower_at_hand(model),
        revision=options.revision,
        text_revision=options.text_revision,
        device=options.device,
        local_files_only=options.local_files_only,
        precision=_computing.precision(),
    )


def canonical_name(name: str) -> str:
    """Return the name as `EncoderKey.id` has it: `offline` or `clip:MODEL`. Raises UnknownEncoder, also for `auto`."""
    if name == OFFLINE:
        return OFFLINE
    if name == CLIP:
        return CLIP_PREFIX + DEFAULT_CLIP_MODEL
    if name.startswith(CLIP_PREFIX) and name != CLIP_PREFIX:
        return name
    raise UnknownEncoder(encoder=name, choices=CHOICES)


def card_named(name: str) -> ModelCard | None:
    """Return the card of an encoder or text tower by the name that people type; None if there is none."""
    if name in CARDS_BY_MODEL and name:
        return CARDS_BY_MODEL[name]
    canonical = canonical_name(name)
    return next((card for card in CARDS if card.name == canonical), None)


def weights_available(name: str, revision: str | None = None) -> bool:
    """Say whether an encoder can load without the network. Uses neither network nor weights. Raises UnknownEncoder."""
    canonical = canonical_name(name)
    return canonical == OFFLINE or find_weights(canonical.removeprefix(CLIP_PREFIX), revision=revision) is not None


def choose_encoder_name(setting: str, *, weights_available: Callable[[str], bool] = weights_available) -> str:
    """Return the encoder that `setting` means on this machine; only `auto` depends on the machine. Never downloads."""
    if setting == AUTO:
        return canonical_name(CLIP if weights_available(CLIP) else OFFLINE)
    return canonical_name(setting)


def pinned_options(encoder_id: str, revision: str) -> EncoderOptions:
    """Return how to load the encoder that an index was made with: with the very commit, whatever `main` is today."""
    if encoder_id == OFFLINE or revision.startswith(LOCAL_REVISION):
        return DEFAULT_OPTIONS
    return EncoderOptions(revision=revision)


def models_to_download(name: str) -> tuple[str, ...]:
    """Return the models that make up an encoder: itself and its second text tower. Raises UnknownEncoder."""
    card = card_named(name)
    if card is not None:
        return tuple(filter(None, (card.model, card.second_tower)))
    return (canonical_name(name).removeprefix(CLIP_PREFIX),)


def download_weights(
    name: str,
    *,
    revision: str | None = None,
    latest: bool = False,
    report: Report = lambda _arrived, _total: None,
) -> tuple[str, ...]:
    """Bring an encoder's weights, and those of its second text tower, onto this machine; return the models' names.

    `revision` is the commit of the encoder itself, not of its tower. Raises UnknownEncoder, EncoderUnavailable.
    """
    models = models_to_download(name)
    for place, model in enumerate(models):
        bring(model, revision=None if place else revision, latest=latest, report=report)
    return models


def second_tower_at_hand(model: str) -> str | None:
    """Return the second text tower of a model if it can load without the network; warn if it cannot."""
    card = card_of(model)
    if card is None or not card.second_tower:
        return None
    if find_weights(card.second_tower) is None:
        logger.warning(
            "%s understands English only: the weights of %s are not on this machine.", model, card.second_tower
        )
        return None
    return card.second_tower
