"""Which of the colours that people name a whole picture has, whichever encoder is in use."""

from typing import Final

import numpy as np
from PIL import Image

from .colours import COLOURS, EXAMPLES, ExampleTable, colour_shares

REVISION: Final = 1  # whatever changes an answer of `picture_colours` raises it
SIDE_PX: Final = 64  # that a picture is made smaller to: 4,096 pixels tell shares to a thousandth

# Of all pixels, from where on people would say that a picture has this colour. Seen on 179 everyday photos: a little
# red is noticed, grey and brown are everywhere, and shadows are black. A tenth of them has red, a quarter green.
LEAST_SHARES: Final = {
    "black": 0.18,
    "grey": 0.5,
    "white": 0.18,
    "red": 0.04,
    "orange": 0.04,
    "yellow": 0.05,
    "green": 0.06,
    "blue": 0.06,
    "purple": 0.03,
    "pink": 0.07,
    "brown": 0.3,
}
# In CIELAB strong and dark blues lie nearer to the encoder's purple than to its blue.
_BLUES = ("#0050ff", "#2040d0", "#4169e1", "#5070ff", "#3050e0", "#000080", "#20209f", "#0000cd", "#0040c0")
_TABLE = ExampleTable.of(EXAMPLES | {"blue": (*EXAMPLES["blue"], *_BLUES)}, softness=2.0)  # a pixel has one colour
_LEAST = np.array([LEAST_SHARES[name] for name in COLOURS], dtype=np.float32)


def picture_colours(picture: Image.Image) -> tuple[str, ...]:
    """Return the names of an RGB picture's colours, in the order of COLOURS: at least one."""
    small = np.asarray(picture.convert("RGB").resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX, reducing_gap=2.0))
    parts = colour_shares(small, np.ones((SIDE_PX, SIDE_PX), np.float32), table=_TABLE) / _LEAST
    has = parts >= min(1.0, float(parts.max()))
    return tuple(name for name, it_has in zip(COLOURS, has, strict=True) if it_has)
