"""The reliability diagram: how many of the results were relevant, against how probable the search called them.

A line that keeps to the diagonal says what is true; below it more was promised than kept. Plain SVG, so that a report
has it wherever it is written.
"""

import math
from collections.abc import Iterator, Sequence
from html import escape

from .figures import Report

COLOURS = ("#0b5fa5", "#c26a00", "#138a52", "#a4408f", "#555555", "#8c8c8c")
SIDE_PX, MARGIN_PX, LEGEND_ROW_PX = 360, 56, 20
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
LEAST_RADIUS_PX, RADIUS_PX_PER_DECADE = 2.5, 1.5


def reliability_diagram(report: Report) -> str:
    """Return an SVG, the same for the same figures. The larger a point, the more results it stands for."""
    encoders = report["encoders"]
    width, height = SIDE_PX + 2 * MARGIN_PX, SIDE_PX + 2 * MARGIN_PX + LEGEND_ROW_PX * len(encoders)
    box = f'viewBox="0 0 {width} {height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *_axes(),
        *(line for place, one in enumerate(encoders) for line in _encoder(one, place)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _axes() -> Iterator[str]:
    left, right, top, bottom = _x(0), _x(1), _y(1), _y(0)
    for tick in TICKS:
        yield f'<path d="M{_x(tick)} {top}V{bottom}M{left} {_y(tick)}H{right}" stroke="#dddddd"/>'
        yield f'<text x="{_x(tick)}" y="{bottom + 18:.1f}" text-anchor="middle">{tick:.1f}</text>'
        yield f'<text x="{left - 8:.1f}" y="{_y(tick) + 4:.1f}" text-anchor="end">{tick:.1f}</text>'
    yield f'<path d="M{left} {bottom}L{right} {top}" stroke="#888888" stroke-dasharray="4 4"/>'
    middle = _x(0.5)
    yield f'<text x="{middle}" y="{MARGIN_PX - 20}" text-anchor="middle">How far probabilities hold</text>'
    yield f'<text x="{middle}" y="{bottom + 40:.1f}" text-anchor="middle">called probable</text>'
    yield f'<text transform="translate(16 {_y(0.5)}) rotate(-90)" text-anchor="middle">relevant</text>'


def _encoder(one: Report, place: int) -> Iterator[str]:
    colour = COLOURS[place % len(COLOURS)]
    bins: Sequence[Report] = one["reliability"]
    points = [(_x(each["mean_probability"]), _y(each["relevant"])) for each in bins]
    if points:
        yield f'<polyline points="{" ".join(f"{x},{y}" for x, y in points)}" fill="none" stroke="{colour}"/>'
    for (x, y), each in zip(points, bins, strict=True):
        radius = LEAST_RADIUS_PX + RADIUS_PX_PER_DECADE * math.log10(each["results"])
        yield f'<circle cx="{x}" cy="{y}" r="{radius:.1f}" fill="{colour}"><title>{each["results"]:,}</title></circle>'
    row = _y(0) + MARGIN_PX + LEGEND_ROW_PX * place
    yield f'<circle cx="{_x(0) + 5:.1f}" cy="{row - 4:.1f}" r="5" fill="{colour}"/>'
    yield f'<text x="{_x(0) + 16:.1f}" y="{row:.1f}">{escape(one["encoder"])}</text>'


def _x(share: float) -> float:
    return round(MARGIN_PX + share * SIDE_PX, 1)


def _y(share: float) -> float:
    return round(MARGIN_PX + (1 - share) * SIDE_PX, 1)
