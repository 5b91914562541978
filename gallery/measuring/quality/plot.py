"""The plot: mean average precision per language, and copies found per kind, with their intervals."""

from pathlib import Path
from typing import Any

from .figures import Report
from .markdown import KIND_LABELS
from .metrics import MAP

COLOURS = ("#0b5fa5", "#c26a00", "#138a52", "#a4408f", "#555555", "#8c8c8c")
BARS_WIDTH = 0.8  # of the room between two groups
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "evaluation",
    "svg.fonttype": "path",
    "font.size": 10,
    "text.parse_math": False,
}


def draw(report: Report, path: Path) -> bool:
    """Write an SVG that is the same, byte by byte, for the same figures. False, and no file, without matplotlib."""
    try:
        from matplotlib import rc_context  # noqa: PLC0415 -- optional dependency
        from matplotlib.figure import Figure  # noqa: PLC0415 -- optional dependency
    except ModuleNotFoundError:
        path.unlink(missing_ok=True)  # an older one would show other figures than the tables beside it
        return False
    encoders = report["encoders"]
    panels = 2 if report["copies"] else 1
    with rc_context(STYLE):
        figure = Figure(figsize=(7.5, 4.2 * panels), facecolor="white", layout="constrained")
        axes = figure.subplots(panels, squeeze=False)[:, 0]
        _draw_quality(axes[0], encoders)
        if panels > 1:
            _draw_copies(axes[1], encoders)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", frameon=False, fontsize=9)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    return True


def _draw_quality(axes: Any, encoders: list[Report]) -> None:
    languages = list(encoders[0][MAP])
    groups = [[(one[MAP][language], one["intervals"][MAP][language]) for language in languages] for one in encoders]
    _bars(axes, encoders, groups)
    axes.set_xticks(range(len(languages)), languages)
    axes.set(title="Text to picture", ylabel="mean average precision")


def _draw_copies(axes: Any, encoders: list[Report]) -> None:
    kinds = list(KIND_LABELS)
    groups = [
        [
            *((one["copies"]["recall_at_1"][kind], None) for kind in kinds),
            (one["copies"]["mean"], one["copies"]["interval"]),
        ]
        for one in encoders
    ]
    _bars(axes, encoders, groups)
    names = [*(kind.replace("_", " ") for kind in kinds), "mean"]
    axes.set_xticks(range(len(names)), names, rotation=35, ha="right")
    axes.set(title="Altered copies", ylabel="original comes first")


def _bars(axes: Any, encoders: list[Report], groups: list[list[tuple[float, list[float] | None]]]) -> None:
    """Draw one bar per encoder in each group, with its interval where there is one."""
    width = BARS_WIDTH / len(encoders)
    for place, (one, bars) in enumerate(zip(encoders, groups, strict=True)):
        left = [group - BARS_WIDTH / 2 + width * (place + 0.5) for group in range(len(bars))]
        heights = [height for height, _ends in bars]
        colour = COLOURS[place % len(COLOURS)]
        axes.bar(left, heights, width * 0.95, color=colour, label=one["encoder"], zorder=2)
        for x, (_height, ends) in zip(left, bars, strict=True):
            if ends is not None:
                axes.plot([x, x], ends, color="black", linewidth=1.2, zorder=3)
    axes.set_ylim(0, 1.02)
    axes.grid(visible=True, axis="y", color="#dddddd", zorder=0)
    axes.spines[["top", "right"]].set_visible(False)
