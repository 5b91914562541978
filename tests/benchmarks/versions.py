"""Two checkouts of the project side by side: each part in turns, old and new, so that a noisy machine slows both.

    git worktree add ../old v0.1
    python -m tests.benchmarks.versions ../old                        import, searches, memory, at 100,000 pictures
    python -m tests.benchmarks.versions ../old --rounds 5 --rows 1000000 --parts library

Prints each figure's median in both and new / old. Which way is better, the figure's name says.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NEW = Path(__file__).parents[2]
PARTS = ("pictures", "library")


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.versions", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("old", type=Path, help="a checkout of the other version")
    parser.add_argument("--parts", default=",".join(PARTS), help="of the benchmarks that both versions have")
    parser.add_argument("--rows", default="100000")
    parser.add_argument("--rounds", type=int, default=3)
    return parser


def measured(checkout: Path, part: str, rows: str) -> dict[str, float]:
    """Run one part of the benchmarks of a checkout; return its figures by their path, such as "path.find_images_ms"."""
    with tempfile.TemporaryDirectory(prefix="imagesearch-versions-") as scratch:
        results = Path(scratch) / "results.json"
        command = [sys.executable, "-m", "tests.benchmarks", part, "--rows", rows, "--results", str(results)]
        environment = {**os.environ, "IMAGESEARCH_DATA_DIR": str(Path(scratch) / "data")}
        subprocess.run(command, cwd=checkout, env=environment, check=True, stdout=subprocess.DEVNULL)
        return dict(_figures(json.loads(results.read_text(encoding="utf-8"))[part]))


def _figures(value: Any, path: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _figures(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, float(value)


def main(words: list[str]) -> None:
    options = arguments().parse_args(words)
    checkouts = {"old": options.old.resolve(), "new": NEW}
    for part in options.parts.split(","):
        found: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
        for _ in range(options.rounds):
            for name, checkout in checkouts.items():
                found[name].append(measured(checkout, part, options.rows))
        _print_table(part, found["old"], found["new"])


def _print_table(part: str, old: list[dict[str, float]], new: list[dict[str, float]]) -> None:
    print(f"{part:<36} {'old':>12} {'new':>12} {'new / old':>10}")
    for figure in old[0]:
        if figure in new[0]:
            before, after = (statistics.median(one[figure] for one in runs) for runs in (old, new))
            ratio = f"{after / before:10.3f}" if before else ""
            print(f"  {figure:<34} {before:12.3f} {after:12.3f} {ratio}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
