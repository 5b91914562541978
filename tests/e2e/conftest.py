"""A real Chromium, and a page that fails its test on anything a browser complains about."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Error, Page, Playwright, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
TIMEOUT_MS = 60_000  # the first picture waits until the encoder is loaded, on a machine that does other work too
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
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """Open a page of a browser of its own: open_page(width_px=390). What went wrong in it fails the test at the end."""
    complaints: list[str] = []
    contexts = []

    def open_one(*, width_px: int = 1280, with_script: bool = True) -> Page:
        context = chromium.new_context(
            viewport={"width": width_px, "height": 900}, java_script_enabled=with_script, reduced_motion="reduce"
        )
        contexts.append(context)
        context.add_init_script(REPORT_VIOLATIONS)
        page = context.new_page()
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
