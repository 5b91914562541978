"""What a picture shows, by a classifier that looks at the whole and at parts of it and a detector; in which colours."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from gallery.encoders.compute_threads import give_back_memory

from .belief import Belief
from .colours import COLOURS, colour_evidence, colour_shares
from .detector import Detected, Detection, Detector
from .wheels import load_network

FloatArray = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels

FEATURES = 1280  # EfficientNet-Lite2, after pooling
WHOLE_PX = 260  # the size that EfficientNet-Lite2 was trained at
TILE_PX = 224  # a part is enlarged already: a quarter less work than at 260 for the same result
TILE_SHARE, TILES_A_SIDE = 0.4, 3  # of each side; neighbours overlap by a quarter of a tile
PIXEL_MEAN, PIXEL_SCALE = (
    127.0,
    128.0,
)  # the TensorFlow weights' own scaling; ImageNet mean and deviation cost 8 % accuracy
SOFTMAX_TEMPERATURE = 1.25
WHOLE_WEIGHT = 0.3  # of the whole picture's classes; the rest is what its parts show best
CLASSES_FOR_PLACE = 5  # the best ones say where in the picture its main thing is
COLOUR_PX = 72  # a multiple of the 9 cells of the network's last map
BACKGROUND_WEIGHT = 0.02  # where nothing of the main thing is
LEAST_THING_CONFIDENCE = 0.35  # of what is worth counting, docs/adr/0028
THING_COLOUR_PX, LEAST_COLOUR_SHARE = 24, 0.25
THING_CORE = 0.6  # of each side of its box: what is around it is mostly background


@dataclass(frozen=True, slots=True)
class NetworkOutput:
    """What the network gives for one view: logits (1000,), pooled features (1280,), and its last map (h, w, 1280) of
    the whole picture alone: those of the tiles would be ten times as much memory, which nobody reads.
    """

    logits: FloatArray
    features: FloatArray
    cells: FloatArray | None


@dataclass(frozen=True, slots=True)
class SeenThing:
    """One thing: its place among the detector's names, confidence 0..1, box in shares, colours, the most first."""

    place: int
    confidence: float
    box: tuple[float, float, float, float]
    colours: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """One picture: probabilities of the classes (1000,), evidence of the colours (11,), mean features (1280,), weights
    of the detector's names (80,), and the things that are worth telling, the surest first.
    """

    classes: FloatArray
    colours: FloatArray
    features: FloatArray
    thing_weights: FloatArray
    things: tuple[SeenThing, ...]


class Classifier:
    """The network with its threads. Safe to share between threads: nothing changes after construction."""

    def __init__(self) -> None:
        self._network = load_network()
        self._detector = Detector()
        self._belief = Belief()
        self._class_weights: FloatArray = self._network._fc.weight.numpy()  # (1000, 1280)
        self._pool = _single_threaded_pool()
        self._pool_pid = os.getpid()
        self._pool_lock = threading.Lock()

    def look(self, images: Sequence[Image.Image]) -> list[Sight]:
        """Return what each picture shows; its views are computed side by side on all cores."""
        pool = self._own_pool()
        pictures = list(pool.map(_shrunk, images))
        detections = [pool.submit(self._detector.detect, picture) for picture in pictures]
        views = [
            [pool.submit(self._see, picture, boxes, size_px) for boxes, size_px in view_boxes(picture.size)]
            for picture in pictures
        ]
        joined = [[view for some in its_views for view in some.result()] for its_views in views]
        sights = list(pool.map(self._sight, pictures, joined, [detection.result() for detection in detections]))
        give_back_memory()  # 80 MB of maps; 6 ms a call
        return sights

    def _own_pool(self) -> ThreadPoolExecutor:
        """Return this process's pool: a forked child inherits the object, but none of its threads."""
        if self._pool_pid != os.getpid():
            with self._pool_lock:
                if self._pool_pid != os.getpid():
                    self._pool, self._pool_pid = _single_threaded_pool(), os.getpid()
        return self._pool

    def _sight(self, picture: Image.Image, views: Sequence[NetworkOutput], detection: Detection) -> Sight:
        of_views = view_probabilities(np.stack([view.logits for view in views]))
        classes = class_probabilities(of_views)
        features: FloatArray = np.mean([view.features for view in views], axis=0)
        pixels = np.asarray(picture.resize((COLOUR_PX, COLOUR_PX), Image.Resampling.BOX))
        cells = views[0].cells
        assert cells is not None  # noqa: S101 -- of the whole picture it is kept
        colours = colour_evidence(pixels, self._place_of_main_thing(classes, cells))
        told = [thing for thing in detection.things if thing.confidence >= LEAST_THING_CONFIDENCE]
        things = tuple(_with_colours(thing, picture) for thing in told)
        weights = self._belief.weights(detection.confidences, classes, plainest=float(of_views[0].max()))
        return Sight(classes, colours, features, weights, things)

    def _place_of_main_thing(self, classes: FloatArray, cells: FloatArray) -> FloatArray:
        """Return (72, 72) weights: where the whole picture speaks for its best classes (Zhou et al. 2016, CAM)."""
        best = np.argsort(-classes, kind="stable")[:CLASSES_FOR_PLACE]
        speaks = cells @ (self._class_weights[best] * classes[best, np.newaxis]).sum(axis=0)
        speaks = np.maximum(speaks - speaks.mean(), 0)
        enlarged = np.asarray(Image.fromarray(speaks).resize((COLOUR_PX, COLOUR_PX), Image.Resampling.BICUBIC))
        weights: FloatArray = np.maximum(enlarged / max(float(speaks.max()), 1e-9), 0) + np.float32(BACKGROUND_WEIGHT)
        return weights

    def _see(self, picture: Image.Image, boxes: Sequence[Box], size_px: int) -> list[NetworkOutput]:
        """Show the network parts of one picture, each squeezed to a square."""
        import torch  # noqa: PLC0415 -- slow import

        side = (size_px, size_px)
        squares = [np.asarray(picture.resize(side, Image.Resampling.BICUBIC, box=box), np.float32) for box in boxes]
        with torch.inference_mode():
            # a permuted NHWC array is channels_last already: 22 ms a view instead of 45 on 2 cores
            batch = torch.from_numpy((np.stack(squares) - PIXEL_MEAN) / PIXEL_SCALE).permute(0, 3, 1, 2)
            last = self._network.extract_features(batch)
            features = last.mean(dim=(2, 3))
            logits = self._network._fc(features)
        cells = last[0].permute(1, 2, 0).numpy() if size_px == WHOLE_PX else None
        return [NetworkOutput(*pair, cells) for pair in zip(logits.numpy(), features.numpy(), strict=True)]


