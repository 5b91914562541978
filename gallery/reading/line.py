"""A line of text in a picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

Point = tuple[float, float]
Corners = tuple[Point, Point, Point, Point]


@dataclass(frozen=True, slots=True)
class Line:
    """What stands in it, how sure that is, 0 to 1, and where: its corners as shares of width and height, clockwise.

    The first corner is the upper left one of the picture, not of the letters, which may stand on their head.
    """

    text: str
    confidence: float
    box: Corners

    def as_json(self) -> dict[str, Any]:
        return {"text": self.text, "confidence": self.confidence, "box": [list(point) for point in self.box]}

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Self:
        upper_left, upper_right, lower_right, lower_left = ((x, y) for x, y in said["box"])
        return cls(said["text"], said["confidence"], (upper_left, upper_right, lower_right, lower_left))
