"""What a search asks for, of what the actor may see: vectors, candidates, and all that it is sure of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce

import numpy as np
from django.db.models import Q

from gallery.errors import NobodySignedIn, NotSearchable, UnknownAlbum
from gallery.models import Actor, Image, ImageQuerySet
from gallery.models.conditions import Among, ImageIds
from gallery.models.search_conditions import KnownConditions
from gallery.models.search_filters import filter_q
from gallery.retrieval.cutoff import POSSIBLE
from gallery.retrieval.plan import Alternative, Condition, Meant, Plan, VectorLeg, conjuncts_of, filters_in, meant_in
from gallery.retrieval.request import SearchRequest
from gallery.retrieval.tree import Filter, Like
from gallery.retrieval.understanding import Understanding
from gallery.search_index import search_index
from gallery.vectors.unit_vectors import Ids

from .leg_candidates import Divided, LegCandidates
from .legs import meant_by, meant_by_each
from .meanings import LegVectors, NamedRows, QueryVectors, encode_legs, find_named_rows


@dataclass(frozen=True)
class AskedImages:
    """A search and its vectors, None where it asks for no meaning. `named` are the rows that it names, `filters` its
    filters as conditions: what these name was looked up. `visible` are all images that the actor may see, `among` those
    that may be found.

    Whatever looks at the index raises EncoderChanged where that has moved to another encoder.
    """

    planned: Plan
    by: Actor
    visible: ImageQuerySet
    named: NamedRows
    filters: KnownConditions
    query: QueryVectors | None
    among: ImageQuerySet

    @classmethod
    def of(cls, request: SearchRequest, *, by: Actor) -> "AskedImages":
        """Look up and encode what a request asks for, among all that the actor may see.

        Raises UnknownImage, UnknownAlbum, NobodySignedIn, QueryPictureForgotten, NotSearchable, each with its place in
        the query, and what `encode_legs` does.
        """
        planned = request.plan()
        filters = {asked: _looked_up(asked, request, by) for asked in dict.fromkeys(filters_in(planned.all_conditions))}
        visible = Image.objects.visible_to(by)
        named = find_named_rows(request, planned.legs, visible=visible)
        query = _encoded(request, planned, named) if planned.legs else None
        return cls(planned, by, visible, named, filters, query, among=visible)

    def narrowed_to(self, images: ImageQuerySet) -> "AskedImages":
        """Return the same search among these images, which the actor may see."""
        return replace(self, among=images)

    @property
    def understanding(self) -> Understanding | None:
        """What was made of the text that is searched for."""
        return self.query.understanding if self.query else None

    def vectors_of(self, alternative: Alternative) -> LegVectors:
        return self._vectors.legs[alternative.leg]

    def scores(self, image_ids: Sequence[int]) -> dict[int, float]:
        """Return the best score that an alternative which finds it gives each of these; nothing without a meaning."""
        best: dict[int, float] = {}
        for each in self.planned.alternatives:
            found = self._found_by(each, image_ids)
            scores = self.candidates(each).scores(found, self.vectors_of(each).vector)
            best |= {image_id: max(score, best.get(image_id, score)) for image_id, score in scores.items()}
        return best

    def _found_by(self, alternative: Alternative, image_ids: Sequence[int]) -> Sequence[int]:
        """Return which of these an alternative finds; where there is no other one, all that are found."""
        if len(self.planned.alternatives) == 1:
            return image_ids
        found = self.candidates(alternative).remaining.filter(pk__in=image_ids)
        return list(found.order_by().values_list("pk", flat=True))

    def forget_allowed(self) -> None:
        """Ask the database anew what may be found."""
        for each in self.planned.alternatives:
            for images in self.candidates(each).all_querysets:
                search_index().forget_allowed(images)

    def candidates(self, alternative: Alternative) -> LegCandidates:
        """Return what an alternative ranks."""
        return self._candidates[alternative]

    @cached_property
    def _candidates(self) -> dict[Alternative, LegCandidates]:
        return {each: self._candidates_of(each) for each in self.planned.alternatives}

    def _candidates_of(self, alternative: Alternative) -> LegCandidates:
        images = self._satisfying(alternative.conditions, self.known).searchable()
        doubts = alternative.doubts
        divided = None
        if doubts is not None:
            sure, doubtful = (self._satisfying(each, self.known) for each in (doubts.sure, doubts.doubtful))
            divided = Divided(sure.searchable(), doubtful.searchable())
        return LegCandidates(images, alternative.leg.liked_ids, self._vectors.encoder, divided)

    @cached_property
    def all(self) -> ImageQuerySet:
        """All that is found, whether it is meant or not."""
        if not self.planned.alternatives:
            return self._satisfying(self.planned.conditions, self.known)
        found = [self.candidates(each).remaining for each in self.planned.alternatives]
        return reduce(ImageQuerySet.__or__, found)

    def in_bulk(self, image_ids: Sequence[int]) -> dict[int, Image]:
        """Return those of these images that are found still, by their ids.

        The database is told of no others: an excluded meaning may have found any number of them.
        """
        if not self._meanings:
            return self.all.for_listing().order_by().in_bulk(image_ids)
        known = self._known_of({meant: images.among(image_ids) for meant, images in self._meanings.items()})
        found = [
            LegCandidates(self._satisfying(each.conditions, known), each.leg.liked_ids, self._vectors.encoder).remaining
            for each in self.planned.alternatives
        ]
        return reduce(ImageQuerySet.__or__, found).searchable().for_listing().order_by().in_bulk(image_ids)

    @cached_property
    def meant(self) -> ImageQuerySet:
        """All that is surely meant: without a meaning, all that is found."""
        return self.only(self.meant_ids) if self.planned.alternatives else self.all

    def only(self, image_ids: Ids) -> ImageQuerySet:
        """Return those of these images that may be found."""
        return self.among.filter(Among("pk", images=ImageIds(image_ids)))

    @cached_property
    def meant_ids(self) -> Ids:
        """The ids of what is surely meant by one of the alternatives, ascending."""
        found = [meant_by(self.vectors_of(each), self.candidates(each)) for each in self.planned.alternatives]
        return reduce(np.union1d, found)

    @property
    def _vectors(self) -> QueryVectors:
        if self.query is None:
            raise ValueError("this search has no meaning")
        return self.query

    @cached_property
    def _mattering(self) -> ImageQuerySet | None:
        """What a meaning among the conditions may find, as far as the answer depends on it; None for everything."""
        if len(self.planned.alternatives) > 1:
            return None
        [conditions] = [each.conditions for each in self.planned.alternatives] or [self.planned.conditions]
        plain = tuple(each for each in conjuncts_of(conditions) if not any(meant_in([each])))
        return self.visible.satisfying(plain, by=self.by, known=self.filters).searchable() if plain else None

    @cached_property
    def _searchable(self) -> ImageQuerySet:
        return self.visible.searchable()

    def _satisfying(self, conditions: tuple[Condition, ...], known: KnownConditions) -> ImageQuerySet:
        return self.among.satisfying(conditions, by=self.by, known=known)

    @cached_property
    def known(self) -> KnownConditions:
        """The filters and meanings among the conditions."""
        return self._known_of(self._meanings)

    def _known_of(self, meanings: Mapping[Meant, ImageIds]) -> KnownConditions:
        return {**self.filters, **{meant: Q(Among("pk", images=images)) for meant, images in meanings.items()}}

    @cached_property
    def _meanings(self) -> dict[Meant, ImageIds]:
        """What each meaning among the conditions has found; one is asked once, whether it is to be sure or possible."""
        asked: dict[tuple[VectorLeg, bool], list[Meant]] = {}
        for each in dict.fromkeys(meant_in(self.planned.all_conditions)):
            asked.setdefault((each.leg, each.without_asked), []).append(each)
        return {meant: images for some in asked.values() for meant, images in self._found_by_meaning(some)}

    def _found_by_meaning(self, alike: Sequence[Meant]) -> Iterable[tuple[Meant, ImageIds]]:
        leg = alike[0].leg
        excluded = leg.liked_ids if alike[0].without_asked else ()
        candidates = LegCandidates(self._searchable, excluded, self._vectors.encoder)
        probabilities = [POSSIBLE if each.is_possible else None for each in alike]
        vectors = self._vectors.legs[leg]
        found = meant_by_each(vectors, candidates, probabilities=probabilities, among=self._mattering)
        return zip(alike, map(ImageIds, found), strict=True)


def _looked_up(asked: Filter, request: SearchRequest, by: Actor) -> Q:
    try:
        return filter_q(asked, by=by)
    except (UnknownAlbum, NobodySignedIn) as error:
        raise request.placed(error, asked) from None


def _encoded(request: SearchRequest, planned: Plan, named: NamedRows) -> QueryVectors:
    try:
        return encode_legs(planned, named)
    except NotSearchable as error:
        asked = Like(error.details["image_id"])
        parts = (part for leg in planned.legs for part in leg.parts)
        raise request.placed(error, next(part.meaning for part in parts if part.like == asked)) from None
