"""How much a picture may take, and what it is decoded for."""

from dataclasses import dataclass
from enum import StrEnum

CLOCK_PER_PROCESSOR = 4


class Purpose(StrEnum):
    """What a picture is decoded for. Each has decoder processes of its own, so that none waits for another's."""

    BRINGING_IN = "bringing in"
    SEARCHING = "searching"
    COPYING = "copying"


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be decoded: bytes of the file, pixels of one frame, frames of an animation (or pages of a TIFF).

    And what decoding may take: seconds of the processor's time, and memory of the decoder process in millions of bytes.
    Above about 178 million pixels Pillow's own guard still refuses some GIF and TIFF files.
    `wait_seconds` is how long to wait for a decoder of the `purpose`; None: as long as it takes.
    """

    max_bytes: int
    max_pixels: int
    max_frames: int
    timeout_seconds: int = 30
    memory_mb: int = 2_000
    purpose: Purpose = Purpose.BRINGING_IN
    wait_seconds: float | None = None

    @property
    def clock_seconds(self) -> int:
        """Return how long decoding may take by the clock: others use the cores, too, and come first."""
        return self.timeout_seconds * CLOCK_PER_PROCESSOR
