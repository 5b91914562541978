"""What is expected of dates and words in files, and what came of it: written by `python -m tests.metadata_table`."""

import os
import sys
from io import BytesIO
from pathlib import Path

from gallery.imaging import Embedded, Limits, inspect
from gallery.text.wall_clock import stored_wall_clock, wall_clock_text
from tests.worded_cases import DATE_CASES, DATE_FILES, WORD_CASES
from tests.worded_pictures import picture

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs" / "metadata.md"
FOLDER = Path(os.environ.get("IMAGESEARCH_TEST_ODD_FILES", ROOT.parent / "shared" / "bug_inputs"))
MARK = "<!-- python -m tests.metadata_table writes what follows -->\n"
LIMITS = Limits(max_bytes=20_000_000, max_pixels=20_000_000, max_frames=5)


def table(folder: Path) -> str:
    rows = [_row(f"{name}.jpg", (folder / f"{name}.jpg").read_bytes(), date) for name, date in DATE_FILES.items()]
    rows += [_row(name, picture(**blocks), date) for name, blocks, date in DATE_CASES]
    rows += [_row(name, content, _words(*words)) for name, content, words in WORD_CASES]
    return "\n".join(["| file | expected | got | verdict |", "| --- | --- | --- | --- |", *rows]) + "\n"


def _row(name: str, content: bytes, expected: str | None) -> str:
    told = inspect(BytesIO(content), limits=LIMITS).facts.embedded
    got = _date(told) if expected is None or expected[:1].isdigit() else _told_words(told)
    return f"| {name} | {expected or 'none'} | {got or 'none'} | {'as expected' if got == expected else 'OTHER'} |"


def _date(told: Embedded) -> str | None:
    return None if told.taken_at is None else wall_clock_text(*stored_wall_clock(told.taken_at))


def _told_words(told: Embedded) -> str:
    return _words(told.description, sorted(told.keywords), told.rating)


def _words(description: str, tags: list[str], stars: int | None) -> str:
    return f"“{description.replace(chr(10), ' / ')}”, tags {', '.join(tags) or 'none'}, stars {stars or 'none'}"


def main() -> None:
    before = TABLE.read_text().partition(MARK)[0]
    TABLE.write_text(before + MARK + "\n" + table(FOLDER))
    sys.stdout.write(f"{TABLE}\n")


if __name__ == "__main__":
    main()
