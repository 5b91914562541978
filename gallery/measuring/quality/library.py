"""The vectors that one encoder gives to the pictures, for the time of a comparison, searched as the site searches."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL.Image import Image as Pixels

from gallery.encoders.base import Encoder, Vectors
from gallery.vectors.engines.contract import Searcher
from gallery.vectors.engines.exact import ExactEngine
from gallery.vectors.snapshot import Snapshot
from gallery.vectors.store import VectorStore

EPOCH = 1


class ThrowAwayLibrary:
    """First every `add`, then `close`, then the questions. A picture's number is its place in the order of adding.

    `image_seconds` and `text_seconds` are what the encoder itself took: no decoding, no search.
    """

    def __init__(self, encoder: Encoder, folder: Path) -> None:
        self.encoder = encoder
        self.images = 0
        self.image_seconds = 0.0
        self.text_seconds: list[float] = []
        self._store = VectorStore(folder, dimension=encoder.dimension)
        self._searcher: Searcher = ExactEngine().open(_snapshot(np.empty((0, encoder.dimension), dtype=np.float32)))

    def add(self, pixels: Sequence[Pixels], *, names: Sequence[str]) -> None:
        """Encode a batch. Raises InvalidVector, naming the picture, for what no search could compare."""
        started = time.perf_counter()
        vectors = self.encoder.encode_images(pixels)
        self.image_seconds += time.perf_counter() - started
        self._store.append(vectors, epoch=EPOCH, image_ids=names)
        self.images += len(pixels)

    def close(self) -> None:
        self._searcher = ExactEngine().open(_snapshot(self._store.read(epoch=EPOCH)))

    def ranks(self, text: str, numbers: Sequence[int]) -> npt.NDArray[np.int64]:
        """Return the ranks, from 1, of these pictures among all, ascending."""
        started = time.perf_counter()
        vectors = self.encoder.encode_texts([text])
        self.text_seconds.append(time.perf_counter() - started)
        hits = self._searcher.search(vectors, k=self.images).of(0)
        return np.flatnonzero(np.isin(hits.ids, numbers)) + 1

    def nearest(self, pixels: Sequence[Pixels]) -> list[int]:
        """Return the number of the picture that is most like each of these."""
        found = self._searcher.search(self.encoder.encode_images(pixels), k=1)
        return [int(number) for number in found.ids[:, 0]]


def _snapshot(matrix: Vectors) -> Snapshot:
    return Snapshot.of(matrix, np.arange(len(matrix), dtype=np.int64))
