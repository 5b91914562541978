"""CLIP ViT-B/32 beside what the processor can multiply, short texts beside padded ones, 16 searches at once beside one.

The model has its full size and random weights. Whatever is compared takes turns within one run; a ratio is the median
of the rounds' ratios, so that a noisy machine slows both sides.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
from PIL import Image

from gallery.encoders.batching import BatchingEncoder
from gallery.encoders.clip import BATCH_PER_THREAD, ClipEncoder
from gallery.encoders.compute_threads import single_thread

from .full_size_clip import TEXT_LIMIT, save_full_size_clip
from .memory import memory_of_server

# Multiplications and additions of one picture, as the architecture has them (all 50 tokens in all 12 layers).
WIDTH, TOKENS, LAYERS, PATCH = 768, 50, 12, 32 * 32 * 3
PRODUCTS = ((WIDTH, 3 * WIDTH), (WIDTH, WIDTH), (WIDTH, 4 * WIDTH), (4 * WIDTH, WIDTH))
FLOPS_PER_PICTURE = 2 * (
    LAYERS * (TOKENS * sum(rows * columns for rows, columns in PRODUCTS) + 2 * TOKENS * TOKENS * WIDTH)
    + (TOKENS - 1) * PATCH * WIDTH
    + WIDTH * 512
)
PICTURES = 16
ROUNDS = 5
REPEATS = 16  # of each product
TEXT_ROUNDS = 10
SEARCHES = 16
SHORT = "a photo of a cat"
TEXTS = [
    f"a {colour} {thing}" for colour in ("red", "car", "sea", "dog") for thing in ("cat", "street", "sunset", "of")
]


def bench_encoders() -> dict[str, Any]:
    os.environ["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory(prefix="imagesearch-bench-clip-") as scratch:
        folder = save_full_size_clip(Path(scratch) / "clip")
        name = f"clip:{folder}"
        encoder = ClipEncoder(str(folder), device="cpu")
        found = {"pictures": bench_pictures(folder, encoder), "texts": bench_texts(encoder)}
        found["import"] = {one: bench_import(one) for one in ("offline", name)}
        found["memory"] = {one: memory_of_server(one, Path(scratch)) for one in ("offline", name)}
    return {key: _renamed(value, name) for key, value in found.items()}


def bench_pictures(folder: Path, encoder: ClipEncoder) -> dict[str, Any]:
    from transformers import AutoModel

    rounded = ClipEncoder(str(folder), device="cpu", precision="bfloat16")
    plain = AutoModel.from_pretrained(folder).eval()
    pictures = noise_pictures(PICTURES)
    pixels = _ready(encoder, pictures)
    sides: dict[str, Callable[[], Any]] = {
        "plain_modules": lambda: [_plain(plain, part) for part in pixels.split(PICTURES)],
        "tensors": lambda: _tensors(encoder, pixels),
        "decoded": lambda: encoder.encode_images(pictures),
        "bfloat16_tensors": lambda: _tensors(rounded, pixels),
        "bfloat16_decoded": lambda: rounded.encode_images(pictures),
    }
    cosine = float((encoder.encode_images(pictures) * rounded.encode_images(pictures)).sum(axis=1).min())
    products = Products(encoder)
    rounds = [
        {
            **{name: PICTURES / _seconds(side) for name, side in sides.items()},
            **{f"gemm_{name}": rate / FLOPS_PER_PICTURE for name, rate in products.rates().items()},
            "tensors_per_cpu_second": PICTURES / _cpu_seconds(sides["tensors"]),
            "decoded_per_cpu_second": PICTURES / _cpu_seconds(sides["decoded"]),
            "gemm_per_cpu_second": products.rate_per_cpu_second() / FLOPS_PER_PICTURE,
        }
        for _ in range(ROUNDS + 1)
    ][1:]  # the first one warms up
    ratios = _ratios(rounds, tuple(sides))
    print(f"pictures/s          {_median(rounds, 'tensors'):8.1f} tensors, {_median(rounds, 'decoded'):.1f} decoded")
    for of, name in (("best", "best product"), ("plain", "best plain product")):
        values = ", ".join(f"{side} {ratios[f'{side}/{of}']:.2f}" for side in sides)
        print(f"/ {name:18} {values}")
    values = ", ".join(f"{side} {ratios[f'{side}/best, of CPU time']:.2f}" for side in ("tensors", "decoded"))
    print(f"the same of CPU time {values}")
    print(f"bfloat16            {ratios['bfloat16/float32']:8.2f} times float32, cosine at least {cosine:.6f}")
    return {
        "precision_of_bfloat16": rounded.precision,
        "cosine_of_bfloat16": cosine,
        "per_second": {name: _median(rounds, name) for name in rounds[0]},
        "ratios": ratios,
    }


def _ratios(rounds: Sequence[dict[str, float]], sides: Sequence[str]) -> dict[str, float]:
    """Return each side's pictures per second against those of the best product of any kind, and of a plain one."""

    def plain(one: dict[str, float]) -> float:
        return max(value for name, value in one.items() if name.startswith("gemm_plain"))

    def best(one: dict[str, float]) -> float:
        return max(value for name, value in one.items() if name.startswith("gemm_") and "cpu" not in name)

    found = {f"{side}/best": statistics.median(one[side] / best(one) for one in rounds) for side in sides}
    found |= {f"{side}/plain": statistics.median(one[side] / plain(one) for one in rounds) for side in sides}
    for side in ("tensors", "decoded"):
        found[f"{side}/best, of CPU time"] = statistics.median(
            one[f"{side}_per_cpu_second"] / one["gemm_per_cpu_second"] for one in rounds
        )
    found["bfloat16/float32"] = statistics.median(one["bfloat16_tensors"] / one["tensors"] for one in rounds)
    found["bfloat16/float32 decoded"] = statistics.median(one["bfloat16_decoded"] / one["decoded"] for one in rounds)
    return found