def _single_threaded_pool() -> ThreadPoolExecutor:
    """Return one thread per core, each of which computes alone.

    Threads inside one small convolution wait for each other at every layer: on 2 cores that another program also uses,
    24 pictures took 21.8 s with them and 9.7 s with independent views.
    """
    import torch  # noqa: PLC0415 -- slow import

    return ThreadPoolExecutor(os.cpu_count(), "offline encoder", initializer=torch.set_num_threads, initargs=(1,))


def _shrunk(image: Image.Image) -> Image.Image:
    """Return an RGB picture that is no larger than its smallest view needs."""
    picture = image.convert("RGB")
    return picture.reduce(max(1, int(min(picture.size) * TILE_SHARE / TILE_PX)))


def _with_colours(thing: Detected, picture: Image.Image) -> SeenThing:
    """Say which colours the middle of a thing's box has."""
    left, top, width, height = (share * side_px for share, side_px in zip(thing.box, picture.size * 2, strict=True))
    margin = (1 - THING_CORE) / 2
    core = (left + margin * width, top + margin * height, left + (1 - margin) * width, top + (1 - margin) * height)
    pixels = np.asarray(picture.resize((THING_COLOUR_PX, THING_COLOUR_PX), Image.Resampling.BOX, box=core))
    shares = colour_shares(pixels, np.ones((THING_COLOUR_PX, THING_COLOUR_PX), np.float32))
    most = np.argsort(-shares, kind="stable")
    colours = tuple(COLOURS[place] for place in most if shares[place] >= LEAST_COLOUR_SHARE)
    return SeenThing(thing.place, thing.confidence, thing.box, colours)


def view_boxes(size: tuple[int, int]) -> list[tuple[list[Box], int]]:
    """Return (boxes, size in pixels) of the views that are computed together: the whole picture first, then each row of
    its tiles; three at once take three quarters of the time of one by one.
    """
    width_px, height_px = float(size[0]), float(size[1])
    views: list[tuple[list[Box], int]] = [([(0.0, 0.0, width_px, height_px)], WHOLE_PX)]
    starts = [place * (1 - TILE_SHARE) / (TILES_A_SIDE - 1) for place in range(TILES_A_SIDE)]
    for top in starts:
        edges = [(left * width_px, top * height_px) for left in starts]
        tiles = [
            (x, y, min(x + TILE_SHARE * width_px, width_px), min(y + TILE_SHARE * height_px, height_px))
            for x, y in edges
        ]
        views.append((tiles, TILE_PX))
    return views


def view_probabilities(logits: FloatArray) -> FloatArray:
    """Return the (n, 1000) probabilities of the classes in each of n views."""
    scaled = logits / SOFTMAX_TEMPERATURE
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: FloatArray = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities


def class_probabilities(of_views: FloatArray) -> FloatArray:
    """Return the (1000,) probabilities of a picture's classes from the (n, 1000) of its views, the whole first.

    The maximum over the parts lets a small thing count for as much as a large one.
    """
    parts = of_views[1:].max(axis=0)
    joined: FloatArray = WHOLE_WEIGHT * of_views[0] + (1 - WHOLE_WEIGHT) * parts / parts.sum()
    return joined
