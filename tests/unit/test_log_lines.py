import logging
import sys

from imagesearch_project.log_lines import OneLineFormatter

FORGED = "x\n2026-01-01 00:00:00 ERROR gallery: forged\x1b[2J"


def record_of(message: str, *args: object, error: bool = False) -> logging.LogRecord:
    return logging.LogRecord("gallery", logging.ERROR, __file__, 1, message, args, sys.exc_info() if error else None)


def test_log_line_is_one_line_whatever_it_names():
    line = OneLineFormatter("%(levelname)s %(message)s").format(record_of("%s failed.", FORGED))

    assert line == r"ERROR x\n2026-01-01 00:00:00 ERROR gallery: forged\x1b[2J failed."


def test_traceback_is_indented_so_that_its_error_begins_no_line():
    try:
        raise ValueError(FORGED)
    except ValueError:
        first, *rest = OneLineFormatter("%(levelname)s %(message)s").format(record_of("failed", error=True)).split("\n")

    assert first == "ERROR failed"
    assert len(rest) > 3
    assert [line for line in rest if not line.startswith("    ")] == []
    assert any("ValueError: x" in line for line in rest)
    assert "\x1b" not in "".join(rest)