class Products:
    """float32 matrix products of the model's shapes: NumPy's, torch's, packed; on all threads or side by side."""

    def __init__(self, encoder: ClipEncoder) -> None:
        import torch

        self._threads = encoder._threads
        rows = BATCH_PER_THREAD * TOKENS
        self._shapes = [(torch.randn(rows, inner), torch.randn(outer, inner)) for inner, outer in PRODUCTS]
        self._packed = [torch.ops.mkldnn._reorder_linear_weight(weight) for _rows, weight in self._shapes]
        self._flops = 2 * rows * sum(inner * outer for inner, outer in PRODUCTS)

    def rates(self) -> dict[str, float]:
        """Return floating-point operations per second of each kind."""
        kinds = {"plain": self._plain, "packed": self._packed_products, "plain_numpy": self._numpy}
        found = {name: self._rate(lambda kind=kind: [kind() for _ in range(REPEATS)]) for name, kind in kinds.items()}
        numbers = range(REPEATS)
        for name in ("plain", "packed"):
            kind = kinds[name]
            found[f"{name}_side_by_side"] = self._rate(
                lambda kind=kind: self._threads.map(lambda _number: kind(), numbers)
            )
        return found

    def rate_per_cpu_second(self) -> float:
        """Return operations per second of computing: other programs on the same cores do not count."""
        numbers = range(REPEATS)
        kinds = (self._plain, self._packed_products)
        seconds = [_cpu_seconds(lambda kind=kind: self._threads.map(lambda _: kind(), numbers)) for kind in kinds]
        return REPEATS * self._flops / min(seconds)

    def _rate(self, work: Callable[[], Any]) -> float:
        return REPEATS * self._flops / _seconds(work)

    def _plain(self) -> None:
        import torch

        with torch.inference_mode():
            for rows, weight in self._shapes:
                torch.nn.functional.linear(rows, weight)

    def _packed_products(self) -> None:
        import torch

        with torch.inference_mode():
            for (rows, _weight), packed in zip(self._shapes, self._packed, strict=True):
                torch.ops.mkldnn._linear_pointwise(rows, packed, None, "none", [], "")

    def _numpy(self) -> None:
        for rows, weight in self._shapes:
            rows.numpy() @ weight.numpy().T


