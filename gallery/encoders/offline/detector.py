"""Which of COCO's 80 everyday things a picture shows, where, and how surely: a small detector beside the classifier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from .wheels import load_detector

FloatArray = npt.NDArray[np.float32]

LONGER_SIDE_PX = 416  # the size that the network was trained at
CELL_PX = 32  # of the coarsest level: sides are a multiple of it
STRIDES = (8, 16, 32)
BLUE_GREEN_RED_MEAN = np.array([103.53, 116.28, 123.675], np.float32)  # of ImageNet, as the network was trained
BLUE_GREEN_RED_DEVIATION = np.array([57.375, 57.12, 58.395], np.float32)
LEAST_CONFIDENCE = 0.05  # below it a place speaks of nothing
SAME_THING_OVERLAP = 0.5  # intersection over union from which two boxes of a name are one thing
MOST_THINGS = 100

# What a thing weighs in a row: the third power lets doubtful ones count for little, and where one name is seen several
# times the largest and surest says how much the picture is about it.
CONFIDENCE_POWER = 3
WEIGHT_OF_SPECK, FULL_WEIGHT_SIDE = 0.3, 0.5  # of a thing without extent | share of the picture's side for weight 1


@dataclass(frozen=True, slots=True)
class Detected:
    """One thing: its place among COCO's names, confidence 0..1, (left, top, width, height) as shares of the picture."""

    place: int
    confidence: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Detection:
    """All that a picture shows: the weight of each name (80,) 0..1, and the things from a confidence of 0.05 on, the
    surest first.
    """

    weights: FloatArray
    things: tuple[Detected, ...]


class Detector:
    """The network. Safe to share between threads: nothing changes after construction."""

    def __init__(self) -> None:
        self._network = load_detector()

    def detect(self, picture: Image.Image) -> Detection:
        """Return what an RGB picture shows."""
        import torch  # noqa: PLC0415 -- slow import

        size_px = input_size(picture.size)
        pixels = np.asarray(picture.resize(size_px, Image.Resampling.BICUBIC), np.float32)[..., ::-1]
        normal = (pixels - BLUE_GREEN_RED_MEAN) / BLUE_GREEN_RED_DEVIATION
        with torch.inference_mode():
            batch = torch.from_numpy(normal[np.newaxis]).permute(0, 3, 1, 2)
            scores, distances = self._network(batch)
        return detection(scores[0].numpy(), distances[0].numpy(), size_px)


def input_size(size_px: tuple[int, int]) -> tuple[int, int]:
    """Return what a picture is resized to: nearly its own proportions, which leaves nothing to fill up."""
    longer_px = max(size_px)
    width_cells, height_cells = (max(1, round(side_px * LONGER_SIDE_PX / longer_px / CELL_PX)) for side_px in size_px)
    return width_cells * CELL_PX, height_cells * CELL_PX


def detection(scores: FloatArray, distances: FloatArray, size_px: tuple[int, int]) -> Detection:
    """Read the network's answer for one picture: scores (places, 80), and how many strides it is to the left, top,
    right and bottom of the thing (places, 4).
    """
    speaking = np.flatnonzero(scores.max(axis=1) >= LEAST_CONFIDENCE)
    boxes = _boxes(distances[speaking], _centres(size_px)[speaking], size_px)
    scores = scores[speaking]
    weights = np.zeros(scores.shape[1], np.float32)
    if len(scores):
        sides = np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
        extents = WEIGHT_OF_SPECK + (1 - WEIGHT_OF_SPECK) * np.minimum(sides / FULL_WEIGHT_SIDE, 1)
        weights = (scores**CONFIDENCE_POWER * extents[:, np.newaxis]).max(axis=0)
    return Detection(weights, tuple(_things(scores, boxes)))


def _centres(size_px: tuple[int, int]) -> FloatArray:
    """Return (places, 3): x and y of the middle of each place, and its stride, in pixels."""
    grids = []
    for stride in STRIDES:
        rows, columns = np.mgrid[: size_px[1] // stride, : size_px[0] // stride]
        middles = [(columns.ravel() + 0.5) * stride, (rows.ravel() + 0.5) * stride]
        grids.append(np.stack([*middles, np.full(rows.size, stride)], axis=1))
    centres: FloatArray = np.concatenate(grids).astype(np.float32)
    return centres


def _boxes(distances: FloatArray, centres: FloatArray, size_px: tuple[int, int]) -> FloatArray:
    """Return (n, 4): left, top, right, bottom as shares of the picture."""
    middles, ways = centres[:, :2], distances * centres[:, 2:]
    corners = np.concatenate([middles - ways[:, :2], middles + ways[:, 2:]], axis=1)
    boxes: FloatArray = np.clip(corners / np.array([*size_px, *size_px], np.float32), 0, 1)
    return boxes


def _things(scores: FloatArray, boxes: FloatArray) -> list[Detected]:
    """Return one thing for all boxes of a name that cover the same place, the surest first."""
    things = []
    for place in np.flatnonzero(scores.max(axis=0, initial=0) >= LEAST_CONFIDENCE):
        speaking = np.flatnonzero(scores[:, place] >= LEAST_CONFIDENCE)
        left = speaking[np.argsort(-scores[speaking, place], kind="stable")]
        while len(left):
            best = left[0]
            x, y, right, bottom = (round(float(edge), 4) for edge in boxes[best])
            box = (x, y, round(right - x, 4), round(bottom - y, 4))
            things.append(Detected(int(place), round(float(scores[best, place]), 3), box))
            left = left[1:][_overlaps(boxes[best], boxes[left[1:]]) < SAME_THING_OVERLAP]
    return sorted(things, key=lambda thing: -thing.confidence)[:MOST_THINGS]


def _overlaps(box: FloatArray, others: FloatArray) -> FloatArray:
    """Return (n,): intersection over union of a box with others."""
    width, height = (np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])).clip(0).T
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    own_area = (box[2] - box[0]) * (box[3] - box[1])
    shared = width * height
    overlaps: FloatArray = shared / np.maximum(own_area + areas - shared, 1e-9)
    return overlaps
