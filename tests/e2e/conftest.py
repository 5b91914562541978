"""A real Chromium, and a page that fails its test on anything a browser complains about.

A test waits with `expect`, or for an address. It evaluates nothing again and again (`wait_for_function`): the site's
Content-Security-Policy refuses that from the second look on, and such a test passes only where the first one sees it.
"""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from playwright.sync_api import Browser, Error, Page, Playwright, ViewportSize, expect, sync_playwright

from tests.waiting import PATIENCE_SECONDS, until

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
TIMEOUT_MS = PATIENCE_SECONDS * 1000
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""


@pytest.fixture(scope="session")
def playwright_driver() -> Iterator[Playwright]:
    """Playwright's own event loop runs in this thread; Django would take it for ours and refuse the database."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as driver:
        yield driver
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def chromium(playwright_driver: Playwright) -> Iterator[Browser]:
    """IMAGESEARCH_BROWSER, else an installed Chromium, else Playwright's own. Only outside CI may there be none."""
    path = os.environ.get("IMAGESEARCH_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    try:
        browser = playwright_driver.chromium.launch(executable_path=path, args=FLAGS)
    except Error as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Chromium: set IMAGESEARCH_BROWSER, or run: playwright install chromium ({error.message[:80]})")
    yield browser
    browser.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def answered() -> Iterator[None]:
    """Wait at the end until the server has answered all that was asked; else it would write into the next test."""
    under_way: set[object] = set()

    def begin(**_signal: object) -> None:
        under_way.add(threading.get_ident())

    def end(**_signal: object) -> None:
        under_way.discard(threading.get_ident())

    request_started.connect(begin)
    request_finished.connect(end)
    yield
    until(lambda: not under_way, "the server answers what was asked")
    request_started.disconnect(begin)
    request_finished.disconnect(end)


@pytest.fixture
def open_page(chromium: Browser, answered: None) -> Iterator[OpenPage]:
    """Open a page of a browser of its own: open_page(width_px=390). What went wrong in it fails the test at the end."""
    complaints: list[str] = []
    contexts = []

    def open_one(*, width_px: int = 1280, with_script: bool = True, may_complain: bool = False, **options: Any) -> Page:
        viewport: ViewportSize = {"width": width_px, "height": 900}
        context = chromium.new_context(
            viewport=viewport, java_script_enabled=with_script, reduced_motion="reduce", **options
        )
        contexts.append(context)
        context.add_init_script(REPORT_VIOLATIONS)
        page = context.new_page()
        if not may_complain:
            page.on("console", lambda message: _note(complaints, message.type, f"{message.text} on {page.url}"))
            page.on("pageerror", lambda error: complaints.append(f"page error: {error} on {page.url}"))
        page.set_default_timeout(TIMEOUT_MS)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


def _note(complaints: list[str], kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        complaints.append(f"{kind}: {text}")
