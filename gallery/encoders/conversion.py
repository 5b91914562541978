"""Pickled weights become safetensors, once, when a model is brought to this machine.

Some published models have nothing but `pytorch_model.bin`. torch's `weights_only` reads it without running code: it
knows tensors and plain containers, and refuses everything else. From then on only the safetensors file is read.
"""

import json
import pickle
from pathlib import Path
from typing import Any

from gallery.durable.synced_writing import fsync_dir, replacing_whole_files, sync_file, write_all
from gallery.encoders.weights import dense_folders, is_pickled, read_json, unavailable
from gallery.errors import Phrase, gettext_noop


def convert_pickled(name: str, folder: Path) -> bool:
    """Write safetensors beside the pickles of a model and return True; False if it has no whole set of pickles.

    A crash leaves the old state or the new one: the model's own weights, which say that all is there, come last, and
    each file appears whole. Raises EncoderUnavailable for a pickle that is damaged or holds more than arrays.
    """
    if not is_pickled(folder):
        return False
    for dense in dense_folders(folder):
        _convert(name, dense / "pytorch_model.bin", dense / "model.safetensors")
    index = read_json(folder / "pytorch_model.bin.index.json", default={})
    if (folder / "pytorch_model.bin").is_file():
        _convert(name, folder / "pytorch_model.bin", folder / "model.safetensors")
    else:
        _convert_shards(name, folder, index)
    return True


def _convert_shards(name: str, folder: Path, index: dict[str, Any]) -> None:
    shards = {shard: _safe_name(shard) for shard in sorted(set(index["weight_map"].values()))}
    for pickled, safe in shards.items():
        _convert(name, folder / pickled, folder / safe)
    index["weight_map"] = {array: shards[shard] for array, shard in index["weight_map"].items()}
    with replacing_whole_files(folder / "model.safetensors.index.json") as [fd]:
        write_all(fd, json.dumps(index).encode(), 0)


def _safe_name(pickled: str) -> str:
    """pytorch_model-00001-of-00002.bin -> model-00001-of-00002.safetensors"""
    return pickled.removeprefix("pytorch_").removesuffix(".bin") + ".safetensors"


def _convert(name: str, pickled: Path, safe: Path) -> None:
    import torch  # noqa: PLC0415 -- slow import
    from safetensors.torch import save_file  # noqa: PLC0415 -- slow import

    try:
        content = torch.load(pickled, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise _refused(name, type(error).__name__) from error
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise _refused(name, "not a set of arrays")
    part = safe.with_name(safe.name + ".part")
    # safetensors refuses arrays that share memory or are views, as tied weights do
    save_file({key: value.clone().contiguous() for key, value in content.items()}, part, metadata={"format": "pt"})
    with part.open("rb") as file:
        sync_file(file)
    part.replace(safe)
    fsync_dir(safe.parent)


def _refused(name: str, error: str) -> Exception:
    return unavailable(
        name,
        Phrase(gettext_noop("its pickled weights are damaged or hold more than arrays (%(error)s)"), error=error),
        Phrase(gettext_noop("Choose another model, or one that has safetensors files.")),
    )
