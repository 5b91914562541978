"""The files of `--report FOLDER`: evaluation.json, evaluation.md, reliability.svg and, with matplotlib, evaluation.svg.

The same figures give the same bytes: nothing here knows the date.
"""

import json
from pathlib import Path

from gallery.errors import UnwritablePath

from .figures import Report
from .markdown import document
from .plot import draw
from .reliability_plot import reliability_diagram

JSON_NAME, DOCUMENT_NAME, PLOT_NAME = "evaluation.json", "evaluation.md", "evaluation.svg"
RELIABILITY_NAME = "reliability.svg"


def make_report_folder(folder: Path) -> None:
    """Make sure that the folder can be written to, before hours of measuring. Raises UnwritablePath."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{JSON_NAME}.probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UnwritablePath(path=str(folder), reason=error.strerror or str(error)) from error


def write_report(report: Report, folder: Path) -> list[Path]:
    """Write the files and return their paths; without matplotlib there is no evaluation.svg. Raises UnwritablePath."""
    written = [folder / JSON_NAME, folder / DOCUMENT_NAME, folder / RELIABILITY_NAME]
    try:
        written[0].write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        drawn = draw(report, folder / PLOT_NAME)
        written[1].write_text(
            document(report, plot=PLOT_NAME if drawn else None, reliability=RELIABILITY_NAME), encoding="utf-8"
        )
        written[2].write_text(reliability_diagram(report), encoding="utf-8")
    except OSError as error:
        raise UnwritablePath(path=str(folder), reason=error.strerror or str(error)) from error
    return [*written, folder / PLOT_NAME] if drawn else written
