"""Why an image was found: what of a search is true of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from gallery.text.chinese import written_otherwise
from gallery.text.folding import folded
from gallery.text.misread import stands_in

from .asked_things import named_things
from .language import format as spelled
from .tree import All, Any, BroughtPicture, Field, Filter, Node, Not, Phrase, Region, Text, Weighted

MOST_CHARACTERS = 200  # of a description: it may be a page long


class ReasonKind(StrEnum):
    LOOKS_LIKE = "looks_like"
    NAME = "name"
    TAG = "tag"
    ALBUM = "album"
    DESCRIPTION = "description"
    TEXT = "text"
    COLOUR = "colour"
    FILTER = "filter"


@dataclass(frozen=True, slots=True)
class Reason:
    """`detail` is what was recognised, the sentence or picture asked with, what has the words in it, or the filter."""

    kind: ReasonKind
    detail: str


@dataclass(frozen=True, slots=True)
class FoundImage:
    """What is known of an image that a search found.

    `albums` are titles that the asker may see, `things` the names of what was surely recognised, `lines` what was read
    in it. `is_compared` says that it was ranked by meaning, `holds` which of the `uncertain` parts of the search are
    true of it.
    """

    name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    albums: tuple[str, ...] = ()
    things: frozenset[str] = frozenset()
    lines: tuple[str, ...] = ()
    is_compared: bool = False
    holds: frozenset[Node] = frozenset()


def uncertain(tree: Node) -> tuple[Filter | Phrase, ...]:
    """Return the filters and phrases that need not be true of whatever is found: those with an OR around them."""
    return tuple(dict.fromkeys(leaf for part in _alternatives(tree) for leaf in _leaves(part)))


def asks_for_albums(tree: Node) -> bool:
    """Say whether it can be an album that an image was found by."""
    return any(isinstance(leaf, Phrase) or leaf.field is Field.ALBUM for leaf in _leaves(tree))


def asks_for_text(tree: Node) -> bool:
    """Say whether it can be the text in it that an image was found by."""
    return any(isinstance(leaf, Phrase) or leaf.field is Field.TEXT for leaf in _leaves(tree))


def reasons_of(tree: Node, found: FoundImage) -> tuple[Reason, ...]:
    """Return why an image was found, in the order of the search, each reason once."""
    return tuple(dict.fromkeys(_reasons(tree, found)))


def _reasons(node: Node, found: FoundImage) -> Iterator[Reason]:
    match node:
        case Weighted(part):
            yield from _reasons(part, found)
        case All(parts):
            for part in parts:
                yield from _reasons(part, found)
        case Any(parts):
            yield from _reasons_of_alternatives(node, parts, found)
        case Not():
            yield Reason(ReasonKind.FILTER, spelled(node))
        case Filter():
            yield _reason_of_filter(node, found)
        case Phrase(text):
            yield from _reasons_of_phrase(text, found) or [Reason(ReasonKind.FILTER, spelled(node))]
        case _ if found.is_compared:
            yield Reason(ReasonKind.LOOKS_LIKE, _likeness(node, found))


def _reasons_of_alternatives(node: Any, parts: tuple[Node, ...], found: FoundImage) -> Iterator[Reason]:
    """Where nothing but meanings is left that may be true, the one is as good a reason as the other."""
    true = [part for part in parts if _holds(part, found)]
    for part in true:
        yield from _reasons(part, found)
    if not true:
        yield Reason(ReasonKind.LOOKS_LIKE, _recognised(node, found) or spelled(node))


def _holds(node: Node, found: FoundImage) -> bool:
    """Say whether a part with an OR around it is surely true; of a meaning nobody knows."""
    match node:
        case Weighted(part):
            return _holds(part, found)
        case All(parts):
            return all(_holds(part, found) for part in parts)
        case Any(parts):
            return any(_holds(part, found) for part in parts)
        case Not(Filter() | Phrase() as part):
            return part not in found.holds
    return node in found.holds


def _reason_of_filter(asked: Filter, found: FoundImage) -> Reason:
    value = str(asked.value)
    match asked.field:
        case Field.TAG:
            return Reason(ReasonKind.TAG, next(iter(_alike(value, found.tags)), value))
        case Field.ALBUM:
            return Reason(ReasonKind.ALBUM, next(iter(_alike(value, found.albums)), value))
        case Field.NAME:
            return Reason(ReasonKind.NAME, found.name)
        case Field.COLOUR:
            return Reason(ReasonKind.COLOUR, value)
        case Field.TEXT:
            return Reason(ReasonKind.TEXT, next(_lines_with(value, found.lines), value)[:MOST_CHARACTERS])
    return Reason(ReasonKind.FILTER, spelled(asked))


def _reasons_of_phrase(text: str, found: FoundImage) -> list[Reason]:
    places = [
        (ReasonKind.NAME, [found.name]),
        (ReasonKind.TAG, found.tags),
        (ReasonKind.ALBUM, found.albums),
        (ReasonKind.DESCRIPTION, [found.description]),
    ]
    spellings = _spellings(text)
    typed = [
        Reason(kind, written[:MOST_CHARACTERS])
        for kind, texts in places
        for written in texts
        if any(spelling in folded(written) for spelling in spellings)
    ]
    return typed + [Reason(ReasonKind.TEXT, line[:MOST_CHARACTERS]) for line in _read_in(text, found.lines)]


def _read_in(text: str, lines: tuple[str, ...]) -> list[str]:
    """Return the line in which words stand; the words themselves where they go on from one line to another."""
    for line in _lines_with(text, lines):
        return [line]
    return [text] if any(_lines_with(text, [" ".join(lines)])) else []


def _lines_with(text: str, lines: Iterable[str]) -> Iterator[str]:
    spellings = _spellings(text)
    return (line for line in lines if any(stands_in(spelling, folded(line)) for spelling in spellings))


def _likeness(node: Node, found: FoundImage) -> str:
    if isinstance(node, Text):
        return _recognised(node, found) or node.words
    whole = node.of if isinstance(node, Region) else node
    return "" if isinstance(whole, BroughtPicture) else spelled(whole)


def _recognised(node: Node, found: FoundImage) -> str:
    """Return what was recognised of that which the texts of a part name."""
    named = {name for text in _texts(node) for name in named_things(text.words)}
    return ", ".join(sorted(named & found.things))


def _alike(value: str, names: Iterable[str]) -> list[str]:
    spellings = _spellings(value)
    return [name for name in names if folded(name) in spellings]


def _spellings(text: str) -> set[str]:
    return {spelling for spelling in map(folded, written_otherwise(text)) if spelling}


def _alternatives(node: Node) -> Iterator[Node]:
    match node:
        case Any(parts):
            yield from parts
        case All(parts):
            for part in parts:
                yield from _alternatives(part)
        case Weighted(part):
            yield from _alternatives(part)


def _leaves(node: Node) -> Iterator[Filter | Phrase]:
    match node:
        case Filter() | Phrase():
            yield node
        case All(parts) | Any(parts):
            for part in parts:
                yield from _leaves(part)
        case Not(part) | Weighted(part):
            yield from _leaves(part)


def _texts(node: Node) -> Iterator[Text]:
    match node:
        case Text():
            yield node
        case All(parts) | Any(parts):
            for part in parts:
                yield from _texts(part)
        case Weighted(part):
            yield from _texts(part)
