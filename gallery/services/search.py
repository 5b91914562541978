"""Finding pictures: carry out the plan of a search among what the actor may see."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from gallery.errors import EmptyQuery, EncoderChanged, NotSearchable
from gallery.models import Actor, Image, ImageQuerySet
from gallery.retrieval.asked_things import asked_things
from gallery.retrieval.cutoff import Judgement
from gallery.retrieval.fusion import Hit, fuse
from gallery.retrieval.plan import Plan, plan
from gallery.retrieval.request import DEFAULT_TOP, SearchRequest
from gallery.retrieval.tree import Like
from gallery.retrieval.understanding import Understanding
from gallery.search_index import search_index

from .leg_candidates import LegCandidates
from .legs import answer_of
from .meanings import NamedRows, QueryVectors, encode_legs, find_named_rows
from .things_order import ORDERED_BY_THINGS, ordered_by_things

Answer = TypeVar("Answer")
ENCODER_CHANGES = 5  # during one search: far more than there ever are
COUNTED_UP_TO = 10_000  # pictures: of more, answers say "at least so many"


@dataclass(frozen=True, slots=True)
class Result:
    """A picture, its cosine similarity to the query, whether it belongs above the line, and how probable it is that it
    is meant, 0..1.
    """

    image: Image
    score: float
    confident: bool
    probability: float


@dataclass(frozen=True, slots=True)
class ResultPage:
    """Results, best first. `searched` is how many pictures were compared: all that the actor may see.

    `confident_count` is how many of them are above the line, among the results or not.

    `milliseconds` were spent on searching, `encoding_milliseconds` before that on turning what is asked into vectors.
    `asked` are the rows that the search names, `understanding` is what was made of its text.
    """

    encoder: str
    results: tuple[Result, ...]
    searched: int
    confident_count: int
    milliseconds: float
    encoding_milliseconds: float = 0.0
    asked: NamedRows = field(default_factory=NamedRows)
    understanding: Understanding | None = None

    @property
    def total_milliseconds(self) -> float:
        return self.encoding_milliseconds + self.milliseconds

    @property
    def total(self) -> int:
        """How many pictures were found, as far as they are counted: see `total_is_at_least`."""
        return min(self.searched, COUNTED_UP_TO)

    @property
    def confident_total(self) -> int:
        """How many of them are above the line, as far as they are counted."""
        return min(self.confident_count, COUNTED_UP_TO)

    @property
    def total_is_at_least(self) -> bool:
        """Whether more pictures were found than are counted."""
        return self.searched > COUNTED_UP_TO

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


def find_images(request: SearchRequest, *, by: Actor) -> ResultPage:
    """Return the `request.top` pictures that are nearest to what is asked, of those that `by` may see.

    The whole answer is of one encoder: where the index moves to another one meanwhile, all is done again with that.
    Raises EncoderUnavailable, EncoderMismatch, StoreDamaged: never an empty page for a failure. Raises EmptyQuery for
    filters alone, UnknownImage, QueryPictureForgotten, and NotSearchable for what resembles an image that waits.
    """
    planned = plan(request)
    if not planned.legs:
        raise EmptyQuery
    return while_encoders_change(lambda: _answer(planned, by))


def list_images(request: SearchRequest, *, by: Actor) -> ImageQuerySet:
    """Return all that the filters of a request leave of what `by` may see, newest first, searchable or not."""
    return Image.objects.visible_to(by).matching(plan(request).filters).newest()


def similar_images(image: Image, *, by: Actor, top: int = DEFAULT_TOP) -> ResultPage | None:
    """Return the pictures nearest to this one, itself left out; None while it is not searchable itself."""
    with suppress(NotSearchable):
        return find_similar(image, by=by, top=top)
    return None


def find_similar(image: Image, *, by: Actor, top: int = DEFAULT_TOP) -> ResultPage:
    """Return what `similar_images` does. Raises NotSearchable while the picture is not, and what `find_images` does."""
    return find_images(SearchRequest(Like(image.pk), top), by=by)


def while_encoders_change(work: Callable[[], Answer]) -> Answer:
    """Return what `work` returns, which is begun anew each time that the index moves to another encoder meanwhile."""
    for _attempt in range(ENCODER_CHANGES):
        with suppress(EncoderChanged):
            return work()
    return work()


def _answer(planned: Plan, by: Actor) -> ResultPage:
    started = time.perf_counter()
    visible = Image.objects.visible_to(by)
    asked = find_named_rows(planned.legs, visible=visible)
    query = encode_legs(planned.legs, asked)
    encoded_at = time.perf_counter()
    results, ranking = _nearest(query, visible.matching(planned.filters).searchable(), planned)
    return ResultPage(
        encoder=query.encoder.id,
        results=results,
        searched=ranking.searched,
        confident_count=ranking.confident_total,
        milliseconds=(time.perf_counter() - encoded_at) * 1000,
        encoding_milliseconds=(encoded_at - started) * 1000,
        asked=asked,
        understanding=query.understanding,
    )


@dataclass(frozen=True, slots=True)
class _Ranking:
    """Hits, best first, each judged by its image's id; how many pictures were compared, how many of them are meant."""

    hits: list[Hit]
    judgements: Mapping[int, Judgement]
    searched: int
    confident_total: int


def _nearest(query: QueryVectors, candidates: ImageQuerySet, planned: Plan) -> tuple[tuple[Result, ...], _Ranking]:
    """Return the nearest candidates, and the ranking that they come from."""
    for _attempt in range(2):
        ranking = _ranked(query, candidates, planned)
        results = _results(candidates, ranking)
        if len(results) == len(ranking.hits):
            break
        search_index().forget_allowed(candidates)  # rights have changed between search and now: others move up
    return results, ranking


def _ranked(query: QueryVectors, candidates: ImageQuerySet, planned: Plan) -> _Ranking:
    things = asked_things(query.understanding.sentence) if query.understanding else ()
    width = max(planned.top, ORDERED_BY_THINGS) if things else planned.top
    asked = LegCandidates(candidates, planned.excluded_ids, query.encoder)
    [answer] = [answer_of(leg, asked, top=width) for leg in query.legs]  # a plan has one
    hits = fuse([answer.hits])
    if things:
        hits = ordered_by_things(hits, answer.judgements, things)[: planned.top]
    return _Ranking(hits, answer.judgements, answer.searched, answer.confident_total)


def _results(candidates: ImageQuerySet, ranking: _Ranking) -> tuple[Result, ...]:
    """Join hits to pictures, asking once more who may see them: rights may have changed since."""
    images = candidates.for_listing().in_bulk([hit.image_id for hit in ranking.hits])
    return tuple(
        Result(images[hit.image_id], hit.score, judged.confident, judged.probability)
        for hit, judged in ((hit, ranking.judgements[hit.image_id]) for hit in ranking.hits)
        if hit.image_id in images
    )
