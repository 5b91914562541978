"""What every encoder promises. No Django here: this package also works in a script or a notebook."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

Vectors = npt.NDArray[np.float32]


class Encoder(Protocol):
    """Maps pictures and texts into one space, where the cosine similarity says how well they fit.

    An index belongs to one `id` + `revision`; vectors of two encoders are never compared.
    """

    id: str
    revision: str
    dimension: int

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
