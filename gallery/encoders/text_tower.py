"""A second text tower in the space of a dual encoder: a transformer, mean pooling, dense projections.

The layout is that of sentence-transformers (`modules.json` beside the transformer's own files), read directly so that
its package is not needed. Example: sentence-transformers/clip-ViT-B-32-multilingual-v1, whose texts in 50 languages
were trained to lie where CLIP ViT-B/32 puts the same text in English (Reimers and Gurevych 2020).
"""

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Their first position is the one after the padding token's: 514 positions hold 512 tokens.
OFFSET_POSITIONS = frozenset({"altclip_text_model", "camembert", "mpnet", "roberta", "xlm-roberta"})


class TextTower:
    """Loads at construction and raises whatever a broken folder raises; `ClipEncoder` makes that one sentence."""

    def __init__(self, folder: Path, *, device: str) -> None:
        from transformers import AutoModel, AutoTokenizer  # noqa: PLC0415 -- slow import

        transformer, pooling, dense = _read_layout(folder)
        self._device = device
        self._lock = threading.Lock()  # a fast tokenizer changes its padding state at each call
        self._tokenizer = AutoTokenizer.from_pretrained(transformer, local_files_only=True)
        model, report = AutoModel.from_pretrained(
            transformer,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype="float32",
            output_loading_info=True,
        )
        # the pooler of a BERT is not used: the tokens are averaged
        missing = [key for key in report["missing_keys"] if "pooler" not in key]
        if missing:
            raise ValueError(f"missing weights: {missing}")
        if not pooling.get("pooling_mode_mean_tokens", True):
            raise ValueError("only mean pooling is known")
        self._model = model.eval().requires_grad_(False).to(device)
        self._dense = [_load_dense(path, device) for path in dense]
        self._limit = longest_text(model.config, self._tokenizer)
        self.dimension = self.encode(["a"]).shape[1]

    def encode(self, texts: Sequence[str]) -> Any:
        """Return a (len(texts), dimension) tensor, not yet of unit length."""
        import torch  # noqa: PLC0415 -- slow import

        with self._lock:
            inputs = self._tokenizer(
                list(texts), padding="longest", truncation=True, max_length=self._limit, return_tensors="pt"
            )
        inputs = inputs.to(self._device)
        with torch.inference_mode():
            tokens = self._model(**inputs).last_hidden_state
            mask = inputs["attention_mask"].unsqueeze(-1).float()
            rows = (tokens * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
            for layer in self._dense:
                rows = layer(rows)
        return rows


def longest_text(config: Any, tokenizer: Any) -> int:
    """Return how many tokens a text may have for this text model."""
    positions: int = config.max_position_embeddings
    if config.model_type in OFFSET_POSITIONS:
        positions -= config.pad_token_id + 1
    limit: int = min(tokenizer.model_max_length, positions)
    return limit


def _read_layout(folder: Path) -> tuple[Path, dict[str, Any], list[Path]]:
    """Return the transformer's folder, the pooling's configuration and the folders of the projections."""
    transformer, pooling, dense = folder, {}, []
    for module in json.loads((folder / "modules.json").read_text(encoding="utf-8")):
        path, kind = folder / module["path"], module["type"].rsplit(".", 1)[-1]
        if kind == "Transformer":
            transformer = path
        elif kind == "Pooling":
            pooling = _read_json(path / "config.json")
        elif kind == "Dense":
            dense.append(path)
    return transformer, pooling, dense


def _load_dense(folder: Path, device: str) -> Any:
    """Return one projection with its activation as a torch module."""
    import torch  # noqa: PLC0415 -- slow import
    from safetensors.torch import load_file  # noqa: PLC0415 -- slow import

    config = _read_json(folder / "config.json")
    layer = torch.nn.Linear(config["in_features"], config["out_features"], bias=config.get("bias", True))
    state = load_file(folder / "model.safetensors")
    layer.load_state_dict({key.removeprefix("linear."): value for key, value in state.items()})
    # the configuration names a Python class; only those two that exist in published towers are known
    activations = {"Identity": torch.nn.Identity(), "Tanh": torch.nn.Tanh()}
    activation = activations[config.get("activation_function", "Identity").rsplit(".", 1)[-1]]
    return torch.nn.Sequential(layer, activation).eval().requires_grad_(False).to(device)


def _read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
