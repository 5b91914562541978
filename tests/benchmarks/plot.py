"""The plot: milliseconds per query against rows, both logarithmic, with the read limit below."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

SHOWN = {
    "numpy_argsort": ("#8c8c8c", "s"),
    "numpy_argpartition": ("#555555", "D"),
    "faiss_flat": ("#c26a00", "^"),
    "exact": ("#0b5fa5", "o"),
    "fast": ("#138a52", "v"),
    "faiss_hnsw": ("#a4408f", "P"),
}


def draw(sizes: list[dict[str, Any]], path: Path) -> None:
    """Write an SVG that is the same, byte by byte, for the same figures."""
    with plt.rc_context({"svg.hashsalt": "search", "svg.fonttype": "path", "font.size": 10}):
        figure, axes = plt.subplots(figsize=(7.5, 4.8), facecolor="white")
        axes.set_facecolor("white")
        for name, (colour, marker) in SHOWN.items():
            points = [(one["rows"], run["p50_ms"]) for one in sizes for run in one["runs"] if run["name"] == name]
            if points:
                axes.plot(*zip(*points, strict=True), color=colour, marker=marker, label=name)
        limits = [(one["rows"], one["read_limit_ms"]) for one in sizes]
        axes.plot(*zip(*limits, strict=True), color="black", linestyle="--", marker=".", label="reading the codes once")
        axes.set(xscale="log", yscale="log", xlabel="rows", ylabel="milliseconds per query (p50)")
        axes.set_title(
            f"One query for the ten nearest, {sizes[-1]['dimension']} numbers, {sizes[-1]['threads']} threads"
        )
        axes.grid(visible=True, which="major", color="#dddddd")
        axes.legend(frameon=False, fontsize=9)
        figure.tight_layout()
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
