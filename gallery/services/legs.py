"""What one leg of a search finds among the candidates, and which of it is meant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from gallery.models import ImageQuerySet
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
NOBODY: Final[Ids] = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class LegAnswer:
    """Hits, best first, and the judgement of each by its image's id.

    `searched` is how many candidates there are, `confident_total` how many of them are meant; `meant_ids` are those,
    ascending, where they were asked for.
    """

    hits: list[Hit]
    judgements: Mapping[int, Judgement]
    searched: int
    confident_total: int
    meant_ids: Ids | None = None

    @property
    def ranking(self) -> fusion.Ranking:
        return fusion.Ranking(self.hits, self.judgements)


def answer_of(leg: LegVectors, candidates: LegCandidates, *, top: int, naming: bool = False) -> LegAnswer:
    """Return what a leg finds: each hit's score is its cosine to the leg's vector, whatever orders them.

    What may show something that is excluded comes after all else, and nobody is confident of it. `naming` asks for the
    ids of all that is meant: one scan often finds hits and these.
    Raises EncoderChanged where the index has moved to another encoder.
    """
    if candidates.parts is None:
        return _answer(leg, candidates, top, naming=naming)
    sure, doubtful = candidates.parts
    return _followed_by_doubtful(_answer(leg, sure, top, naming=naming), leg, doubtful, top=top)


def _followed_by_doubtful(sure: LegAnswer, leg: LegVectors, candidates: LegCandidates, *, top: int) -> LegAnswer:
    missing = top - len(sure.hits)
    if missing <= 0:
        return replace(sure, searched=sure.searched + candidates.count_all())
    doubtful = _answer(leg, candidates, missing)
    doubted = {
        image_id: replace(judgement, confident=False, may_be_excluded=True)
        for image_id, judgement in doubtful.judgements.items()
    }
    return replace(
        sure,
        hits=[*sure.hits, *doubtful.hits],
        judgements={**sure.judgements, **doubted},
        searched=sure.searched + doubtful.searched,
    )


def _answer(leg: LegVectors, candidates: LegCandidates, top: int, *, naming: bool = False) -> LegAnswer:
    nearest = candidates.nearest_to(leg.vector, top=max(top, MEANT_OFTEN) if naming else top)
    if not nearest.hits:
        return LegAnswer([], {}, candidates.searched(nearest), confident_total=0, meant_ids=NOBODY)
    if leg.shown is not None:
        return _Resemblance(leg, leg.shown, candidates, top).answer(nearest, naming=naming)
    calibrations, evidence = calibrations_of(candidates.encoder), _evidence(leg, nearest)
    judged = calibrations.judge([hit.score for hit in nearest.hits], evidence)
    line = calibrations.line(evidence)
    meant_ids = candidates.ids_reaching(nearest, least=line) if naming else None
    return LegAnswer(
        nearest.hits[:top],
        {hit.image_id: judgement for hit, judgement in zip(nearest.hits, judged, strict=True)},
        candidates.searched(nearest),
        candidates.count(nearest, least=line) if meant_ids is None else len(meant_ids),
        meant_ids,
    )


def meant_by(leg: LegVectors, candidates: LegCandidates) -> Ids:
    """Return the ids of all that a leg is confident of, ascending: as many as `answer_of` counts.

    Raises EncoderChanged as `answer_of` does.
    """
    [found] = meant_by_each(leg, candidates if candidates.parts is None else candidates.parts[0], probabilities=[None])
    return found


def meant_by_each(
    leg: LegVectors,
    candidates: LegCandidates,
    *,
    probabilities: Sequence[float | None],
    among: ImageQuerySet | None = None,
) -> list[Ids]:
    """Return the ids of all that are at least so probable, ascending; for None, of all that a leg is confident of.

    Where it asks with pictures alone, what it is confident of is all that is probable. Where only some of the
    candidates matter, `among` are those, and others may be missing.
    Raises EncoderChanged as `answer_of` does.
    """
    nearest = candidates.nearest_to(leg.vector, top=MEANT_OFTEN)
    if not nearest.hits:
        return [NOBODY] * len(probabilities)
    if leg.shown is not None:
        return [_Resemblance(leg, leg.shown, candidates, top=MEANT_OFTEN).meant(nearest)] * len(probabilities)
    calibrations, evidence = calibrations_of(candidates.encoder), _evidence(leg, nearest)
    lines = [calibrations.line(evidence, probability=each) for each in probabilities]
    return candidates.ids_reaching_each(nearest, lines, among=among)


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

    def answer(self, nearest: Ranking, *, naming: bool) -> LegAnswer:
        top = max(self.top, MEANT_OFTEN) if naming else self.top
        showing = self.candidates.nearest_to(self.shown.vector, top=top)
        ids = self._joined(nearest, showing)
        cosines = self.candidates.scores(ids, self.leg.vector, known=nearest.hits)
        shows = self.candidates.scores(ids, self.shown.vector, known=showing.hits)
        ids = [image_id for image_id in ids if image_id in cosines and image_id in shows]  # else it left meanwhile
        searched = self.candidates.searched(nearest)
        if not ids or not showing.hits:
            return LegAnswer([], {}, searched, confident_total=0, meant_ids=NOBODY)
        calibrations, evidence = calibrations_of(self.candidates.encoder), _evidence(self.leg, showing)
        judged_by = [max(shows[ids[0]], evidence.best), *(shows[image_id] for image_id in ids[1:])]
        judged = calibrations.judge(judged_by, evidence)
        line = calibrations.line(evidence)
        meant_ids = self._meant_ids(nearest, showing, first=ids[0], least=line) if naming else None
        return LegAnswer(
            [Hit(image_id, cosines[image_id]) for image_id in ids],
            {
                image_id: OF_A_COPY if cosines[image_id] >= self.shown.near_copy else judgement
                for image_id, judgement in zip(ids, judged, strict=True)
            },
            searched,
            self._count(nearest, showing, first=ids[0], least=line) if meant_ids is None else len(meant_ids),
            meant_ids,
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
            return NOBODY
        first, *_others = self._joined(nearest, showing)
        least = calibrations_of(self.candidates.encoder).line(_evidence(self.leg, showing))
        return self._meant_ids(nearest, showing, first=first, least=least)

    def _meant_ids(self, nearest: Ranking, showing: Ranking, *, first: int, least: float) -> Ids:
        same = self.candidates.ids_reaching(showing, least=least)
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
