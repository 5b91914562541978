"""The quick encoder with a detector that costs nothing: what a picture shows, its colour says.

`python -m tests.seeing_encoder` is what trials run instead of `encoder_child_main` where a test has this encoder.
"""

from collections.abc import Sequence
from typing import Any

from PIL import Image as PillowImage
from PIL import ImageColor

from gallery.encoders import registry
from gallery.encoders.abilities import Look, Thing
from gallery.services.embedding import encoder_child_main
from tests.quick_encoder import QuickEncoder

DOG = Thing("dog", 0.9, (0.1, 0.2, 0.3, 0.4), ("white",))
CHAIR = Thing("chair", 0.7, (0.5, 0.5, 0.25, 0.5), ("brown", "black"))
FAINT_DOG = Thing("dog", 0.4, (0.6, 0.1, 0.2, 0.2), ("black",))
SHOWN = {"red": (DOG,), "lime": (DOG, CHAIR, CHAIR), "blue": (), "yellow": (DOG, FAINT_DOG)}
_THINGS = {ImageColor.getrgb(colour): things for colour, things in (SHOWN | {"gray": (FAINT_DOG,)}).items()}


class SeeingEncoder(QuickEncoder):
    def __init__(self, id: str = "offline", revision: str = "seeing") -> None:
        super().__init__(id, revision)

    def look(self, images: Sequence[PillowImage.Image]) -> list[Look]:
        rows = self.encode_images(images)
        return [Look(row, self._things(image)) for row, image in zip(rows, images, strict=True)]

    def _things(self, image: PillowImage.Image) -> tuple[Thing, ...]:
        colour: Any = image.convert("RGB").getpixel((0, 0))
        return _THINGS.get(colour, ())


if __name__ == "__main__":
    registry.use_encoder(SeeingEncoder())
    encoder_child_main.main()
