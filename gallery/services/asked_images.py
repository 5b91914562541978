"""What a search asks for, of what the actor may see: vectors, candidates, and all that it is sure of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce

import numpy as np

from gallery.errors import NobodySignedIn, NotSearchable, UnknownAlbum
from gallery.models import Actor, Image, ImageQuerySet
from gallery.models.conditions import Among, ImageIds
from gallery.models.search_filters import filter_q
from gallery.retrieval.cutoff import POSSIBLE
from gallery.retrieval.plan import Alternative, Condition, Meant, Plan, filters_in, meant_in
from gallery.retrieval.request import SearchRequest
from gallery.retrieval.tree import Like
from gallery.retrieval.understanding import Understanding
from gallery.search_index import search_index
from gallery.vectors.unit_vectors import Ids

from .leg_candidates import Divided, LegCandidates
from .legs import meant_by
from .meanings import LegVectors, NamedRows, QueryVectors, encode_legs, find_named_rows


@dataclass(frozen=True)
class AskedImages:
    """A search and its vectors, None where it asks for no meaning. `named` are the rows that it names, `among` the
    images that it may find.

    Whatever looks at the index raises EncoderChanged where that has moved to another encoder.
    """

    planned: Plan
    by: Actor
    named: NamedRows
    query: QueryVectors | None
    among: ImageQuerySet

    @classmethod
    def of(cls, request: SearchRequest, *, by: Actor) -> "AskedImages":
        """Look up and encode what a request asks for, among all that the actor may see.

        Raises UnknownImage, UnknownAlbum, NobodySignedIn, QueryPictureForgotten, NotSearchable, each with its place in
        the query, and what `encode_legs` does.
        """
        planned = request.plan()
        for asked in filters_in(planned.all_conditions):
            try:
                filter_q(asked, by=by)
            except (UnknownAlbum, NobodySignedIn) as error:
                raise request.placed(error, asked) from None
        visible = Image.objects.visible_to(by)
        named = find_named_rows(request, planned.legs, visible=visible)
        return cls(planned, by, named, _encoded(request, planned, named) if planned.legs else None, visible)

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
        images = self._satisfying(alternative.conditions).searchable()
        doubts = alternative.doubts
        divided = None
        if doubts is not None:
            divided = Divided(*(self._satisfying(each).searchable() for each in (doubts.sure, doubts.doubtful)))
        return LegCandidates(images, alternative.leg.liked_ids, self._vectors.encoder, divided)

    @cached_property
    def all(self) -> ImageQuerySet:
        """All that is found, whether it is meant or not."""
        if not self.planned.alternatives:
            return self._satisfying(self.planned.conditions)
        found = [self.candidates(each).remaining for each in self.planned.alternatives]
        return reduce(ImageQuerySet.__or__, found)

    @cached_property
    def meant(self) -> ImageQuerySet:
        """All that is surely meant: without a meaning, all that is found."""
        if not self.planned.alternatives:
            return self.all
        return self.among.filter(Among("pk", images=ImageIds(self.meant_ids)))

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

    def _satisfying(self, conditions: tuple[Condition, ...]) -> ImageQuerySet:
        return self.among.satisfying(conditions, by=self.by, meant=self.meanings)

    @cached_property
    def meanings(self) -> dict[Meant, ImageIds]:
        return {each: self._ids_of(each) for each in meant_in(self.planned.all_conditions)}

    def _ids_of(self, meant: Meant) -> ImageIds:
        excluded = meant.leg.liked_ids if meant.without_asked else ()
        images = Image.objects.visible_to(self.by).searchable()
        candidates = LegCandidates(images, excluded, self._vectors.encoder)
        probability = POSSIBLE if meant.is_possible else None
        return ImageIds(meant_by(self._vectors.legs[meant.leg], candidates, probability=probability))


def _encoded(request: SearchRequest, planned: Plan, named: NamedRows) -> QueryVectors:
    try:
        return encode_legs(planned, named)
    except NotSearchable as error:
        asked = Like(error.details["image_id"])
        parts = (part for leg in planned.legs for part in leg.parts)
        raise request.placed(error, next(part.meaning for part in parts if part.like == asked)) from None
