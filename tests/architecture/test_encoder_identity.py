"""Whether two encoders are the same, equal keys alone say: nobody compares revisions on their own."""

import ast

import pytest

from tests.architecture.test_layers import ROOT

SOURCES = sorted((ROOT / "gallery").rglob("*.py"))


def compared_revisions(source: str) -> list[int]:
    """Return the lines that compare an encoder's revision for being the same or another one."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and any(isinstance(part, ast.Attribute) and part.attr == "encoder_revision" for part in ast.walk(node))
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_revisions_are_compared_within_keys_only(path):
    assert compared_revisions(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("a.encoder_revision == b", [1]),
        ("x = 1\nif (a.encoder_id, a.encoder_revision) != (b.id, b.revision): pass", [2]),
        ("a.encoder_key == b.key", []),
    ],
)
def test_a_comparison_of_revisions_is_seen(source, lines):
    assert compared_revisions(source) == lines
