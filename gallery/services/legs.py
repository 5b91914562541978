"""What one leg of a search finds among the candidates, and which of it is meant."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from gallery.retrieval import fusion
from gallery.retrieval.cutoff import Evidence, Judgement
from gallery.retrieval.fusion import Hit
from gallery.retrieval.resemblance import joined
from gallery.vectors.unit_vectors import Ids

from .calibrations import calibrations_of
from .leg_candidates import LegCandidates, Ranking
from .meanings import LegVectors, Shown

MOST_COPIES = 10_000  # of one picture: beyond it nobody is told how many results there are
MEANT_OFTEN = 200  # images that a search is sure of, rarely more: as many are found at a fraction of reading all
OF_A_COPY = Judgement(probability=1.0, confident=True)


@dataclass(frozen=True, slots=True)
class LegAnswer:
    """Hits, best first, and the judgement of each by its image's id.

    `searched` is how many candidates there are, `confident_total` how many of them are meant.
    """

    hits: list[Hit]
    judgements: Mapping[int, Judgement]
    searched: int
    confident_total: int

    @property
    def ranking(self) -> fusion.Ranking:
        return fusion.Ranking(self.hits, self.judgements)


def answer_of(leg: LegVectors, candidates: LegCandidates, *, top: int) -> LegAnswer:
    """Return what a leg finds: each hit's score is its cosine to the leg's vector, whatever orders them.

    What may show something that is excluded comes after all else, and nobody is confident of it.
    Raises EncoderChanged where the index has moved to another encoder.
    """
    if candidates.parts is None:
        return _answer(leg, candidates, top)
    sure, doubtful = candidates.parts
    found = _answer(leg, sure, top)
    return _followed_by(found, _answer(leg, doubtful, max(1, top - len(found.hits))), top=top)


def _followed_by(sure: LegAnswer, doubtful: LegAnswer, *, top: int) -> LegAnswer:
    doubted = {
        image_id: replace(judgement, confident=False, may_be_excluded=True)
        for image_id, judgement in doubtful.judgements.items()
    }
    return LegAnswer(
        [*sure.hits, *doubtful.hits][:top],
        {**sure.judgements, **doubted},
        sure.searched + doubtful.searched,
        sure.confident_total,
    )


def _answer(leg: LegVectors, candidates: LegCandidates, top: int) -> LegAnswer:
    nearest = candidates.nearest_to(leg.vector, top=top)
    if not nearest.hits:
        return LegAnswer([], {}, candidates.searched(nearest), confident_total=0)
    if leg.shown is not None:
        return _Resemblance(leg, leg.shown, candidates, top).answer(nearest)
    calibrations, evidence = calibrations_of(candidates.encoder), _evidence(leg, nearest)
    judged = calibrations.judge([hit.score for hit in nearest.hits], evidence)
    return LegAnswer(
        nearest.hits[:top],
        {hit.image_id: judgement for hit, judgement in zip(nearest.hits, judged, strict=True)},
        candidates.searched(nearest),
        candidates.count(nearest, least=calibrations.line(evidence)),
    )


def meant_by(leg: LegVectors, candidates: LegCandidates, *, probability: float | None = None) -> Ids:
    """Return the ids of all that a leg is confident of, ascending: as many as `answer_of` counts.

    With a `probability`: of all that are at least so probable, where it asks with a text.
    Raises EncoderChanged as `answer_of` does.
    """
    if candidates.parts is not None:
        return meant_by(leg, candidates.parts[0], probability=probability)
    nearest = candidates.nearest_to(leg.vector, top=MEANT_OFTEN)
    if not nearest.hits:
        return np.empty(0, dtype=np.int64)
    if leg.shown is not None:
        return _Resemblance(leg, leg.shown, candidates, top=1).meant(nearest)
    line = calibrations_of(candidates.encoder).line(_evidence(leg, nearest), probability=probability)
    reaching = [hit.image_id for hit in nearest.hits if hit.score >= line]
    if len(reaching) < len(nearest.hits) or nearest.is_all:
        return np.array(sorted(reaching), dtype=np.int64)
    return candidates.ids_reaching(leg.vector, least=line)


def _evidence(leg: LegVectors, ranking: Ranking) -> Evidence:
    return Evidence(ranking.hits[0].score, ranking.distribution, leg.clarity, of_pictures=leg.is_of_pictures)


@dataclass(frozen=True, slots=True)
class _Resemblance:
    """What resembles pictures: copies of them, and what shows the same, each by a ranking of its own.

    Copies are meant. What leads without being one is judged as the best of those behind it, all others by how far they
    show the same, which is what orders them.
    """

    leg: LegVectors
    shown: Shown
    candidates: LegCandidates
    top: int

    def answer(self, nearest: Ranking) -> LegAnswer:
        showing = self.candidates.nearest_to(self.shown.vector, top=self.top)
        ids = self._joined(nearest, showing)
        cosines = self.candidates.scores(ids, self.leg.vector, known=nearest.hits)
        shows = self.candidates.scores(ids, self.shown.vector, known=showing.hits)
        ids = [image_id for image_id in ids if image_id in cosines and image_id in shows]  # else it left meanwhile
        searched = self.candidates.searched(nearest)
        if not ids or not showing.hits:
            return LegAnswer([], {}, searched, confident_total=0)
        calibrations, evidence = calibrations_of(self.candidates.encoder), _evidence(self.leg, showing)
        judged_by = [max(shows[ids[0]], evidence.best), *(shows[image_id] for image_id in ids[1:])]
        judged = calibrations.judge(judged_by, evidence)
        return LegAnswer(
            [Hit(image_id, cosines[image_id]) for image_id in ids],
            {
                image_id: OF_A_COPY if cosines[image_id] >= self.shown.near_copy else judgement
                for image_id, judgement in zip(ids, judged, strict=True)
            },
            searched,
            self._count(nearest, showing, first=ids[0], least=calibrations.line(evidence)),
        )

    def _joined(self, nearest: Ranking, showing: Ranking) -> list[int]:
        first = nearest.hits[0].image_id
        first_shows = self.candidates.scores([first], self.shown.vector).get(first, 0.0)
        near_copy = self.shown.near_copy
        return joined(nearest.hits, showing.hits, nearest_shows=first_shows, near_copy=near_copy)[: self.top]

    def meant(self, nearest: Ranking) -> Ids:
        """Return what is meant: copies, what shows at least so much, and what leads where the best of those does."""
        showing = self.candidates.nearest_to(self.shown.vector, top=self.top)
        if not showing.hits:
            return np.empty(0, dtype=np.int64)
        first, *_others = self._joined(nearest, showing)
        least = calibrations_of(self.candidates.encoder).line(_evidence(self.leg, showing))
        same = self.candidates.ids_reaching(showing.vector, least=least)
        leading = self._leading(nearest, showing, first=first, least=least)
        return np.union1d(same, np.array(sorted(leading), dtype=np.int64))

    def _count(self, nearest: Ranking, showing: Ranking, *, first: int, least: float) -> int:
        """Return how many `meant` has."""
        leading = self._leading(nearest, showing, first=first, least=least)
        shows = self.candidates.scores(leading, self.shown.vector, known=showing.hits)
        return self.candidates.count(showing, least=least) + sum(shows.get(each, least) < least for each in leading)

    def _leading(self, nearest: Ranking, showing: Ranking, *, first: int, least: float) -> set[int]:
        """Return what is meant whether it shows the same or not."""
        return self._copies(nearest) | ({first} if showing.hits[0].score >= least else set())

    def _copies(self, nearest: Ranking) -> set[int]:
        near_copy = self.shown.near_copy
        count = self.candidates.count(nearest, least=near_copy)
        if count > len(nearest.hits):
            nearest = self.candidates.nearest_to(nearest.vector, top=min(count, MOST_COPIES))
        return {hit.image_id for hit in nearest.hits if hit.score >= near_copy}
