"""A query whose sentences exclude in words, as the one whose dashes say the same."""

from collections.abc import Iterator
from dataclasses import dataclass

from gallery.retrieval.tree import All, Any, Node, Not, Text, Weighted

from .sentences import worded_exclusions


@dataclass(frozen=True, slots=True)
class ReadTree:
    """`excluded` is what its sentences exclude in words, each once, as it was written."""

    tree: Node
    excluded: tuple[str, ...]


def read_exclusions(tree: Node) -> ReadTree:
    """Return a tree whose sentences exclude nothing in words: “dogs not cats” is `dogs -cats`.

    What is to be taken as typed stays as it is, and what is excluded already.
    """
    excluded: list[str] = []
    read = _read(tree, excluded)
    return ReadTree(read, tuple(dict.fromkeys(excluded)))


def _read(node: Node, excluded: list[str]) -> Node:
    match node:
        case Text(words, as_typed=False):
            return _sentence(words, excluded)
        case All(parts):
            return All(tuple(_flat(_read(part, excluded) for part in parts)))
        case Any(parts):
            return Any(tuple(_read(part, excluded) for part in parts))
        case Weighted(part, factor):
            return Weighted(_read(part, excluded), factor)
    return node


def _sentence(words: str, excluded: list[str]) -> Node:
    found = worded_exclusions(words)
    if not found.excluded:
        return Text(words)
    excluded += found.excluded
    parts: list[Node] = [*([Text(found.rest)] if found.rest else []), *(Not(Text(each)) for each in found.excluded)]
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _flat(parts: "Iterator[Node]") -> Iterator[Node]:
    for part in parts:
        if isinstance(part, All):
            yield from part.parts
        else:
            yield part
