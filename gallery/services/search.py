"""Finding pictures: carry out the plan of a search among what the actor may see."""

import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import reduce

import numpy as np

from gallery.errors import NotSearchable
from gallery.models import Actor, Image, ImageQuerySet, IndexState
from gallery.models.cursor import number_at, numbered_cursor
from gallery.models.result_order import ORDERS
from gallery.retrieval.asked_things import asked_things, thing_named
from gallery.retrieval.fusion import Ranking, best_of
from gallery.retrieval.reasons import Reason
from gallery.retrieval.request import DEFAULT_TOP, Order, SearchRequest
from gallery.retrieval.tree import Like
from gallery.retrieval.understanding import Understanding
from gallery.search_index import search_index
from gallery.search_index.lists import Lists
from gallery.vectors.unit_vectors import Ids

from .asked_images import AskedImages
from .encoder_changes import while_encoders_change
from .facets import Facet, facets_among
from .legs import NOBODY, answer_of
from .meanings import NamedRows
from .reasons import reasons_for
from .things_order import ORDERED_BY_THINGS, ordered_by_things

COUNTED_UP_TO = 10_000  # pictures: of more, answers say "at least so many"


@dataclass(frozen=True, slots=True)
class Result:
    """A picture, its cosine similarity to the query, whether it belongs above the line, and how probable it is that it
    is meant, 0..1. Where nothing is compared there is no score, and whatever is found is meant. `why` it was found.
    """

    image: Image
    score: float | None = None
    confident: bool = True
    probability: float = 1.0
    why: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class ResultPage:
    """Results in the order that was asked for. `searched` is how many pictures were found: all that the actor may see
    and the query leaves. `confident_count` is how many of them are above the line, among the results or not. `listed`
    is how many of them the order asked for lists, where those are not all.

    `next` is the cursor of the page behind this one, None at the end. `milliseconds` were spent on searching,
    `encoding_milliseconds` before that on turning what is asked into vectors. `asked` are the rows that the search
    names, `understanding` is what was made of its text, `excluded` what its sentences exclude in words.
    `facets` are of what is surely meant, where they were asked for.
    """

    encoder: str
    results: tuple[Result, ...]
    searched: int
    confident_count: int
    milliseconds: float
    encoding_milliseconds: float = 0.0
    asked: NamedRows = field(default_factory=NamedRows)
    understanding: Understanding | None = None
    next: str | None = None
    facets: tuple[Facet, ...] = ()
    listed: int | None = None
    excluded: tuple[str, ...] = ()

    @property
    def total_milliseconds(self) -> float:
        return self.encoding_milliseconds + self.milliseconds

    @property
    def total(self) -> int:
        """How many results there are on all pages, as far as they are counted: see `total_is_at_least`."""
        return min(self._reached, COUNTED_UP_TO)

    @property
    def confident_total(self) -> int:
        """How many results are above the line, as far as they are counted."""
        return min(self.confident_count, COUNTED_UP_TO)

    @property
    def total_is_at_least(self) -> bool:
        """Whether there are more results than are counted."""
        return self._reached > COUNTED_UP_TO

    @property
    def _reached(self) -> int:
        return self.searched if self.listed is None else self.listed

    @property
    def likely(self) -> list[Result]:
        """The results above the line."""
        return [result for result in self.results if result.confident]

    @property
    def less_likely(self) -> list[Result]:
        """The results below the line: the nearest there are, probably not meant."""
        return [result for result in self.results if not result.confident]

    @property
    def suggestion(self) -> str | None:
        """The text of the search as it was probably meant; None where no word of it is misspelt."""
        return self.understanding.suggestion if self.understanding else None

    @property
    def understood(self) -> str | None:
        """What was searched for in place of the text; None where that was the text itself."""
        return self.suggestion if self.understanding and self.understanding.is_applied else None

    @property
    def image_ids(self) -> list[int]:
        return [result.image.pk for result in self.results]


def find_images(request: SearchRequest, *, by: Actor, with_facets: bool = False) -> ResultPage:
    """Return the page of `request.top` pictures that `request.cursor` names, of those that `by` may see and the query
    leaves, best first or in the order asked for, which lists only what is surely meant.

    The whole answer is of one encoder: where the index moves to another one meanwhile, all is done again with that.
    Raises EncoderUnavailable, EncoderMismatch, StoreDamaged: never an empty page for a failure. Raises UnknownImage,
    UnknownAlbum, NobodySignedIn, QueryPictureForgotten, NotSearchable for what resembles an image that waits,
    InvalidCursor, CursorOfAnotherList.
    """
    return while_encoders_change(lambda: _answer(request, by, with_facets=with_facets))


def list_images(request: SearchRequest, *, by: Actor) -> ImageQuerySet:
    """Return all that a search surely means, in its order: newest first where nothing else is asked."""
    meant = while_encoders_change(lambda: AskedImages.of(request, by=by).meant)
    return meant.order_by(*ORDERS[request.order])


def similar_images(image: Image, *, by: Actor, top: int = DEFAULT_TOP) -> ResultPage | None:
    """Return the pictures nearest to this one, itself left out; None while it is not searchable itself."""
    with suppress(NotSearchable):
        return find_similar(image, by=by, top=top)
    return None


