"""What a picture shows, by a classifier that looks at the whole and at parts of it, and in which colours."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from .colours import colour_evidence
from .wheels import load_network

FloatArray = npt.NDArray[np.float32]

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


@dataclass(frozen=True, slots=True)
class NetworkOutput:
    """What the network gives for one view: logits (1000,), pooled features (1280,), and its last map (h, w, 1280) of
    the whole picture alone: those of the tiles would be ten times as much memory, which nobody reads.
    """

    logits: FloatArray
    features: FloatArray
    cells: FloatArray | None


@dataclass(frozen=True, slots=True)
class Sight:
    """One picture: probabilities of the classes (1000,), evidence of the colours (11,), mean features (1280,)."""

    classes: FloatArray
    colours: FloatArray
    features: FloatArray


class Classifier:
    """The network with its threads. Safe to share between threads: nothing changes after construction."""

    def __init__(self) -> None:
        self._network = load_network()
        self._class_weights: FloatArray = self._network._fc.weight.numpy()  # (1000, 1280)
        self._pool = _single_threaded_pool()
        self._pool_pid = os.getpid()
        self._pool_lock = threading.Lock()

    def look(self, images: Sequence[Image.Image]) -> list[Sight]:
        """Return what each picture shows; views are computed side by side on all cores, each by itself."""
        pool = self._own_pool()
        pictures = list(pool.map(_shrunk, images))
        views = [
            [pool.submit(self._see, picture, box, size_px) for box, size_px in view_boxes(picture.size)]
            for picture in pictures
        ]
        return [
            self._sight(picture, [view.result() for view in its_views])
            for picture, its_views in zip(pictures, views, strict=True)
        ]

    def _own_pool(self) -> ThreadPoolExecutor:
        """Return this process's pool: a forked child inherits the object, but none of its threads."""
        if self._pool_pid != os.getpid():
            with self._pool_lock:
                if self._pool_pid != os.getpid():
                    self._pool, self._pool_pid = _single_threaded_pool(), os.getpid()
        return self._pool

    def _sight(self, picture: Image.Image, views: Sequence[NetworkOutput]) -> Sight:
        classes = class_probabilities(np.stack([view.logits for view in views]))
        features: FloatArray = np.mean([view.features for view in views], axis=0)
        pixels = np.asarray(picture.resize((COLOUR_PX, COLOUR_PX), Image.Resampling.BOX))
        cells = views[0].cells
        assert cells is not None  # noqa: S101 -- of the whole picture it is kept
        return Sight(classes, colour_evidence(pixels, self._place_of_main_thing(classes, cells)), features)

    def _place_of_main_thing(self, classes: FloatArray, cells: FloatArray) -> FloatArray:
        """Return (72, 72) weights: where the whole picture speaks for its best classes (Zhou et al. 2016, CAM)."""
        best = np.argsort(-classes, kind="stable")[:CLASSES_FOR_PLACE]
        speaks = cells @ (self._class_weights[best] * classes[best, np.newaxis]).sum(axis=0)
        speaks = np.maximum(speaks - speaks.mean(), 0)
        enlarged = np.asarray(Image.fromarray(speaks).resize((COLOUR_PX, COLOUR_PX), Image.Resampling.BICUBIC))
        weights: FloatArray = np.maximum(enlarged / max(float(speaks.max()), 1e-9), 0) + np.float32(BACKGROUND_WEIGHT)
        return weights

    def _see(self, picture: Image.Image, box: tuple[float, float, float, float], size_px: int) -> NetworkOutput:
        """Show the network one part of a picture, squeezed to a square."""
        import torch  # noqa: PLC0415 -- slow import

        square = picture.resize((size_px, size_px), Image.Resampling.BICUBIC, box=box)
        pixels = np.asarray(square, np.float32)[np.newaxis]
        with torch.inference_mode():
            # a permuted NHWC array is channels_last already: 22 ms a view instead of 45 on 2 cores
            batch = torch.from_numpy((pixels - PIXEL_MEAN) / PIXEL_SCALE).permute(0, 3, 1, 2)
            last = self._network.extract_features(batch)
            features = last.mean(dim=(2, 3))
            logits = self._network._fc(features)
        cells = last[0].permute(1, 2, 0).numpy() if size_px == WHOLE_PX else None
        return NetworkOutput(logits[0].numpy(), features[0].numpy(), cells)


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


def view_boxes(size: tuple[int, int]) -> list[tuple[tuple[float, float, float, float], int]]:
    """Return (box, size in pixels) of each view: the whole picture first, then its tiles row by row."""
    width_px, height_px = size
    views = [((0.0, 0.0, float(width_px), float(height_px)), WHOLE_PX)]
    step = (1 - TILE_SHARE) / (TILES_A_SIDE - 1)
    for row in range(TILES_A_SIDE):
        for column in range(TILES_A_SIDE):
            left, top = column * step * width_px, row * step * height_px
            right = min(left + TILE_SHARE * width_px, float(width_px))
            views.append(((left, top, right, min(top + TILE_SHARE * height_px, float(height_px))), TILE_PX))
    return views


def class_probabilities(logits: FloatArray) -> FloatArray:
    """Return the (1000,) probabilities of a picture's classes from the (n, 1000) logits of its views, the whole first.

    The maximum over the parts lets a small thing count for as much as a large one.
    """
    scaled = logits / SOFTMAX_TEMPERATURE
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    parts = probabilities[1:].max(axis=0)
    joined: FloatArray = WHOLE_WEIGHT * probabilities[0] + (1 - WHOLE_WEIGHT) * parts / parts.sum()
    return joined
