"""What one leg of a search finds among the candidates."""

from dataclasses import dataclass

import numpy as np

from gallery.encoders.base import EncoderKey
from gallery.models import ImageQuerySet
from gallery.retrieval.fusion import Hit
from gallery.retrieval.meaning import Vector
from gallery.retrieval.plan import Plan
from gallery.retrieval.resemblance import joined
from gallery.search_index import search_index
from gallery.vectors.hits import Hits

from .meanings import LegVectors, Shown


@dataclass(frozen=True, slots=True)
class LegAnswer:
    """Hits, best first, without what is excluded; `nearest` is what lies nearest to its vector, excluded or not."""

    hits: list[Hit]
    nearest: Hits


@dataclass(frozen=True, slots=True)
class LegSearch:
    """Asks the index, as often as a leg needs: all vectors are of `encoder`."""

    candidates: ImageQuerySet
    planned: Plan
    encoder: EncoderKey

    def answer(self, leg: LegVectors) -> LegAnswer:
        """Return what the leg finds: each hit's score is its cosine to the leg's vector, whatever orders them.

        What is excluded is left out here, not in the database's question, whose answer serves other searches too.
        Raises EncoderChanged where the index has moved to another encoder.
        """
        nearest = self._nearest_to(leg.vector)
        hits = self._wanted(nearest)
        return LegAnswer(hits if leg.shown is None else self._joined(hits, leg.vector, leg.shown), nearest)

    def _nearest_to(self, vector: Vector) -> Hits:
        width = self.planned.top + len(self.planned.excluded_ids)
        hits = search_index().search(vector[np.newaxis], k=width, allowed=self.candidates, encoder=self.encoder)
        return hits.of(0)

    def _wanted(self, found: Hits) -> list[Hit]:
        pairs = zip(found.ids.tolist(), found.scores.tolist(), strict=True)
        return [Hit(image_id, score) for image_id, score in pairs if image_id not in self.planned.excluded_ids]

    def _joined(self, nearest: list[Hit], vector: Vector, shown: Shown) -> list[Hit]:
        if not nearest:
            return nearest
        showing = self._wanted(self._nearest_to(shown.vector))
        first_shows = self._scores([nearest[0].image_id], shown.vector).get(nearest[0].image_id, 0.0)
        ids = joined(nearest, showing, nearest_shows=first_shows, near_copy=shown.near_copy)[: self.planned.top]
        known = {hit.image_id: hit.score for hit in nearest}
        scores = known | self._scores([image_id for image_id in ids if image_id not in known], vector)
        return [Hit(image_id, scores[image_id]) for image_id in ids if image_id in scores]  # else it left meanwhile

    def _scores(self, image_ids: list[int], vector: Vector) -> dict[int, float]:
        ids, scores = search_index().scores_of(image_ids, vector[np.newaxis], encoder=self.encoder)
        return dict(zip(ids.tolist(), scores[:, 0].tolist(), strict=True))
