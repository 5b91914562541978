"""Which images a leg of a search may find, and what the index says of them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gallery.encoders.base import EncoderKey
from gallery.models import ImageQuerySet
from gallery.retrieval.fusion import Hit
from gallery.retrieval.meaning import Vector
from gallery.search_index import search_index
from gallery.vectors.hits import Hits, ScoreDistribution
from gallery.vectors.unit_vectors import Ids


@dataclass(frozen=True, slots=True)
class Ranking:
    """What is nearest to a vector: `hits`, best first, without what is excluded, of all that was `found`."""

    vector: Vector
    hits: list[Hit]
    found: Hits

    @property
    def distribution(self) -> ScoreDistribution | None:
        return self.found.distribution

    @property
    def is_all(self) -> bool:
        """Whether every candidate is here."""
        return len(self.found.ids) >= self.found.searched

    def goes_below(self, least: float) -> bool:
        """Say whether every candidate that reaches this score is here."""
        return self.is_all or any(hit.score < least for hit in self.hits)

    def ids_reaching(self, least: float) -> Ids:
        """Return which of these reach a score, ascending."""
        return np.array(sorted(hit.image_id for hit in self.hits if hit.score >= least), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Divided:
    """All candidates, in two parts: see `Doubts`."""

    sure: ImageQuerySet
    doubtful: ImageQuerySet


@dataclass(frozen=True, slots=True)
class LegCandidates:
    """Asks the index about these images, as often as a leg needs: all vectors are of `encoder`.

    What is excluded is left out of the answers, not of the database's question, whose answer serves other searches too.
    Everything raises EncoderChanged where the index has moved to another encoder.
    """

    images: ImageQuerySet
    excluded_ids: tuple[int, ...]
    encoder: EncoderKey
    divided: Divided | None = None

    @property
    def parts(self) -> tuple["LegCandidates", "LegCandidates"] | None:
        """What surely shows nothing that is excluded, and what may show it; None where that is not asked."""
        if self.divided is None:
            return None
        sure, doubtful = (
            replace(self, images=each, divided=None) for each in (self.divided.sure, self.divided.doubtful)
        )
        return sure, doubtful

    @property
    def all_querysets(self) -> list[ImageQuerySet]:
        """Whatever is asked of the database."""
        return [self.images] if self.divided is None else [self.images, self.divided.sure, self.divided.doubtful]

    @property
    def remaining(self) -> ImageQuerySet:
        """All candidates but those that are excluded."""
        return self.images.exclude(pk__in=self.excluded_ids) if self.excluded_ids else self.images

    def nearest_to(self, vector: Vector, *, top: int) -> Ranking:
        """Return at least the `top` nearest, if there are as many."""
        hits = search_index().search(
            vector[np.newaxis], k=top + len(self.excluded_ids), allowed=self.images, encoder=self.encoder
        )
        found = hits.of(0)
        pairs = zip(found.ids.tolist(), found.scores.tolist(), strict=True)
        return Ranking(vector, [Hit(*pair) for pair in pairs if pair[0] not in self.excluded_ids], found)

    def scores(self, image_ids: Iterable[int], vector: Vector, *, known: Collection[Hit] = ()) -> dict[int, float]:
        """Return the score of each image that is embedded; those that are `known` are not computed again."""
        scores = {hit.image_id: hit.score for hit in known}
        others = [image_id for image_id in image_ids if image_id not in scores]
        ids, found = search_index().scores_of(others, vector[np.newaxis], encoder=self.encoder)
        return scores | dict(zip(ids.tolist(), found[:, 0].tolist(), strict=True))

    def searched(self, ranking: Ranking) -> int:
        """Return how many candidates there are that are not excluded."""
        return ranking.found.searched - len(self._excluded(ranking))

    def count(self, ranking: Ranking, *, least: float) -> int:
        """Return how many candidates reach a score, a float32. Nothing is scanned where the ranking goes below it."""
        if ranking.goes_below(least):
            return sum(hit.score >= least for hit in ranking.hits)
        everybody = search_index().count_above(ranking.vector, least, self.images, encoder=self.encoder)
        excluded = self.scores(self._excluded(ranking), ranking.vector)
        return everybody - sum(score >= least for score in excluded.values())

    def ids_reaching(self, ranking: Ranking, *, least: float) -> Ids:
        """Return the ids of the candidates that `count` counts, ascending: any number of them."""
        [ids] = self.ids_reaching_each(ranking, [least])
        return ids

    def ids_reaching_each(
        self, ranking: Ranking, leasts: Sequence[float], *, among: ImageQuerySet | None = None
    ) -> list[Ids]:
        """Return the same for each of several scores, by one scan. Of candidates that are not `among` these images,
        which are a part of them, some may be missing.
        """
        beyond = [least for least in leasts if not ranking.goes_below(least)]
        if beyond:
            images = self.images if among is None else among
            found = search_index().hits_above(ranking.vector, min(beyond), images, encoder=self.encoder)
            left = ~np.isin(found.ids, self.excluded_ids)
            ids, scores = found.ids[left], found.scores[left]
        return [
            ranking.ids_reaching(least) if ranking.goes_below(least) else ids[scores >= np.float32(least)]
            for least in leasts
        ]

    def count_all(self) -> int:
        """Return how many candidates there are that are not excluded, which `searched` says of a ranking."""
        everybody = search_index().count_allowed(self.images, encoder=self.encoder)
        return everybody - len(self._candidates_among(self.excluded_ids))

    def _excluded(self, ranking: Ranking) -> set[int]:
        """Return which candidates are excluded. The database is asked only about those that were not found."""
        found = set(self.excluded_ids).intersection(ranking.found.ids.tolist())
        return found | self._candidates_among(set(self.excluded_ids) - found)

    def _candidates_among(self, image_ids: Collection[int]) -> set[int]:
        if not image_ids:
            return set()
        return set(self.images.filter(pk__in=image_ids).values_list("pk", flat=True))
