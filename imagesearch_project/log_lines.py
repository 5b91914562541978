"""Log lines that nobody who is logged can forge."""

import logging
from typing import Any

from gallery.text.one_line import one_line

CONTINUED = "\n    "


class OneLineFormatter(logging.Formatter):
    """Begins a line for each record and for nothing else: what follows of a traceback is indented.

    Paths, user names and file names hold whatever a visitor likes, a line's end and a terminal's commands too.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- the name of the standard library
        return one_line(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 -- as above
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 -- as above
        return _indented(super().formatStack(stack_info))


def _indented(text: str) -> str:
    return "    " + CONTINUED.join(one_line(line) for line in text.split("\n"))
