"""What the product answers beside what the reference expects of it."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from django.contrib.auth.models import AnonymousUser

from gallery.errors import ImageSearchError
from gallery.models import Door
from gallery.models.actor import Actor
from gallery.models.user import User
from gallery.retrieval.request import Order, SearchRequest
from gallery.services.search import ResultPage, find_images

from .generating import MAX_TOP, TODAY, Query
from .reference import NEAR, Expected, Judged, Reference, Refusal

NEAR_PROBABILITY = 1e-4  # what NEAR scores differ by, and what float32 costs


def difference(query: Query, *, user: User | None, reference: Reference) -> tuple[str | None, str]:
    """Return what is wrong with the whole answer that the product gives, None where it is as the reference's, and of
    which kind the answer is: "found", "empty", "refused" or "close", where rounding decides whether a picture is meant.
    Of those only the set of pictures is compared.
    """
    asked = SearchRequest.of(query=query.text, today=TODAY, order=query.order, top=MAX_TOP, max_top=MAX_TOP)
    try:
        expected = reference.answer(asked.tree, user=user, order=query.order)
    except Refusal as refusal:
        return _difference_of_refusal(asked, user, refusal), "refused"
    kind = "close" if expected.is_close else "found" if expected.judged else "empty"
    try:
        page = find_images(asked, by=actor_of(user))
    except ImageSearchError as error:
        return f"refused as {error.code}", kind
    return next(_differences(page, expected, query.order), None), kind


def is_refused(query: Query, *, user: User | None, reference: Reference) -> bool:
    asked = SearchRequest.of(query=query.text, today=TODAY, max_top=MAX_TOP)
    try:
        reference.answer(asked.tree, user=user)
    except Refusal:
        return True
    return False


def actor_of(user: User | None) -> Actor:
    """Return who asks: a member, or a visitor."""
    return Actor.of(AnonymousUser() if user is None else user, door=Door.PAGE)


def _difference_of_refusal(asked: SearchRequest, user: User | None, refusal: Refusal) -> str | None:
    try:
        page = find_images(asked, by=actor_of(user))
    except ImageSearchError as error:
        if error.code not in refusal.codes:
            return f"refused as {error.code}, not as {refusal}"
        return None if {"start", "end"} <= error.details.keys() else f"{error.code} has no place"
    return f"{page.total} pictures in place of {refusal}"


def _differences(page: ResultPage, expected: Expected, order: Order) -> Iterator[str]:
    found = page.image_ids
    is_list = order is not Order.RELEVANCE or None in expected.judged.values()
    if len(set(found)) < len(found):
        yield "a picture twice"
    if not is_list and set(found) != expected.judged.keys():
        yield f"{_some(found, list(expected.judged))} of the pictures"
    if expected.is_close:
        return
    if is_list and found != expected.meant:
        yield f"{_some(found, expected.meant)} of the list" if set(found) != set(expected.meant) else "another order"
    totals = (page.total, page.confident_total)
    wanted = (expected.confident_total if is_list else expected.total, expected.confident_total)
    if totals != wanted:
        yield f"totals {totals}, not {wanted}"
    yield from _differences_of_results(page, expected)
    if not is_list:
        judged = [one for one in map(expected.judged.get, found) if one is not None]
        yield from _differences_of_order(judged, by_score=expected.is_one_sum)


def _some(found: Sequence[int], wanted: Sequence[int]) -> str:
    more, fewer = sorted(set(found) - set(wanted)), sorted(set(wanted) - set(found))
    return f"{len(more)} more {more[:3]}, {len(fewer)} missing {fewer[:3]}"


def _differences_of_results(page: ResultPage, expected: Expected) -> Iterator[str]:
    for result in page.results:
        judged = expected.judged[result.image.pk]
        if judged is None:
            if (result.score, result.confident) != (None, True):
                yield f"{result.image.pk} has a score"
        elif result.score is None or abs(result.score - judged.score) > NEAR:
            yield f"{result.image.pk} has {result.score}, not {judged.score}"
        elif result.confident != judged.confident:
            yield f"{result.image.pk} is {'' if result.confident else 'not '}confident"


def _differences_of_order(judged: Sequence[Judged], *, by_score: bool) -> Iterator[str]:
    for place, (first, second) in enumerate(pairwise(judged)):
        if not _is_before(first, second, by_score=by_score):
            yield f"{place + 1}: {first} before {second}"


def _is_before(first: Judged, second: Judged, *, by_score: bool) -> bool:
    """Say whether one may stand before the other: what is confident first, what may be excluded last, then by
    probability, which within one sum is by score, up to ties.
    """
    if first.confident != second.confident:
        return first.confident
    if first.may_be_excluded != second.may_be_excluded:
        return second.may_be_excluded
    if by_score:
        return first.score > second.score - NEAR
    return first.probability > second.probability - NEAR_PROBABILITY
