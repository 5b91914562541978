"""NanoDet-g (RangiLyu/nanodet, Apache-2.0), a small detector of COCO's 80 classes, batch norms folded in already."""

from __future__ import annotations

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from .concepts import DATA_FOLDER

WEIGHTS_FILE = DATA_FOLDER / "nanodet.safetensors"  # float16; made by gallery/encoders/data/build_detector.py
CLASSES = 80
DISTANCES = 11  # a side of a box is an expectation over 0, 1, ... 10 strides (Li et al. 2020, generalized focal loss)
STRIDES = (8, 16, 32)
CHANNELS = 128  # of each level after the neck


class Block(nn.Module):
    """Two convolutions at half the channels, side by side in the result."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.narrow = _convolution(channels, channels // 2)
        self.middle = _convolution(channels // 2, channels // 2)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        narrow = self.narrow(pixels)
        return torch.cat([self.middle(narrow), narrow], dim=1)


class Stage(nn.Module):
    """Cross stage partial network (Wang et al. 2019): twice the channels come out, half of them past the blocks."""

    def __init__(self, channels: int, blocks: int, stride: int) -> None:
        super().__init__()
        self.enter = _convolution(channels, channels, stride)
        self.blocks = nn.Sequential(*(Block(channels) for _ in range(blocks)))
        self.leave = _convolution(channels, channels)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        entered = self.enter(pixels)
        return torch.cat([self.leave(self.blocks(entered)), entered], dim=1)


class NanoDet(nn.Module):
    """(n, 3, h, w) normalised BGR, sides a multiple of 32, to scores and distances at each place of three levels.

    A place is a square of 8, 16 or 32 pixels; levels come finest first, places row by row. Convolutions stand in the
    order in which the published graph numbers them: the script that converts it relies on that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = _convolution(3, 32, stride=2)
        self.shrink = nn.MaxPool2d(3, stride=2, padding=1)
        self.stages = nn.ModuleList([Stage(32, 1, 1), Stage(64, 2, 2), Stage(128, 2, 2), Stage(256, 3, 2)])
        self.laterals = nn.ModuleList(nn.Conv2d(channels, CHANNELS, 1) for channels in (128, 256, 512))
        self.heads = nn.ModuleList(
            nn.Sequential(_convolution(CHANNELS, CHANNELS), nn.Conv2d(CHANNELS, CLASSES + 4 * DISTANCES, 1))
            for _ in STRIDES
        )

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return scores (n, places, 80) in 0..1, and how far it is to each side (n, places, 4), in strides: left, top,
        right, bottom.
        """
        levels = []
        shown = self.shrink(self.stem(pixels))
        for stage in self.stages:
            shown = stage(shown)
            levels.append(shown)
        joined = self._joined([lateral(level) for lateral, level in zip(self.laterals, levels[1:], strict=True)])
        places = torch.cat(
            [head(level).flatten(2).transpose(1, 2) for head, level in zip(self.heads, joined, strict=True)], dim=1
        )
        scores, sides = places[..., :CLASSES], places[..., CLASSES:]
        shares = sides.reshape(*sides.shape[:2], 4, DISTANCES).softmax(dim=3)
        return scores.sigmoid(), shares @ torch.arange(DISTANCES, dtype=shares.dtype)

    def _joined(self, levels: list[torch.Tensor]) -> list[torch.Tensor]:
        """Add coarse levels to finer ones, then fine ones to coarser ones (Liu et al. 2018, path aggregation)."""
        fine, middle, coarse = levels
        middle = middle + _resized_like(coarse, middle)
        fine = fine + _resized_like(middle, fine)
        middle = middle + _resized_like(fine, middle)
        return [fine, middle, coarse + _resized_like(middle, coarse)]


def load_nanodet() -> NanoDet:
    """Return the network for inference, float32. Raises OSError or safetensors' error if its file is damaged."""
    with torch.device("meta"):  # no random weights are drawn: the caller's random state stays as it was
        network = NanoDet()
    state = {name: weights.float() for name, weights in load_file(WEIGHTS_FILE).items()}
    network.load_state_dict(state, assign=True)
    network.eval().requires_grad_(False)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # in place; torch's stubs lack it
    return network


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.LeakyReLU(0.1, inplace=True))


def _resized_like(level: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return functional.interpolate(level, size=other.shape[2:], mode="bilinear", align_corners=False)
