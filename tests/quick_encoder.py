"""An encoder that is there at once: it sees nothing but colours. For tests of everything around the encoder."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageColor

from gallery.encoders.base import EncoderKey

GRID = (2, 2)
COLOURS = ("red", "lime", "blue", "yellow", "black", "white", "gray")


class QuickEncoder:
    """Four coarse pixels and a constant, as a unit vector; a text is a picture of the colour that it names."""

    dimension = GRID[0] * GRID[1] * 3 + 1

    def __init__(self, id: str = "offline", revision: str = "quick") -> None:
        self.id = id
        self.revision = revision
        self.encoded = 0

    @property
    def key(self) -> EncoderKey:
        return EncoderKey(self.id, self.revision)

    def encode_images(self, images: Sequence[PillowImage.Image]) -> npt.NDArray[np.float32]:
        self.encoded += len(images)
        return np.stack([self._vector(image) for image in images])

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.stack([self._vector(PillowImage.new("RGB", GRID, self._colour(text))) for text in texts])

    def _colour(self, text: str) -> str:
        named = [word for word in text.lower().split() if word in COLOURS]
        return named[0] if named else f"hsl({sum(text.encode()) % 360}, 80%, 50%)"

    def _vector(self, image: PillowImage.Image) -> npt.NDArray[np.float32]:
        small = np.asarray(image.convert("RGB").resize(GRID), dtype=np.float32).reshape(-1) / 255 - 0.5
        vector = np.append(small, np.float32(0.1))
        return (vector / np.linalg.norm(vector)).astype(np.float32)


class WideEncoder(QuickEncoder):
    """The other model, in a space of its own with more dimensions, so that a mixture of the two is seen."""

    dimension = QuickEncoder.dimension + 3

    def __init__(self, id: str = "clip:wide", revision: str = "local-1") -> None:  # as of a folder: no commit
        super().__init__(id, revision)

    def _vector(self, image: PillowImage.Image) -> npt.NDArray[np.float32]:
        return np.append(np.roll(super()._vector(image), 5), np.zeros(3, dtype=np.float32))


def unit_rows(n: int, *, dimension: int = QuickEncoder.dimension, seed: int = 0) -> npt.NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=(n, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


assert all(ImageColor.getrgb(colour) for colour in COLOURS)