def bench_texts(encoder: ClipEncoder) -> dict[str, Any]:
    import torch

    half = encoder._text_half()
    short = encoder._tokenizer([SHORT], return_tensors="pt")["input_ids"]
    padded = torch.nn.functional.pad(short, (0, TEXT_LIMIT - short.shape[1]), value=int(short[0, -1]))

    def at_77() -> None:
        with torch.inference_mode(), single_thread():
            half.run(padded, torch.tensor([TEXT_LIMIT]))

    batching = BatchingEncoder(encoder, lanes=encoder.text_lanes, kept_texts=0)
    with ThreadPoolExecutor(SEARCHES) as threads:
        sides: dict[str, Callable[[], Any]] = {
            "short": lambda: encoder.encode_texts([SHORT]),
            "padded": at_77,
            "one_at_a_time": lambda: [encoder.encode_texts([text]) for text in TEXTS],
            "at_once": lambda: _at_once(threads, batching),
        }
        rounds = [{name: _seconds(side) for name, side in sides.items()} for _ in range(TEXT_ROUNDS + 1)][1:]
    found = {f"{name}_ms": _median(rounds, name) * 1000 for name in sides}
    found["padded/short"] = statistics.median(one["padded"] / one["short"] for one in rounds)
    found["at_once/one_at_a_time"] = statistics.median(one["one_at_a_time"] / one["at_once"] for one in rounds)
    found["tokens_of_short"] = int(short.shape[1])
    print(f"short text          {found['short_ms']:8.1f} ms; padded to 77 tokens / short {found['padded/short']:.2f}")
    ratio = found["at_once/one_at_a_time"]
    print(f"{SEARCHES} texts at once    {found['at_once_ms']:8.1f} ms; one at a time / at once {ratio:.2f}")
    return found


def _at_once(threads: ThreadPoolExecutor, batching: BatchingEncoder) -> None:
    start = Barrier(SEARCHES)

    def search(text: str) -> None:
        start.wait()
        batching.encode_texts([text])

    list(threads.map(search, TEXTS))


def bench_import(encoder: str) -> dict[str, Any]:
    """Measure the import with an encoder, in a process and a library of its own: see `pictures`."""
    with tempfile.TemporaryDirectory(prefix="imagesearch-bench-") as scratch:
        results = Path(scratch) / "results.json"
        environment = {
            **os.environ,
            "IMAGESEARCH_ENCODER": encoder,
            "IMAGESEARCH_DATA_DIR": str(Path(scratch) / "data"),
        }
        command = [sys.executable, "-m", "tests.benchmarks", "pictures", "--results", str(results)]
        print(f"import with {encoder.partition(':')[0]}", flush=True)
        subprocess.run(command, check=True, env=environment)
        found = json.loads(results.read_text(encoding="utf-8"))["pictures"]
    return {**found, "ratio": ratio_of(found), "large_ratio": ratio_of(found["large"])}


def ratio_of(found: dict[str, float]) -> float:
    return found["imported_per_second"] / found["encoded_per_second"]


def noise_pictures(count: int) -> list[Image.Image]:
    """Return pictures of the size that the import hands to an encoder from a small photo."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, 360, 480, 3), dtype=np.uint8)
    return [Image.fromarray(one) for one in pixels]


def _ready(encoder: ClipEncoder, pictures: Sequence[Image.Image]) -> Any:
    return encoder._input_pixels(pictures)["pixel_values"]


def _tensors(encoder: ClipEncoder, pixels: Any) -> None:
    """Encode pictures that are prepared already, as `encode_images` does after preparing them."""
    import torch

    run = encoder._vision_half().run

    def encode(part: Any) -> Any:
        with torch.inference_mode():
            return run(part)

    encoder._threads.map(encode, pixels.split(BATCH_PER_THREAD))


def _plain(model: Any, pixels: Any) -> None:
    import torch

    with torch.inference_mode():
        model.get_image_features(pixels)


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _cpu_seconds(work: Callable[[], Any]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _median(rounds: Sequence[dict[str, float]], name: str) -> float:
    return statistics.median(one[name] for one in rounds)


def _renamed(found: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the results under the model's name instead of its temporary folder."""
    return {"clip" if key == name else key: value for key, value in found.items()}
