"""What every encoder promises. No Django here: this package also works in a script or a notebook."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from gallery.errors import EncoderMismatch, EncoderRevisionMismatch

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EncoderKey:
    """Which encoder a vector is of. Equal keys, and nothing else, say that two are of the same encoder: vectors of
    different ones are never compared.

    `id` is the name to load it by (`offline`, `clip:MODEL`). `revision` is another one whenever the same picture or the
    same text gets another vector.
    """

    id: str
    revision: str

    def __str__(self) -> str:
        return f"{self.id} ({self.revision})"

    def require_same(self, index: "EncoderKey") -> None:
        """Raise EncoderMismatch, with the remedy, unless an index of `index` takes vectors of this encoder.

        Where it is merely another revision, that is an EncoderRevisionMismatch.
        """
        if self != index:
            kind = EncoderRevisionMismatch if self.id == index.id else EncoderMismatch
            raise kind(index_encoder=str(index), encoder=str(self), encoder_name=self.id)


class Encoder(Protocol):
    """Maps pictures and texts into one space, where the cosine similarity says how well they fit.

    An index belongs to one `key`.
    """

    dimension: int

    @property
    def key(self) -> EncoderKey:
        """Which encoder this is: the same for its whole life."""
        ...

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """Return one unit vector per RGB picture: (len(images), dimension) float32.

        Raises EncoderUnavailable if the weights cannot be loaded.
        """
        ...

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text: (len(texts), dimension) float32. Long texts are cut.

        Raises EncoderUnavailable if the weights cannot be loaded.
        """
        ...


def harmless_picture() -> Image.Image:
    """Return a picture at which no sound encoder fails: it warms one up, and tells its faults from a picture's."""
    return Image.new("RGB", (64, 64), "gray")