def find_similar(image: Image, *, by: Actor, top: int = DEFAULT_TOP) -> ResultPage:
    """Return what `similar_images` does. Raises NotSearchable while the picture is not, and what `find_images` does."""
    return find_images(SearchRequest(Like(image.pk), top), by=by)


def _answer(request: SearchRequest, by: Actor, *, with_facets: bool) -> ResultPage:
    started = time.perf_counter()
    asked = AskedImages.of(request, by=by)
    encoded_at = time.perf_counter()
    is_ranked = asked.planned.alternatives and request.order is Order.RELEVANCE
    lists = search_index().lists.of_one_moment()
    found = _ranked_page(request, asked, naming=with_facets) if is_ranked else _listed_page(request, asked, lists)
    facets = facets_among(_meant(asked, found), request, by=by, lists=lists) if with_facets else ()
    return ResultPage(
        encoder=asked.query.encoder.id if asked.query else IndexState.objects.current().encoder_id,
        results=_with_reasons(found.results, request, by),
        searched=found.searched,
        confident_count=found.confident_count,
        milliseconds=(time.perf_counter() - encoded_at) * 1000,
        encoding_milliseconds=(encoded_at - started) * 1000,
        asked=asked.named,
        understanding=asked.understanding,
        next=found.next,
        facets=facets,
        listed=None if is_ranked else found.confident_count,
        excluded=asked.planned.excluded,
    )


def _with_reasons(results: tuple[Result, ...], request: SearchRequest, by: Actor) -> tuple[Result, ...]:
    compared = [result.image.pk for result in results if result.score is not None]
    reasons = reasons_for(request.tree, [result.image for result in results], compared=compared, by=by)
    return tuple(replace(result, why=reasons[result.image.pk]) for result in results)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a `ResultPage` says of these by the same names. `meant_ids` is all that is surely meant, where that is
    known.
    """

    results: tuple[Result, ...]
    searched: int
    confident_count: int
    next: str | None
    meant_ids: Ids | None = None


def _meant(asked: AskedImages, found: _Found) -> ImageQuerySet:
    """Return all that is surely meant, without looking once more where it is known."""
    return asked.meant if found.meant_ids is None else asked.only(found.meant_ids)


def _listed_page(request: SearchRequest, asked: AskedImages, lists: Lists) -> _Found:
    """Return a part of all that is surely meant, in the database's order."""
    images = asked.meant.order_by(*ORDERS[request.order]).for_listing()
    part = lists.part_of(images, size=request.top, cursor=request.cursor, narrowed_by=[request.identity])
    meant = lists.count(asked.meant)
    found = lists.count(asked.all) if asked.planned.alternatives else meant
    scores = asked.scores([image.pk for image in part.rows])
    return _Found(tuple(Result(image, scores.get(image.pk)) for image in part.rows), found, meant, part.next)


def _ranked_page(request: SearchRequest, asked: AskedImages, *, naming: bool) -> _Found:
    start = number_at(request.cursor, narrowed_by=[request.identity]) if request.cursor else 0
    for _attempt in range(2):
        found = ranked(asked, start + request.top, naming=naming)
        hits = found.ranking.hits[start : start + request.top]
        images = asked.in_bulk([hit.image_id for hit in hits])
        if len(images) == len(hits):
            break
        asked.forget_allowed()  # rights have changed between search and now: others move up
    judged = [(hit, found.ranking.judgements[hit.image_id]) for hit in hits if hit.image_id in images]
    stop = start + len(hits)
    return _Found(
        tuple(Result(images[hit.image_id], hit.score, one.confident, one.probability) for hit, one in judged),
        found.searched,
        found.confident_count,
        numbered_cursor(stop, narrowed_by=[request.identity]) if hits and stop < found.searched else None,
        found.meant_ids,
    )


@dataclass(frozen=True, slots=True)
class Ranked:
    """The best hits, how many pictures were found, and how many of them are surely meant; which, where that is
    known.
    """

    ranking: Ranking
    searched: int
    confident_count: int
    meant_ids: Ids | None


def ranked(asked: AskedImages, top: int, *, naming: bool = False) -> Ranked:
    """Return the `top` best hits. `naming` asks for all that is surely meant."""
    legs = [(asked.vectors_of(each), asked.candidates(each)) for each in asked.planned.alternatives]
    if len(legs) > 1:
        answers = [answer_of(leg, candidates, top=top, naming=True) for leg, candidates in legs]
        ranking = best_of([answer.ranking for answer in answers])
        meant_ids = reduce(np.union1d, (answer.meant_ids for answer in answers if answer.meant_ids is not None), NOBODY)
        return Ranked(ranking, search_index().lists.count(asked.all), len(meant_ids), meant_ids)
    [(leg, candidates)] = legs
    things = asked_things(asked.understanding.sentence) if asked.understanding else ()
    excluded = frozenset(filter(None, map(thing_named, asked.planned.alternatives[0].excluded_texts)))
    is_reordered = bool(things or excluded)
    answer = answer_of(leg, candidates, top=max(top, ORDERED_BY_THINGS) if is_reordered else top, naming=naming)
    hits = ordered_by_things(answer.hits, answer.judgements, things, excluded)[:top] if is_reordered else answer.hits
    return Ranked(Ranking(hits, answer.judgements), answer.searched, answer.confident_total, answer.meant_ids)
