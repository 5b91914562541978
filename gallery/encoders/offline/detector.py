"""Which of COCO's 80 everyday things a picture shows, where, and how surely: a small detector beside the classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from .wheels import load_detector

FloatArray = npt.NDArray[np.float32]

LONGER_SIDES_PX = (416, 608)  # what the network was trained at, and half as large again, for small things
CELL_PX = 32  # of the coarsest level: sides are a multiple of it
STRIDES = (8, 16, 32)
BLUE_GREEN_RED_MEAN = np.array([103.53, 116.28, 123.675], np.float32)  # of ImageNet, as the network was trained
BLUE_GREEN_RED_DEVIATION = np.array([57.375, 57.12, 58.395], np.float32)
LEAST_CONFIDENCE = 0.05  # below it a place speaks of nothing
LEAST_OF_A_THING = 0.2  # below it nobody wants to know where: most names of most pictures
SAME_THING_OVERLAP = 0.5  # intersection over union from which two boxes of a name are one thing
MOST_THINGS = 100


@dataclass(frozen=True, slots=True)
class Detected:
    """One thing: its place among COCO's names, confidence 0..1, (left, top, width, height) as shares of the picture."""

    place: int
    confidence: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Detection:
    """All that a picture shows: how surely each name is seen anywhere (80,) 0..1, and the things from a confidence of
    0.2 on, the surest first.
    """

    confidences: FloatArray
    things: tuple[Detected, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The network's answer to one picture at one size: scores (places, 80) of the places that speak of anything, and
    the boxes (places, 4): left, top, right, bottom as shares of the picture.
    """

    scores: FloatArray
    boxes: FloatArray


class Detector:
    """The network. Safe to share between threads: nothing changes after construction."""

    def __init__(self) -> None:
        self._network = load_detector()

    def detect(self, picture: Image.Image) -> Detection:
        """Return what an RGB picture shows."""
        return detection([self._answer(picture, longer_px) for longer_px in LONGER_SIDES_PX])

    def _answer(self, picture: Image.Image, longer_px: int) -> Answer:
        import torch  # noqa: PLC0415 -- slow import

        size_px = input_size(picture.size, longer_px)
        pixels = np.asarray(picture.resize(size_px, Image.Resampling.BICUBIC), np.float32)[..., ::-1]
        normal = (pixels - BLUE_GREEN_RED_MEAN) / BLUE_GREEN_RED_DEVIATION
        with torch.inference_mode():
            batch = torch.from_numpy(normal[np.newaxis]).permute(0, 3, 1, 2)
            scores, distances = self._network(batch)
        return answer_of(scores[0].numpy(), distances[0].numpy(), size_px)


def input_size(size_px: tuple[int, int], longer_px: int) -> tuple[int, int]:
    """Return what a picture is resized to: nearly its own proportions, which leaves nothing to fill up."""
    scale = longer_px / max(size_px)
    width_cells, height_cells = (max(1, round(side_px * scale / CELL_PX)) for side_px in size_px)
    return width_cells * CELL_PX, height_cells * CELL_PX


def answer_of(scores: FloatArray, distances: FloatArray, size_px: tuple[int, int]) -> Answer:
    """Read the network's output for one picture: scores (places, 80), and how many strides it is to the left, top,
    right and bottom of the thing (places, 4).
    """
    speaking = np.flatnonzero(scores.max(axis=1) >= LEAST_CONFIDENCE)
    return Answer(scores[speaking], _boxes(distances[speaking], _centres(size_px)[speaking], size_px))


def detection(answers: Sequence[Answer]) -> Detection:
    """Join the answers at all sizes: what only one of them sees counts its share."""
    surest = [answer.scores.max(axis=0, initial=0) for answer in answers]
    confidences: FloatArray = np.mean(surest, axis=0, dtype=np.float32)
    return Detection(confidences, tuple(_things(answers, np.flatnonzero(confidences >= LEAST_OF_A_THING))))


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


def _things(answers: Sequence[Answer], names: npt.NDArray[np.intp]) -> list[Detected]:
    """Return one thing for all boxes of a name that cover the same place, the surest first."""
    scores = np.concatenate([answer.scores for answer in answers])
    boxes = np.concatenate([answer.boxes for answer in answers])
    answer_of_place = np.repeat(np.arange(len(answers)), [len(answer.scores) for answer in answers])
    things = []
    for name in names:
        speaking = np.flatnonzero(scores[:, name] >= LEAST_CONFIDENCE)
        left = speaking[np.argsort(-scores[speaking, name], kind="stable")]
        while len(left):
            is_same = _overlaps(boxes[left[0]], boxes[left]) >= SAME_THING_OVERLAP
            is_same[0] = True  # whatever its extent
            same = left[is_same]
            seen = [scores[same[answer_of_place[same] == place], name] for place in range(len(answers))]
            confidence = float(np.mean([some.max(initial=0) for some in seen]))
            things.append(_detected(int(name), confidence, boxes[left[0]]))
            left = left[~is_same]
    told = [thing for thing in things if thing.confidence >= LEAST_OF_A_THING]
    return sorted(told, key=lambda thing: -thing.confidence)[:MOST_THINGS]


def _detected(place: int, confidence: float, corners: FloatArray) -> Detected:
    x, y, right, bottom = (round(float(edge), 4) for edge in corners)
    return Detected(place, round(confidence, 3), (x, y, round(right - x, 4), round(bottom - y, 4)))


def _overlaps(box: FloatArray, others: FloatArray) -> FloatArray:
    """Return (n,): intersection over union of a box with others."""
    width, height = (np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])).clip(0).T
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    own_area = (box[2] - box[0]) * (box[3] - box[1])
    shared = width * height
    overlaps: FloatArray = shared / np.maximum(own_area + areas - shared, 1e-9)
    return overlaps
