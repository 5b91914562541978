"""docs/settings.md names every variable that settings.py reads, with its default and its range, and no other."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READERS = {"env_str", "env_bool", "env_int", "env_choice", "env_list", "env_globs", "env_path"}
ROW = re.compile(r"^\| `(IMAGESEARCH_\w+)` \| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)


def calls() -> list[ast.Call]:
    tree = ast.parse((ROOT / "imagesearch_project" / "settings.py").read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return [call for call in found if call.func.id in READERS]  # type: ignore[attr-defined]


def variable(call: ast.Call) -> str:
    return ast.literal_eval(call.args[0])


def default(call: ast.Call) -> str:
    """Return the default as the page writes it."""
    reader = call.func.id  # type: ignore[attr-defined]
    if reader == "env_path":
        return f"`{call.args[1].right.value}`"  # type: ignore[attr-defined]
    value = ast.literal_eval(call.args[1]) if len(call.args) > 1 else ""
    if reader == "env_bool":
        return "`on`" if value else "`off`"
    if isinstance(value, list):
        value = ",".join(value)
    return f"`{value}`" if value != "" else "empty"


def limits(call: ast.Call) -> str:
    bounds = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    return f"{bounds['minimum']:,} to {bounds['maximum']:,}"


@pytest.fixture(scope="module")
def rows() -> dict[str, tuple[str, str]]:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    return {name: (default, values) for name, default, values, _purpose in ROW.findall(page)}


def test_page_names_exactly_the_variables_that_are_read(rows):
    assert set(rows) == {variable(call) for call in calls()}


def test_page_tells_the_defaults(rows):
    told = {(variable(call), default(call)) for call in calls() if default(call) != "empty"}
    unread = {variable(call) for call in calls()} - {name for name, _default in told}

    assert {(name, text) for name, text in told if text not in rows[name][0]} == set()
    assert {name for name in unread if rows[name][0] != "empty"} == set()


def test_page_tells_the_ranges_of_numbers(rows):
    numbers = [call for call in calls() if call.func.id == "env_int"]  # type: ignore[attr-defined]

    assert numbers
    assert {variable(call): rows[variable(call)][1] for call in numbers} == {
        variable(call): limits(call) for call in numbers
    }


def test_page_tells_the_choices(rows):
    for call in (call for call in calls() if call.func.id == "env_choice"):  # type: ignore[attr-defined]
        choices = next(ast.literal_eval(word.value) for word in call.keywords if word.arg == "choices")
        assert rows[variable(call)][1] == ", ".join(f"`{choice}`" for choice in choices)


def test_no_other_file_of_the_site_reads_these_variables():
    sources = [*(ROOT / "gallery").rglob("*.py"), ROOT / "manage.py"]

    readers = [path for path in sources if re.search(r"environ\W.*IMAGESEARCH_", path.read_text(encoding="utf-8"))]

    assert readers == []
