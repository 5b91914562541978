"""What keeps people from using a page, as axe-core finds it: WCAG 2.2 AA, and what is good practice beyond."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SOURCE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations_on(page: Page, *, within: str = "html") -> list[str]:
    """Return what is wrong in a part of the page as it is now: the rule, and the element with what is wrong with it."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(SOURCE.read_text("utf-8"))
    found: dict[str, Any] = page.evaluate(
        "([within, rules]) => axe.run(within, {runOnly: rules, resultTypes: ['violations']})", [within, RULES]
    )
    return [
        f"{violation['id']}: {node['html'][:300]} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
