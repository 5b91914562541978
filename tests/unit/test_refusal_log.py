"""What a flood of refused requests writes: some lines of each kind and a count, and nothing of it hides a defect."""

import logging
import sys
from io import StringIO

import pytest

from imagesearch_project import refusal_log
from imagesearch_project.refusal_log import LINES_PER_PERIOD, PERIOD_SECONDS, RefusalHandler


class Clock:
    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(refusal_log, "time", clock)
    return clock


@pytest.fixture
def handler() -> RefusalHandler:
    handler = RefusalHandler(StringIO())
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    return handler


def lines_of(handler: RefusalHandler) -> list[str]:
    return handler.stream.getvalue().splitlines()


def record_of(path: str, *, status: int = 404, name: str = "django.request", **extra: object) -> logging.LogRecord:
    record = logging.LogRecord(name, logging.WARNING, __file__, 1, "Not Found: %s", (path,), _error())
    record.status_code = status
    record.__dict__.update(extra)
    return record


def _error():
    try:
        raise ValueError("why")
    except ValueError:
        return sys.exc_info()


def test_refusal_is_one_line_without_traceback(handler, clock):
    handler.handle(record_of("/a"))

    assert lines_of(handler) == ["WARNING django.request: Not Found: /a"]


def test_defect_keeps_its_traceback_however_often_it_comes(handler, clock):
    for _ in range(LINES_PER_PERIOD + 5):
        handler.handle(record_of("/a", status=500))

    lines = lines_of(handler)
    assert lines.count("WARNING django.request: Not Found: /a") == LINES_PER_PERIOD + 5
    assert lines.count("ValueError: why") == LINES_PER_PERIOD + 5


def test_flood_is_some_lines_and_a_count_when_its_period_is_over(handler, clock):
    for number in range(LINES_PER_PERIOD + 37):
        handler.handle(record_of(f"/{number}"))
    during = lines_of(handler)
    clock.now += PERIOD_SECONDS
    handler.handle(record_of("/later"))

    assert len(during) == LINES_PER_PERIOD
    assert lines_of(handler)[LINES_PER_PERIOD:] == [
        "WARNING django.request: 37 more like this (404) were not logged. The last one: Not Found: /46",
        "WARNING django.request: Not Found: /later",
    ]


def test_count_is_told_without_another_request(handler, monkeypatch):
    monkeypatch.setattr(refusal_log, "PERIOD_SECONDS", 0.01)
    monkeypatch.setattr(refusal_log, "LINES_PER_PERIOD", 1)
    handler.acquire()  # so that its timer waits until all have come
    handler.emit(record_of("/1"))
    handler.emit(record_of("/2"))
    [period] = handler._periods.values()
    handler.release()

    if period.timer is not None:
        period.timer.join(60)

    assert lines_of(handler)[1:] in (
        ["WARNING django.request: 1 more like this (404) were not logged. The last one: Not Found: /2"],
        ["WARNING django.request: Not Found: /2"],  # the first period was over by then
    )


def test_count_is_told_when_the_process_ends(handler, clock):
    for number in range(LINES_PER_PERIOD + 2):
        handler.handle(record_of(f"/{number}"))

    handler.close()

    assert lines_of(handler)[-1].startswith("WARNING django.request: 2 more like this (404) were not logged.")


def test_kinds_are_counted_apart(handler, clock):
    for _ in range(LINES_PER_PERIOD + 3):
        handler.handle(record_of("/a"))
        handler.handle(record_of("/a", status=403))
        handler.handle(record_of("/a", name="django.security.DisallowedHost", status=400))
        handler.handle(record_of("/a", name="gallery.views", refusal="server_busy"))

    assert len(lines_of(handler)) == 4 * LINES_PER_PERIOD


def test_two_lines_of_one_request_are_one(handler, clock):
    class Request:
        pass

    request = Request()
    handler.handle(record_of("/a", name="gallery.views", status=503, refusal="server_busy", request=request))
    handler.handle(record_of("/a", request=request))

    assert lines_of(handler) == ["WARNING gallery.views: Not Found: /a"]


def test_long_address_is_cut(handler, clock):
    handler.handle(record_of("/" + "x" * 8_000))

    assert len(lines_of(handler)[0]) < 350


def test_other_lines_are_as_they_were(handler, clock):
    for _ in range(LINES_PER_PERIOD + 3):
        handler.handle(record_of("/a", name="gallery.services", status=0))

    assert lines_of(handler).count("ValueError: why") == LINES_PER_PERIOD + 3
