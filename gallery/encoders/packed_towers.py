"""CLIP's towers for the CPU: weights packed for oneDNN once, fewer steps, the same rows.

What is saved against the plain modules, in the order of what it brings (docs/encoders.md has the figures):
- the weights are laid out for the processor's matrix product at loading instead of at each call;
- queries, keys and values are one product; bias, GELU and the residual sum are part of the product before them;
- scale and shift of a layer norm, and the scale of the attention, are folded into the weights that follow;
- only one token of the last layer is ever read, so only that one is computed there;
- texts of unequal length are computed without their padding.
"""

import logging
import platform
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger(__name__)

FLOAT32, BFLOAT16 = "float32", "bfloat16"
# The lowest cosine similarity to the plain modules that a tower may have on the samples it is tried on at loading.
LEAST_COSINE = {FLOAT32: 0.99999, BFLOAT16: 0.999}
QUICK_GELU_SLOPE = 1.702  # quick_gelu(x) = x * sigmoid(1.702 x) = swish(1.702 x) / 1.702, and oneDNN knows swish
PROCESSORS = frozenset({"x86_64", "AMD64"})  # elsewhere oneDNN's packed products were never measured


class VisionTower:
    """(n, 3, side, side) normalised pixels -> (n, dimension) features, of a CLIP or Chinese-CLIP."""

    def __init__(self, model: Any, precision: str) -> None:
        tower = model.vision_model
        embeddings, dtype = tower.embeddings, _dtype(precision)
        self._patch_px = embeddings.patch_size
        self._width = embeddings.embed_dim
        self._patches = _Product(embeddings.patch_embedding.weight.reshape(self._width, -1), None, dtype)
        positions = embeddings.position_embedding.weight
        self._class_token = (embeddings.class_embedding + positions[0]).clone()
        self._positions = positions[1:].clone()
        self._first_norm = _Norm(tower.pre_layrnorm)
        self._layers = _layers(tower.encoder.layers, dtype)
        self._last_norm = _Norm(tower.post_layernorm)
        self._projection = _Product(model.visual_projection.weight, None, _dtype(FLOAT32))

    def __call__(self, pixels: Any) -> Any:
        import torch  # noqa: PLC0415 -- slow import

        count, tokens = len(pixels), len(self._positions) + 1
        patches = self._patches(self._cut(pixels)).view(count, tokens - 1, self._width)
        states = torch.empty(count, tokens, self._width)
        states[:, 0] = self._class_token
        torch.add(patches, self._positions, out=states[:, 1:])
        states = self._first_norm(states).view(count * tokens, self._width)
        shape = _Shape(count, tokens)
        for layer in self._layers[:-1]:
            states = layer(states, shape)
        first = torch.arange(count) * tokens
        return self._projection(self._last_norm(self._layers[-1](states, shape, wanted=first)))

    def _cut(self, pixels: Any) -> Any:
        """Return one row of pixels per patch: the convolution, whose stride is its size, is then a matrix product."""
        count, channels, side_px, _ = pixels.shape
        side, patch_px = side_px // self._patch_px, self._patch_px
        cut = pixels.view(count, channels, side, patch_px, side, patch_px).permute(0, 2, 4, 1, 3, 5)
        return cut.reshape(count * side * side, channels * patch_px * patch_px)


class TextTower:
    """(n, tokens) token numbers, padded at the end, and each text's number of tokens -> (n, dimension) features."""

    def __init__(self, model: Any, precision: str) -> None:
        tower = model.text_model
        dtype = _dtype(precision)
        self._tokens = tower.embeddings.token_embedding.weight.clone()
        self._positions = tower.embeddings.position_embedding.weight.clone()
        self._layers = _layers(tower.encoder.layers, dtype)
        self._last_norm = _Norm(tower.final_layer_norm)
        self._projection = _Product(model.text_projection.weight, None, _dtype(FLOAT32))
        self._end = tower.config.eos_token_id

    def __call__(self, token_ids: Any, lengths: Any) -> Any:
        import torch  # noqa: PLC0415 -- slow import

        count, longest = token_ids.shape
        places = torch.arange(longest)
        real = (places < lengths[:, None]).flatten()
        kept = real.nonzero().flatten()
        states = self._tokens[token_ids.flatten()[kept]] + self._positions[places.repeat(count)[kept]]
        shape = _Shape(count, longest, causal=True, kept=None if bool(real.all()) else kept)
        for layer in self._layers[:-1]:
            states = layer(states, shape)
        starts = lengths.cumsum(0) - lengths
        return self._projection(self._last_norm(self._layers[-1](states, shape, wanted=starts + self._ends(token_ids))))

    def _ends(self, token_ids: Any) -> Any:
        """Return the place of each text's end token, by the rule of transformers: the first, or the highest number."""
        import torch  # noqa: PLC0415 -- slow import

        if self._end == 2:  # configurations from before 2023 say so wrongly
            return token_ids.to(torch.int).argmax(dim=-1)
        return (token_ids == self._end).to(torch.int).argmax(dim=-1)


