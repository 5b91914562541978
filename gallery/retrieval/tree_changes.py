"""A search made wider, narrower or other: trees out of trees."""

from dataclasses import replace

from .tree import All, Any, Node, Text, Weighted


def parts_of(tree: Node) -> tuple[Node, ...]:
    """Return what stands together at the top of a tree: the tree itself where that is one thing."""
    return tree.parts if isinstance(tree, All) else (tree,)


def together(*parts: Node) -> Node:
    """Return the tree of at least one part, which all hold."""
    return parts[0] if len(parts) == 1 else All(parts)


def without(tree: Node, place: int) -> Node | None:
    """Return a tree without the part at this place of `parts_of` it, None where nothing is left."""
    left = [part for at, part in enumerate(parts_of(tree)) if at != place]
    return together(*left) if left else None


def with_part(tree: Node | None, part: Node) -> Node:
    """Return a tree that asks for one part more, which is not asked for twice."""
    parts = parts_of(tree) if tree is not None else ()
    return together(*parts, *([] if part in parts else [part]))


def with_first_text(tree: Node, words: str) -> Node:
    """Return a tree with other words in its first text that is not excluded."""
    return _first_text_replaced(tree, words)[0]


def _first_text_replaced(node: Node, words: str) -> tuple[Node, bool]:
    """Return the node, and whether a text has been replaced in it."""
    match node:
        case Text():
            return replace(node, words=words), True
        case Weighted(part):
            changed, is_done = _first_text_replaced(part, words)
            return replace(node, part=changed), is_done
        case All(parts) | Any(parts):
            return _in_one_of(node, parts, words)
    return node, False


def _in_one_of(node: All | Any, parts: tuple[Node, ...], words: str) -> tuple[Node, bool]:
    for at, part in enumerate(parts):
        changed, is_done = _first_text_replaced(part, words)
        if is_done:
            return replace(node, parts=(*parts[:at], changed, *parts[at + 1 :])), True
    return node, False
