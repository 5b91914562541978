"""Encoders that end their process at a picture of some colours, each in its own way, or never answer, and the process
that has them.

`python -m tests.deadly_encoders` is what trials run instead of `encoder_child_main` where tests say so.
"""

import os
import resource
import signal
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageColor

from gallery.encoders import registry
from gallery.services.embedding import encoder_child_main
from tests.quick_encoder import QuickEncoder, WideEncoder


def _allocate_until_the_limit() -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 32, hard))
    taken = []
    while True:
        taken.append(bytearray(1 << 28))


def _end_by(signal_number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), signal_number)


def _fail() -> None:
    raise RuntimeError("bad shape")


DEADLY: dict[str, Callable[[], None]] = {
    "blue": _end_by(signal.SIGSEGV),
    "navy": os.abort,
    "cyan": _end_by(signal.SIGKILL),
    "teal": _allocate_until_the_limit,
    "maroon": _end_by(signal.SIGTERM),
    "purple": lambda: os._exit(3),
    "olive": _fail,
    "silver": signal.pause,
}
_ENDS = {ImageColor.getrgb(colour): end for colour, end in DEADLY.items()}


class AtColours:
    """Before anything is encoded, end the process as the first deadly picture says."""

    def encode_images(self, images: Sequence[PillowImage.Image]) -> npt.NDArray[np.float32]:
        end_at_deadly(images)
        return super().encode_images(images)  # type: ignore[misc,no-any-return]


def end_at_deadly(images: Sequence[PillowImage.Image]) -> None:
    for image in images:
        colour: Any = image.getpixel((0, 0))
        _ENDS.get(colour, lambda: None)()


class DeadlyEncoder(AtColours, QuickEncoder):
    pass


class DeadlyWideEncoder(AtColours, WideEncoder):
    pass


if __name__ == "__main__":
    registry.use_encoder(DeadlyEncoder())
    registry.use_encoder(DeadlyWideEncoder())
    encoder_child_main.main()
