"""What stands together, as one tree: words that are one sentence, and what OR joins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from gallery.errors import NothingToJoin
from gallery.retrieval.tree import All, Any, Node

from .tokens import Place, Word


class Kind(Enum):
    WORD = auto()
    INSIDE = auto()  # exclusions, like: and picture:, which may stand inside a run of words
    NARROWING = auto()  # filters and phrases: inside a run as well, but OR reaches no further than to them
    ENDING = auto()  # groups and weights, which end a run


@dataclass(frozen=True, slots=True)
class Part:
    """One of the things that stand together. `nodes` are several for a filter of several tags, none for a word.

    `ends_run` says that no sentence goes on behind it; a weighted phrase is both NARROWING and ends one.
    """

    kind: Kind
    place: Place
    nodes: tuple[Node, ...] = ()
    word: Word | None = None
    ends_run: bool = False


@dataclass(frozen=True, slots=True)
class Or:
    """A sign that joins; `written` is how it was typed."""

    place: Place
    written: str


Sentence = Callable[[Sequence[Word]], Node]
"""Makes one text of words that follow each other."""


def joined(parts: Sequence[Part | Or], sentence: Sentence) -> Node:
    """Return what `parts`, of which there is at least one, are together. Raises NothingToJoin."""
    standing: list[Part] = []
    for alternatives in _alternatives(parts):
        if len(alternatives) == 1:
            standing += alternatives[0]
            continue
        place = Place(alternatives[0][0].place.start, alternatives[-1][-1].place.end)
        better = Any(tuple(_together(alternative, sentence) for alternative in alternatives))
        standing.append(Part(Kind.ENDING, place, (better,), ends_run=True))
    return _together(standing, sentence)


def _alternatives(parts: Sequence[Part | Or]) -> list[list[list[Part]]]:
    """Return what stands together, each as the stretches that OR joins; most are one stretch alone."""
    chains: list[list[list[Part]]] = []
    pending: Or | None = None
    previous: Part | Or | None = None
    for part in parts:
        if isinstance(part, Or):
            if not isinstance(previous, Part):
                raise _nothing_to_join(part)
            pending = part
        elif pending is not None:
            chains[-1].append([part])
            pending = None
        elif _is_one_stretch(previous, part):
            chains[-1][-1].append(part)
        else:
            chains.append([[part]])
        previous = part
    if pending is not None:
        raise _nothing_to_join(pending)
    return chains


def _is_one_stretch(previous: Part | Or | None, part: Part) -> bool:
    return isinstance(previous, Part) and Kind.NARROWING not in (previous.kind, part.kind)


def _nothing_to_join(sign: Or) -> NothingToJoin:
    return NothingToJoin(operator=sign.written, start=sign.place.start, end=sign.place.end, suggestion="")


def _together(parts: Sequence[Part], sentence: Sentence) -> Node:
    nodes: list[Node | None] = []  # None where a sentence has its place that is not at its end yet
    run: list[Word] = []
    run_at = 0

    def end_run() -> None:
        if run:
            nodes[run_at] = sentence(tuple(run))
            run.clear()

    for part in parts:
        if part.word is not None:
            if not run:
                run_at = len(nodes)
                nodes.append(None)
            run.append(part.word)
            continue
        if part.ends_run:
            end_run()
        nodes += part.nodes
    end_run()
    found = tuple(node for node in nodes if node is not None)
    return found[0] if len(found) == 1 else All(found)
