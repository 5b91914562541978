"""One ranking of the answers of several legs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .cutoff import Judgement


@dataclass(frozen=True, slots=True)
class Hit:
    """An image and its cosine similarity to what is searched for."""

    image_id: int
    score: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """Hits, best first, and the judgement of each by its image's id."""

    hits: Sequence[Hit]
    judgements: Mapping[int, Judgement]


def best_of(rankings: Sequence[Ranking]) -> Ranking:
    """Return every image that a ranking has with the best of its scores and the best of its judgements: what is meant
    first, what may show something excluded last, then what is more probable, then the nearer one, equal ones by
    ascending id.

    Cosines of different texts are not comparable, probabilities are. A single ranking is the answer already, in
    whatever order it is: see `resemblance`. Of rankings that are cut at k, each in the order of its judgements, the
    first k of this one are those of the whole ones.
    """
    if len(rankings) == 1:
        return rankings[0]
    scores: dict[int, float] = {}
    judged: dict[int, Judgement] = {}
    for ranking in rankings:
        for hit in ranking.hits:
            judgement = ranking.judgements[hit.image_id]
            scores[hit.image_id] = max(hit.score, scores.get(hit.image_id, hit.score))
            judged[hit.image_id] = max(judgement, judged.get(hit.image_id, judgement), key=_certainty)
    ids = sorted(judged, key=lambda each: (*(-one for one in _certainty(judged[each])), -scores[each], each))
    return Ranking([Hit(image_id, scores[image_id]) for image_id in ids], judged)


def _certainty(judgement: Judgement) -> tuple[bool, bool, float]:
    return judgement.confident, not judgement.may_be_excluded, judgement.probability