def packed_vision_tower(model: Any, precision: str) -> VisionTower | None:
    """Return the tower of a model for pictures, or None where the plain modules must be used."""
    import torch  # noqa: PLC0415 -- slow import

    if not _is_packable(model, ("clip", "chinese_clip")):
        return None
    side_px = model.config.vision_config.image_size
    noise = torch.randn(1, 3, side_px, side_px, generator=torch.Generator().manual_seed(0))
    slope = torch.linspace(-2, 2, side_px).expand(1, 3, side_px, side_px)
    pixels = torch.cat([noise, slope])
    try:
        tower = VisionTower(model, precision)
        fits = _fits(tower(pixels), model.get_image_features(pixels), precision)
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:  # a model or a torch of another build
        logger.info("The picture tower is not packed: %s", error)
        return None
    return tower if fits else None


def packed_text_tower(model: Any, precision: str) -> TextTower | None:
    """Return the tower of a model for texts, or None where the plain modules must be used."""
    import torch  # noqa: PLC0415 -- slow import

    if not _is_packable(model, ("clip",)):
        return None
    config = model.config.text_config
    lengths = torch.tensor([min(9, config.max_position_embeddings), min(5, config.max_position_embeddings)])
    token_ids = torch.arange(1, 1 + 2 * int(lengths[0])).view(2, -1) % config.vocab_size
    token_ids[torch.arange(2), lengths - 1] = config.eos_token_id if config.eos_token_id != 2 else config.vocab_size - 1
    token_ids[1, int(lengths[1]) :] = token_ids[1, int(lengths[1]) - 1]
    mask = (torch.arange(int(lengths[0])) < lengths[:, None]).to(torch.int64)
    try:
        tower = TextTower(model, precision)
        plain = model.get_text_features(input_ids=token_ids, attention_mask=mask)
        fits = _fits(tower(token_ids, lengths), plain, precision)
    except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
        logger.info("The text tower is not packed: %s", error)
        return None
    return tower if fits else None


def bfloat16_is_fast() -> bool:
    """Say whether the processor multiplies bfloat16 itself; where it does not, float32 is faster."""
    import torch  # noqa: PLC0415 -- slow import

    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


@dataclass(frozen=True, slots=True)
class _Shape:
    """How rows of states belong to items; `kept` are the rows that are no padding, None where all are."""

    count: int
    tokens: int
    causal: bool = False
    kept: Any = None


