"""What is logged of requests that are refused: a line each, and of a flood a few lines and a count.

Anybody can cause a 404, a wrong host or a form from elsewhere as often as he likes, so they must not fill a disk or
hide what went wrong. Whatever is no refusal, a defect with its traceback above all, is logged as it is.
"""

import logging
import time
from copy import copy
from dataclasses import dataclass, field
from threading import Timer
from typing import TextIO

LINES_PER_PERIOD = 10  # of one kind
PERIOD_SECONDS = 10.0
LONGEST_MESSAGE = 300  # characters: an address may have 8,000


def refusal_kind(record: logging.LogRecord) -> str | None:
    """Return of which kind the refusal is that a line tells of, None if it tells of something else.

    Lines of our own say so by `extra={"refusal": kind}`.
    """
    if kind := getattr(record, "refusal", None):
        return str(kind)
    if record.name.partition(".")[0] == "axes" or record.name.startswith("django.security."):
        return record.name
    if record.name != "django.request":
        return None
    status: int = getattr(record, "status_code", 500)
    return None if status >= 500 and record.exc_info else str(status)


@dataclass(slots=True)
class _Period:
    """What was logged of one kind since the first line of the period."""

    ends_at: float
    lines: int = 0
    left_out: int = 0
    last: logging.LogRecord | None = None
    timer: Timer | None = field(default=None, repr=False)


class RefusalHandler(logging.StreamHandler[TextIO]):
    """Writes refusals without traceback, one line for each request, at most so many of a kind in a period, then how
    many more there were: when the period is over, or when the process ends.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self._periods: dict[str, _Period] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Called with the handler's lock held."""
        kind = refusal_kind(record)
        if kind is None:
            super().emit(record)
        elif not _is_told_already(record):
            self._emit_refusal(kind, _on_one_line(record))

    def _emit_refusal(self, kind: str, record: logging.LogRecord) -> None:
        period = self._periods.get(kind)
        if period is None or period.ends_at <= time.monotonic():
            self._end(kind)  # where its timer died with a process that this one was forked from
            period = self._periods[kind] = _Period(ends_at=time.monotonic() + PERIOD_SECONDS)
        if period.lines < LINES_PER_PERIOD:
            period.lines += 1
            super().emit(record)
            return
        period.left_out += 1
        period.last = record
        if period.timer is None:
            period.timer = Timer(period.ends_at - time.monotonic(), self._end_by_timer, [kind, period])
            period.timer.daemon = True
            period.timer.start()

    def _end_by_timer(self, kind: str, period: _Period) -> None:
        with self.lock:  # type: ignore[union-attr]  # every handler that was made has one
            if self._periods.get(kind) is period:
                self._end(kind)

    def _end(self, kind: str) -> None:
        """Forget the period of a kind, and say how much of it was left out."""
        period = self._periods.pop(kind, None)
        if period is None or period.last is None:
            return
        if period.timer is not None:
            period.timer.cancel()
        summary = copy(period.last)
        summary.msg = f"{period.left_out} more like this ({kind}) were not logged. The last one: {summary.msg}"
        super().emit(summary)

    def close(self) -> None:
        with self.lock:  # type: ignore[union-attr]  # as above
            for kind in list(self._periods):
                self._end(kind)
        super().close()


def _is_told_already(record: logging.LogRecord) -> bool:
    """Say whether a line of the same request was handled before: Django and the site may both tell of one."""
    request = getattr(record, "request", None)
    if request is None:
        return False
    was_told = getattr(request, "_refusal_is_told", False)
    request._refusal_is_told = True
    return was_told


def _on_one_line(record: logging.LogRecord) -> logging.LogRecord:
    """Return the record without traceback, and with no more of its message than one reads."""
    message = record.getMessage()
    short = copy(record)
    short.msg = message if len(message) <= LONGEST_MESSAGE else f"{message[: LONGEST_MESSAGE - 1]}…"
    short.args = short.exc_info = short.exc_text = short.stack_info = None
    return short
