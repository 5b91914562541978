"""CLIP-like dual encoders (CLIP, Chinese-CLIP, SigLIP, SigLIP 2...) through transformers."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gallery.encoders.base import EncoderKey, Vectors
from gallery.encoders.compute_threads import ComputeThreads, give_back_memory, single_thread
from gallery.encoders.downloads import fetch_weights
from gallery.encoders.packed_towers import BFLOAT16, FLOAT32, bfloat16_is_fast, packed_text_tower, packed_vision_tower
from gallery.encoders.pixels import InputPixels
from gallery.encoders.text_tower import TextTower, longest_text
from gallery.encoders.weights import revision_of
from gallery.errors import EncoderUnavailable, Phrase, gettext_noop
from gallery.text.languages import is_english_text

logger = logging.getLogger(__name__)

# Trained on texts padded to the full length: shorter padding gives other vectors (SigLIP model card).
PADDED_TO_FULL_LENGTH = frozenset({"siglip", "siglip2"})
SAYS_ITS_DIMENSION = frozenset({"clip", "chinese_clip"})  # `projection_dim` of some others is another number
# Resizing by 3 or less is left to the model's own filter: a larger factor first averages whole pixels, which Pillow's
# `reducing_gap` documents as indistinguishable at 3.
REDUCING_GAP = 3
BATCH_PER_THREAD = 8  # pictures that one thread takes at a time: 4 to 16 are equally fast, and 8 need 60 MB
MAX_ASPECT_RATIO = 20  # CLIP scales the short side up to 224 px: a 1 x 16,000 strip would become 800 million pixels


class ClipEncoder:
    """One dual encoder, on the GPU where there is one. Safe to share between threads.

    Construction checks that all weights are there; the half for pictures, or for texts, comes into memory when it is
    first needed. On the CPU, CLIP's own towers run packed (see `packed_towers`): pictures side by side with one
    thread each (`thread_count` of them, all cores where it is None), a text on one thread. `precision` `bfloat16`
    halves their weights where the processor multiplies it, and is given up with a warning where it is not close
    enough; vectors of both precisions may meet in one index.

    `model_name_or_path` is a hub name (from its cache, HF_ENDPOINT or the hub) or a folder in the hub's format.
    `text_model` may name a second text tower in the same space (sentence-transformers layout); texts in
    other languages than English go there. `key` speaks of the pictures' side alone: a text tower can come
    or go without indexing again.
    Raises EncoderUnavailable if weights are missing, partial or broken; random weights are never used.
    """

    def __init__(
        self,
        model_name_or_path: str,
        *,
        text_model: str | None = None,
        revision: str | None = None,
        text_revision: str | None = None,
        device: str | None = None,
        local_files_only: bool = False,
        batch_size: int = 32,
        precision: str = FLOAT32,
        thread_count: int | None = None,
    ) -> None:
        import torch  # noqa: PLC0415 -- slow import

        self._name = f"clip:{model_name_or_path}"
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.precision = self._possible(precision)
        self._batch_size = batch_size
        self._threads = ComputeThreads(thread_count)
        self._tokenizer_lock = threading.Lock()  # a fast tokenizer changes its padding state at each call
        self._loading_lock = threading.Lock()
        self._folder = fetch_weights(model_name_or_path, revision=revision, local_files_only=local_files_only)
        self.key = EncoderKey(self._name, revision_of(self._folder))
        self._vision: _Half | None = None
        self._text: _Half | None = None
        self._load_processors()
        self._model: Any = self._load_model()
        self._model_type = self._model.config.model_type
        self._padding = _padding(self._model.config, self._tokenizer)
        self.dimension = self._find_dimension()
        self._text_tower = None
        if text_model is not None:
            text_folder = fetch_weights(text_model, revision=text_revision, local_files_only=local_files_only)
            self._text_tower = self._load_text_tower(text_model, text_folder)

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """Return (len(images), dimension) float32 unit rows. Raises EncoderUnavailable if one is too large."""
        if len(images) < 2 or not self._vision_half().packed:
            return self._in_batches(images, self._encode_image_batch)
        size = min(BATCH_PER_THREAD, -(-len(images) // self._threads.count))
        parts = [images[start : start + size] for start in range(0, len(images), size)]
        return np.concatenate(self._threads.map(lambda part: self._in_batches(part, self._encode_image_batch), parts))

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return (len(texts), dimension) float32 unit rows; texts over the model's limit (CLIP: 77 tokens) are cut."""
        rows = np.empty((len(texts), self.dimension), np.float32)
        second = [self._text_tower is not None and not is_english_text(text) for text in texts]
        for tower, encode in ((False, self._encode_own_texts), (True, self._encode_with_text_tower)):
            places = [place for place, is_second in enumerate(second) if is_second is tower]
            places.sort(key=lambda place: len(texts[place]))  # a batch is padded to its longest
            if places:
                rows[places] = self._in_batches([texts[place] for place in places], encode)
        return rows

    @property
    def text_lanes(self) -> int:
        """Return how many threads should encode texts at a time: each packed forward pass computes on one thread."""
        packed = self._text.packed if self._text is not None else self._model_type == "clip"
        return self._threads.count if packed and self.device == "cpu" else 1

    def _possible(self, precision: str) -> str:
        """Return the precision to compute in: float32 where another would only be slower."""
        if precision == BFLOAT16 and (self.device != "cpu" or not bfloat16_is_fast()):
            logger.warning("%s is computed in float32: this processor does not multiply bfloat16.", self._name)
            return FLOAT32
        return precision

    def _load_processors(self) -> None:
        from transformers import AutoImageProcessor, AutoTokenizer  # noqa: PLC0415 -- slow import

        with plain_failure(self._name):
            # backend="pil": the other image processors need torchvision
            self._image_processor = AutoImageProcessor.from_pretrained(
                self._folder, backend="pil", local_files_only=True
            )
            self._input_pixels = InputPixels(self._image_processor)
            self._tokenizer = AutoTokenizer.from_pretrained(self._folder, local_files_only=True)

    def _load_model(self) -> Any:
        """Return the model; weights on the CPU are mapped from their file, not copied."""
        from transformers import AutoModel  # noqa: PLC0415 -- slow import

        with plain_failure(self._name):
            model, report = AutoModel.from_pretrained(
                self._folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype="float32",
                output_loading_info=True,
            )
        self._refuse_unless_whole(model, report)
        return model.eval().requires_grad_(False).to(self.device)

    def _load_again(self) -> Any:
        """Read the model for its other half, if its files are still those that were checked."""
        if revision_of(self._folder) != self.key.revision:
            raise EncoderUnavailable(
                encoder=self._name,
                reason=Phrase(gettext_noop("its files have changed since they were first read")),
                remedy=Phrase(gettext_noop("Restart the site.")),
            )
        return self._load_model()

    def _vision_half(self) -> "_Half":
        if self._vision is None:
            with self._loading_lock:
                if self._vision is None:
                    self._vision = self._take_half(packed_vision_tower, lambda model: model.get_image_features)
        return self._vision

    def _text_half(self) -> "_Half":
        if self._text is None:
            with self._loading_lock:
                if self._text is None:
                    self._text = self._take_half(packed_text_tower, lambda model: model.get_text_features)
        return self._text

    def _take_half(self, pack: Callable[[Any, str], Any], plain: Callable[[Any], Any]) -> "_Half":
        """Return one half of the model. Once packed, nothing of the file is needed, and its memory is given back."""
        import torch  # noqa: PLC0415 -- slow import

        model = self._model if self._model is not None else self._load_again()
        with torch.inference_mode(), single_thread():
            tower = pack(model, self.precision)
        if tower is None:
            self._model = model
            return _Half(plain(model), packed=False)
        self._model = model = None
        give_back_memory()
        return _Half(tower, packed=True)

    def _find_dimension(self) -> int:
        """Return the length of a row, without using the weights where the configuration says it."""
        config = self._model.config
        if config.model_type in SAYS_ITS_DIMENSION:
            return int(config.projection_dim)
        return len(self._encode_own_texts(["a"])[0])

    def _refuse_unless_whole(self, model: Any, report: dict[str, Any]) -> None:
        """Raise EncoderUnavailable for a model of another kind, or one whose gaps transformers filled at random."""
        if not (hasattr(model, "get_image_features") and hasattr(model, "get_text_features")):
            reason = Phrase(gettext_noop("it does not encode both pictures and texts"))
            remedy = Phrase(gettext_noop("Choose a CLIP-like model."))
        elif report["missing_keys"]:
            missing = len(report["missing_keys"])
            reason = Phrase(
                gettext_noop("its weights are incomplete (%(missing)s arrays are missing)"), missing=missing
            )
            remedy = Phrase(gettext_noop("Download or copy the model again."))
        else:
            return
        raise EncoderUnavailable(encoder=self._name, reason=reason, remedy=remedy)

    def _load_text_tower(self, name: str, folder: Path) -> TextTower:
        with plain_failure(f"clip:{name}"):
            tower = TextTower(folder, device=self.device)
        if tower.dimension != self.dimension:
            raise EncoderUnavailable(
                encoder=f"clip:{name}",
                reason=Phrase(
                    gettext_noop("its texts have %(tower)s dimensions but %(model)s has %(dimension)s"),
                    tower=tower.dimension,
                    model=self._name,
                    dimension=self.dimension,
                ),
                remedy=Phrase(gettext_noop("Choose a text tower that was made for this model.")),
            )
        return tower

    def _encode_image_batch(self, images: Sequence[Image.Image]) -> Any:
        half = self._vision_half()
        shortest_px = _input_size_px(self._image_processor)
        prepared = [prepare(image, shortest_px=shortest_px) for image in images]
        inputs = {name: tensor.to(self.device) for name, tensor in self._input_pixels(prepared).items()}
        return half.run(inputs["pixel_values"]) if half.packed else _features(half.run(**inputs))

    def _encode_own_texts(self, texts: Sequence[str]) -> Any:
        import torch  # noqa: PLC0415 -- slow import

        half = self._text_half()
        with self._tokenizer_lock:
            inputs = self._tokenizer(list(texts), truncation=True, return_tensors="pt", **self._padding)
        with torch.inference_mode(), single_thread() if half.packed else nullcontext():
            if half.packed:
                return half.run(inputs["input_ids"], inputs["attention_mask"].sum(dim=1))
            return _features(half.run(**inputs.to(self.device)))

    def _encode_with_text_tower(self, texts: Sequence[str]) -> Any:
        assert self._text_tower is not None  # noqa: S101 -- the caller asks for it only then
        return self._text_tower.encode(texts)

    def _in_batches(self, items: Sequence[Any], encode: Callable[[Sequence[Any]], Any]) -> Vectors:
        """Encode all items; a batch that does not fit into memory is halved, down to one."""
        import torch  # noqa: PLC0415 -- slow import

        rows: list[Vectors] = []
        done = 0
        while done < len(items):
            batch = items[done : done + self._batch_size]
            try:
                with torch.inference_mode():
                    rows.append(unit_rows(encode(batch)))
            except torch.OutOfMemoryError as error:
                self._halve(len(batch), error)
                continue
            done += len(batch)
        return np.concatenate(rows) if rows else np.empty((0, self.dimension), np.float32)

    def _halve(self, size: int, error: Exception) -> None:
        import torch  # noqa: PLC0415 -- slow import

        if size == 1:
            raise EncoderUnavailable(
                encoder=self._name,
                reason=Phrase(gettext_noop("the memory of the GPU is too small for it")),
                remedy=Phrase(gettext_noop("Free some of it or use a smaller model.")),
            ) from error
        torch.cuda.empty_cache()
        self._batch_size = max(1, size // 2)


@dataclass(frozen=True, slots=True)
class _Half:
    """What turns inputs into features: a packed tower, or the model's own method."""

    run: Callable[..., Any]
    packed: bool


def prepare(image: Image.Image, *, shortest_px: int) -> Image.Image:
    """Return an RGB picture that is cheap to resize to `shortest_px`: not many times larger, not a long strip."""
    picture = image.convert("RGB")
    width_px, height_px = picture.size
    limit_px = min(picture.size) * MAX_ASPECT_RATIO
    if max(picture.size) > limit_px:
        left, top = max(0, width_px - limit_px) // 2, max(0, height_px - limit_px) // 2
        picture = picture.crop((left, top, left + min(width_px, limit_px), top + min(height_px, limit_px)))
    return picture.reduce(max(1, min(picture.size) // (REDUCING_GAP * shortest_px)))


def unit_rows(features: Any) -> Vectors:
    """Return a (n, d) tensor as float32 unit rows."""
    rows = features.float().cpu().numpy()
    unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


@contextmanager
def plain_failure(encoder: str) -> Iterator[None]:
    """Turn whatever a damaged or foreign model raises while loading into one sentence."""
    try:
        yield
    except Exception as error:  # each file format, and each model class, raises its own kinds
        raise EncoderUnavailable(
            encoder=encoder,
            reason=Phrase(
                gettext_noop("its files are damaged or of an unknown kind (%(error)s)"), error=type(error).__name__
            ),
            remedy=Phrase(gettext_noop("Download or copy the model again.")),
        ) from error


def _features(output: Any) -> Any:
    """Return the (n, d) tensor: transformers 5 wraps it in an output object, 4 did not."""
    return getattr(output, "pooler_output", output)


def _padding(config: Any, tokenizer: Any) -> dict[str, Any]:
    """Return how this model wants its texts padded, and where it cuts them."""
    limit = longest_text(getattr(config, "text_config", config), tokenizer)
    return {"padding": "max_length" if config.model_type in PADDED_TO_FULL_LENGTH else "longest", "max_length": limit}


def _input_size_px(image_processor: Any) -> int:
    """Return the shortest side that the processor resizes to."""
    size = image_processor.size
    sides = [size[key] for key in ("shortest_edge", "height", "width") if size.get(key)] if size else []
    return min(sides, default=224)