class _Layer:
    """One transformer block with its norms in front: states (rows, width) -> the same, or only the wanted rows."""

    def __init__(self, layer: Any, dtype: Any) -> None:
        import torch  # noqa: PLC0415 -- slow import

        attention, mlp = layer.self_attn, layer.mlp
        queries, keys, values = attention.q_proj, attention.k_proj, attention.v_proj
        weight = torch.cat([queries.weight * attention.scale, keys.weight, values.weight])
        bias = torch.cat([queries.bias * attention.scale, keys.bias, values.bias])
        slope = {"quick_gelu": QUICK_GELU_SLOPE, "gelu": 1.0}.get(mlp.config.hidden_act)
        if slope is None:
            raise ValueError(f"unknown activation {mlp.config.hidden_act}")
        self._heads = attention.num_heads
        self._norms = layer.layer_norm1.eps, layer.layer_norm2.eps
        self._dtype = dtype
        self._attend = _Product(*_after_norm(layer.layer_norm1, weight, bias), dtype)
        self._join = _Product(attention.out_proj.weight, attention.out_proj.bias, dtype)
        weight, bias = _after_norm(layer.layer_norm2, mlp.fc1.weight, mlp.fc1.bias)
        activation = "gelu" if slope == 1 else "swish"
        self._widen = _Product(weight * slope, bias * slope, dtype, activation=activation)
        self._narrow = _Product(mlp.fc2.weight / slope, mlp.fc2.bias, dtype)

    def __call__(self, states: Any, shape: _Shape, *, wanted: Any = None) -> Any:
        width = states.shape[1]
        joined = self._attention(self._attend(_normalised(states, self._norms[0])), shape, width)
        if wanted is not None:
            joined, states = joined[wanted], states[wanted]
        states = self._join.added_to(states, joined)
        return self._narrow.added_to(states, self._widen(_normalised(states, self._norms[1])))

    def _attention(self, products: Any, shape: _Shape, width: int) -> Any:
        from torch.nn.functional import scaled_dot_product_attention  # noqa: PLC0415 -- slow import

        padded = products
        if shape.kept is not None:
            padded = products.new_zeros(shape.count * shape.tokens, 3 * width)
            padded[shape.kept] = products
        parts = padded.view(shape.count, shape.tokens, 3, self._heads, width // self._heads)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)
        # padding is at the end, and a causal token sees none of what follows it: no mask is needed
        seen = scaled_dot_product_attention(queries, keys, values, scale=1.0, is_causal=shape.causal)
        rows = seen.transpose(1, 2).reshape(shape.count * shape.tokens, width)
        return rows if shape.kept is None else rows[shape.kept]


class _Product:
    """rows @ weight.T + bias, with what follows done while the numbers are still in the processor."""

    def __init__(self, weight: Any, bias: Any, dtype: Any, *, activation: str = "none") -> None:
        import torch  # noqa: PLC0415 -- slow import

        self._operations = torch.ops.mkldnn
        self._weight = self._operations._reorder_linear_weight(weight.to(dtype).contiguous())
        self._bias = None if bias is None else bias.to(dtype, copy=True)  # a view would keep the whole file mapped
        self._dtype = dtype
        self._activation: tuple[str, list[Any], str] = (activation, [], "none" if activation == "gelu" else "")

    def __call__(self, rows: Any) -> Any:
        return self._operations._linear_pointwise(rows.to(self._dtype), self._weight, self._bias, *self._activation)

    def added_to(self, states: Any, rows: Any) -> Any:
        """Return states + product; the sum stays float32, also where the product does not."""
        if self._dtype != states.dtype:
            return states + self(rows)
        return self._operations._linear_pointwise.binary(rows, states, self._weight, self._bias, "add")


class _Norm:
    def __init__(self, module: Any) -> None:
        self._weight, self._bias, self._eps = module.weight.clone(), module.bias.clone(), module.eps

    def __call__(self, rows: Any) -> Any:
        from torch.nn.functional import layer_norm  # noqa: PLC0415 -- slow import

        return layer_norm(rows, rows.shape[-1:], self._weight, self._bias, self._eps)


def _normalised(rows: Any, eps: float) -> Any:
    from torch.nn.functional import layer_norm  # noqa: PLC0415 -- slow import

    return layer_norm(rows, rows.shape[-1:], eps=eps)


def _layers(modules: Any, dtype: Any) -> list[_Layer]:
    return [_Layer(module, dtype) for module in modules]


def _after_norm(norm: Any, weight: Any, bias: Any) -> tuple[Any, Any]:
    """Return a product's weight and bias that also do the norm's scale and shift."""
    return weight * norm.weight, bias + weight @ norm.bias


def _dtype(precision: str) -> Any:
    import torch  # noqa: PLC0415 -- slow import

    return {FLOAT32: torch.float32, BFLOAT16: torch.bfloat16}[precision]


def _is_packable(model: Any, kinds: tuple[str, ...]) -> bool:
    import torch  # noqa: PLC0415 -- slow import

    if model.device.type != "cpu" or platform.machine() not in PROCESSORS or model.config.model_type not in kinds:
        return False
    return bool(torch._C._has_mkldnn)


def _fits(ours: Any, plain: Any, precision: str) -> bool:
    """Say whether the packed tower gives the plain modules' rows; a model that it does not fit is not packed."""
    from torch.nn.functional import cosine_similarity  # noqa: PLC0415 -- slow import

    cosine = float(cosine_similarity(ours.float(), getattr(plain, "pooler_output", plain).float()).min())
    fits = cosine >= LEAST_COSINE[precision]
    if not fits:
        logger.warning(
            "A tower in %s has a cosine of %.5f to the plain one, at least %s is needed: the plain one is used.",
            precision,
            cosine,
            LEAST_COSINE[precision],
        )
    return fits
