"""How a search is answered: what is compared with what, among which images."""

from collections.abc import Iterator
from dataclasses import dataclass

from .request import SearchRequest
from .tree import All, Filter, Like, Meaning, Node, Text

# Pictures resemble each other more, and spread wider, than they fit words: at equal weights the words next to a picture
# decide nothing. Measured with `offline`, docs/adr/0012.
TEXT_WEIGHT, PICTURE_WEIGHT = 3.0, 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """A meaning, and what its unit vector is multiplied by where it is added to others."""

    meaning: Meaning
    weight: float


@dataclass(frozen=True, slots=True)
class VectorLeg:
    """Meanings of one encoder that are one vector: the sum of theirs, made a unit vector again."""

    parts: tuple[Part, ...]

    @property
    def is_of_pictures(self) -> bool:
        """Whether it asks for what resembles pictures: then copies come first, and after them what shows the same."""
        return not any(isinstance(part.meaning, Text) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Plan:
    """Each leg ranks the images that all `filters` leave; without a leg there is no order by meaning.

    `excluded_ids` are left out of the answer.
    """

    legs: tuple[VectorLeg, ...]
    filters: tuple[Filter, ...]
    excluded_ids: tuple[int, ...]
    top: int


def plan(request: SearchRequest) -> Plan:
    """Return how this search is answered: the same for whoever asks it."""
    leaves = tuple(_leaves(request.tree))
    meanings = tuple(leaf for leaf in leaves if not isinstance(leaf, Filter))
    return Plan(
        legs=(VectorLeg(tuple(Part(meaning, _weight(meaning)) for meaning in meanings)),) if meanings else (),
        filters=tuple(leaf for leaf in leaves if isinstance(leaf, Filter)),
        excluded_ids=tuple(leaf.image_id for leaf in leaves if isinstance(leaf, Like)),
        top=request.top,
    )


def _leaves(node: Node) -> Iterator[Meaning | Filter]:
    if isinstance(node, Meaning | Filter):
        yield node
        return
    if not isinstance(node, All):
        raise TypeError(f"no leg answers {node!r}")  # else a part of the question would be left out of the answer
    for part in node.parts:
        yield from _leaves(part)


def _weight(meaning: Meaning) -> float:
    return TEXT_WEIGHT if isinstance(meaning, Text) else PICTURE_WEIGHT
