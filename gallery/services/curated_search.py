"""What a search finds in a list of the admin: what it names, then what its words stand in, then what its plan ranks.

Names and words find every image of the list, also one that waits, has failed or lies in the trash. The plan ranks what
the curator may see, as for everybody.
"""

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import chain
from operator import and_, or_

import numpy as np
from django.db.models import Q

from gallery.errors import EncoderChanged
from gallery.models import Actor, Image, ImageQuerySet
from gallery.models.access import NOTHING, may_see_image
from gallery.models.conditions import Among, ImageIds
from gallery.models.folded_text import is_named
from gallery.models.search_conditions import condition_q
from gallery.models.search_filters import identified_q, labelled_q
from gallery.retrieval.plan import Alternative, Plan, meant_in
from gallery.retrieval.request import SearchRequest
from gallery.retrieval.tree import Text
from gallery.retrieval.understanding import Understanding
from gallery.search_index.lists import Lists

from .asked_images import AskedImages
from .encoder_changes import while_encoders_change
from .search import ranked

LISTED_BY_LIKENESS = 10_000  # of a million a page further down costs an engine seconds, the last one minutes
FIRST_RANKED = 100  # hits; twice as many are asked for where too many of them stand before the ranking already


@dataclass(frozen=True)
class CuratedSearch:
    """A search among `images`, a list in its order. `typed` is what stands in the search box.

    Where `asked` is None nothing can be compared just now, and only names and words find. Of what the plan ranks only
    that belongs to it which is surely meant, unless `with_less_likely`.
    """

    request: SearchRequest
    typed: str
    images: ImageQuerySet
    by: Actor
    asked: AskedImages | None
    with_less_likely: bool = False

    @cached_property
    def planned(self) -> Plan:
        return self.request.plan()

    @property
    def understanding(self) -> Understanding | None:
        """What was made of the text that is searched for."""
        return self.asked.understanding if self.asked else None

    @cached_property
    def found(self) -> ImageQuerySet:
        """All that is found, in the list's own order."""
        return self.images.filter(self._named | self._worded | self._planned)

    def reach(self, lists: Lists) -> int:
        """Return how much of what is found `slice_of` gives."""
        found = lists.count(self.found)
        if not self.planned.alternatives:
            return found
        return min(found, sum(map(lists.count, self._tiers)) + LISTED_BY_LIKENESS)

    def slice_of(self, lists: Lists, *, start: int, stop: int) -> list[Image]:
        """Return what is found from `start` up to `stop`, which is within `reach`, in the search's order."""
        rows: list[Image] = []
        counts = [lists.count(tier) for tier in self._tiers]
        before = sum(counts)
        for tier, count in zip(self._tiers, counts, strict=True):
            if start < min(stop, count):
                rows += lists.slice_of(tier, start=start, stop=min(stop, count))
            start, stop = max(0, start - count), max(0, stop - count)
        return rows + self._ranked_slice(start, stop, before=before) if stop else rows

    @cached_property
    def _tiers(self) -> list[ImageQuerySet]:
        """The parts before what is ranked, none of which is in another."""
        tiers = [self.images.filter(self._named), self.images.filter(self._worded, ~self._named)]
        if not self.planned.alternatives:
            tiers.append(self.images.filter(self._planned, ~self._named))
        return tiers

    @cached_property
    def _named(self) -> Q:
        """What the whole text names: a file, an MD5, an id."""
        return is_named([self.typed.strip()]) | identified_q(self.typed.strip())

    @cached_property
    def _worded(self) -> Q:
        """What has all words of an alternative in its name, description or tags, and satisfies its conditions."""
        return reduce(or_, filter(None, map(self._has_words_of, self.planned.alternatives)), NOTHING)

    def _has_words_of(self, alternative: Alternative) -> Q | None:
        texts = [part.meaning for part in alternative.leg.parts if isinstance(part.meaning, Text)]
        if len(texts) < len(alternative.leg.parts) or (self.asked is None and any(meant_in(alternative.conditions))):
            return None
        words = chain.from_iterable(text.words.split() for text in texts)
        return reduce(and_, map(labelled_q, dict.fromkeys(words)), self._satisfies(alternative))

    def _satisfies(self, alternative: Alternative) -> Q:
        known = self.asked.known if self.asked else {}
        conditions = (condition_q(each, by=self.by, known=known) for each in alternative.conditions)
        return reduce(and_, conditions, Q())

    @cached_property
    def _planned(self) -> Q:
        """What the plan finds: of a ranking what is surely meant, or all of it."""
        if self.asked is None:
            return NOTHING
        if not self.planned.alternatives:
            known = self.asked.known
            return reduce(and_, (condition_q(each, by=self.by, known=known) for each in self.planned.conditions))
        if not self.with_less_likely:
            return Q(Among("pk", images=ImageIds(self.asked.meant_ids)))
        return reduce(or_, map(self._is_ranked_by, self.planned.alternatives)) & may_see_image(self.by)

    def _is_ranked_by(self, alternative: Alternative) -> Q:
        liked = alternative.leg.liked_ids
        ranked_q = self._satisfies(alternative) & Q(embedding_row__isnull=False)
        return ranked_q & ~Q(pk__in=liked) if liked else ranked_q

    def _ranked_slice(self, start: int, stop: int, *, before: int) -> list[Image]:
        """Return what the plan ranks from `start` up to `stop`, without what stands before it, which are so many."""
        if self.asked is None or not self.planned.alternatives:
            return []
        top = max(stop, FIRST_RANKED)
        while True:
            hits = self._best(self.asked, top)
            shown = self._named_or_worded(hits.wanted) if before else set()
            wanted = [image_id for image_id in hits.wanted if image_id not in shown]
            if len(wanted) >= stop or len(hits.ids) < top or len(hits.wanted) < len(hits.ids):
                break
            top *= 2
        rows = self.images.order_by().in_bulk(wanted[start:stop])
        return [rows[pk] for pk in wanted[start:stop] if pk in rows]

    def _named_or_worded(self, ids: list[int]) -> set[int]:
        among = Among("pk", images=ImageIds(np.array(ids, dtype=np.int64)))
        images = Image.objects.filter(among).filter(self._named | self._worded)
        return set(images.order_by().values_list("pk", flat=True)) if ids else set()

    def _best(self, asked: AskedImages, top: int) -> "_Hits":
        with suppress(EncoderChanged):
            return self._hits(asked, top)
        return while_encoders_change(lambda: self._hits(_asked(self.request, self.images, by=self.by), top))

    def _hits(self, asked: AskedImages, top: int) -> "_Hits":
        ranking = ranked(asked, top).ranking
        ids = [hit.image_id for hit in ranking.hits]
        sure = [each for each in ids if ranking.judgements[each].confident]
        return _Hits(ids, ids if self.with_less_likely else sure)


@dataclass(frozen=True, slots=True)
class _Hits:
    """What is ranked, best first, and which of it belongs to the list."""

    ids: list[int]
    wanted: list[int]


def search_list(
    images: ImageQuerySet, request: SearchRequest, typed: str, *, by: Actor, with_less_likely: bool = False
) -> CuratedSearch:
    """Return a search among the images of a list, which `by` curates: its filters are those of the search, too.

    Raises what `find_images` does.
    """

    def search() -> CuratedSearch:
        asked = _asked(request, images, by=by)
        found = CuratedSearch(request, typed, images, by, asked, with_less_likely)
        _ = found.found  # so that all of it is of one encoder
        return found

    return while_encoders_change(search)


def search_by_words(images: ImageQuerySet, request: SearchRequest, typed: str, *, by: Actor) -> CuratedSearch:
    """Return the same where nothing can be compared."""
    return CuratedSearch(request, typed, images, by, asked=None)


def _asked(request: SearchRequest, images: ImageQuerySet, *, by: Actor) -> AskedImages:
    listed = images.order_by().select_related(None).prefetch_related(None)
    return AskedImages.of(request, by=by).narrowed_to(listed.visible_to(by))
