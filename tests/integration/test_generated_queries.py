"""Generated queries: every door gives the same pictures in the same order, and they are those of a plain reference.

Some of them here; `python -m tests.queries` asks 2,000.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle

import pytest

from gallery.errors import ImageSearchError
from gallery.models import Album, Image, User
from gallery.retrieval.language import parse
from gallery.retrieval.request import SearchRequest
from gallery.services.facets import facets_of
from gallery.services.search import find_images
from tests.queries.comparing import actor_of, difference, is_refused
from tests.queries.doors import Visit, disagreement
from tests.queries.generating import MAX_TOP, TODAY, Construct, Query, counted, generated
from tests.queries.library import Library, make_library
from tests.queries.reference import Reference, Refusal
from tests.quick_encoder import QuickEncoder

pytestmark = pytest.mark.slow
COUNT = int(os.environ.get("IMAGESEARCH_TEST_QUERIES", "100"))
SEED = int(os.environ.get("IMAGESEARCH_TEST_QUERY_SEED", "1"))
MANY = 2_000
ASKING = ("alice", "bob", None, "charlie", "staff")
FEWEST_PERCENT = 5  # of the queries have each construct


@pytest.fixture
def library(transactional_db, quick_encoder) -> Library:
    return make_library(quick_encoder)


def asked_by_each(queries: list[Query], library: Library, *, start: int = 0) -> Iterator[tuple[Query, User | None]]:
    """Yield each query with one of the users in turn; None is a visitor."""
    names = cycle(ASKING[start:] + ASKING[:start])
    return ((query, library.users[name] if name else None) for query, name in zip(queries, names, strict=False))


def say(queries: list[Query], what: str, counts: Counter[str], *, seconds: float) -> None:
    print(f"\n{len(queries)} queries, {what}: {dict(counts)}, {seconds:.0f} s")


def test_each_construct_is_in_many_of_the_queries(library):
    queries = generated(MANY, library=library, seed=SEED)

    counts = counted(queries)
    for construct in Construct:
        print(f"{construct:20} {counts[construct]:5} = {100 * counts[construct] / MANY:.1f} %")
    combined = sum(len(query.constructs) >= 3 for query in queries)
    chinese = sum(query.is_chinese for query in queries)
    print(f"three or more combined {combined}, Chinese {chinese} of {MANY}")

    assert [each for each in Construct if counts[each] < MANY * FEWEST_PERCENT / 100] == []
    assert combined >= MANY / 2
    assert chinese >= MANY / 3


def test_every_door_gives_the_same_pictures_in_the_same_order(library):
    queries = generated(COUNT, library=library, seed=SEED)
    visits = {user: Visit(user) for user in (None, *library.users.values())}
    started = time.perf_counter()
    wrong = [
        f"{user}: {query.order} {query.text}: {said}"
        for query, user in asked_by_each(queries, library)
        if (said := disagreement(query, visits[user]))
    ]
    say(queries, "doors", Counter(wrong=len(wrong)), seconds=time.perf_counter() - started)

    assert wrong == []


@pytest.mark.parametrize("start", [0, 2])
def test_answers_are_those_of_the_reference(library, quick_encoder, start):
    queries = generated(COUNT, library=library, seed=SEED)
    reference = Reference(quick_encoder)
    started = time.perf_counter()
    wrong, counts = [], Counter[str]()
    for query, user in asked_by_each(queries, library, start=start):
        said, kind = difference(query, user=user, reference=reference)
        counts[kind] += 1
        if said:
            wrong.append(f"{user}: {query.order} {query.text}: {said}")
    say(queries, f"reference {counts}", Counter(wrong=len(wrong)), seconds=time.perf_counter() - started)

    assert wrong == []
    assert counts["found"] >= COUNT / 3
    assert counts["close"] <= COUNT / 100


def test_facets_count_what_the_reference_counts(library, quick_encoder):
    reference = Reference(quick_encoder)
    queries = generated(COUNT // 4, library=library, seed=SEED)
    compared, wrong = 0, []
    for query, user in asked_by_each(queries, library):
        asked = SearchRequest.of(query=query.text, today=TODAY, max_top=MAX_TOP)
        try:
            expected = reference.answer(asked.tree, user=user)
        except Refusal:
            continue
        for choice in (each for facet in facets_of(asked, by=actor_of(user)) for each in facet.choices):
            narrowing = reference.answer(parse(choice.filter_text, TODAY), user=user)
            counted = len(narrowing.judged.keys() & set(expected.meant))
            compared += 1
            if counted != choice.count and not expected.is_close:
                wrong.append(f"{user}: {query.text}: {choice.filter_text} {choice.count}, not {counted}")

    assert wrong == []
    assert compared >= COUNT


# What one may not see changes no answer


def answer_of(query: Query, user: User | None) -> object:
    """Return all that a search says, of which nothing depends on time."""
    asked = SearchRequest.of(query=query.text, today=TODAY, order=query.order, top=50, max_top=MAX_TOP)
    try:
        page = find_images(asked, by=actor_of(user))
        facets = facets_of(asked, by=actor_of(user))
    except ImageSearchError as error:
        return error.code, error.http_status, error.details
    results = [(one.image.pk, one.score, one.confident, one.probability) for one in page.results]
    return results, page.searched, page.total, page.confident_total, page.next, page.understanding, facets


@pytest.mark.parametrize("name", [None, "bob", "erin"])
def test_what_one_may_not_see_changes_no_answer(transactional_db, quick_encoder: QuickEncoder, name):
    library = make_library(quick_encoder, count=300)
    user = library.users[name] if name else None
    queries = generated(COUNT // 4, library=library, seed=SEED)
    before = [answer_of(query, user) for query in queries]

    seen = Image.objects.visible_to(actor_of(user)).values("pk")
    hidden = Image.objects.exclude(pk__in=list(seen.values_list("pk", flat=True)))
    assert hidden.count() >= 40
    hidden.delete()
    Album.objects.exclude(pk__in=Album.objects.visible_to(actor_of(user))).delete()
    User.objects.filter(images__isnull=True, albums__isnull=True).exclude(pk=user and user.pk).delete()
    after = [answer_of(query, user) for query in queries]

    different = [query.text for query, *pair in zip(queries, before, after, strict=True) if pair[0] != pair[1]]
    assert different == []


def test_what_cannot_be_asked_is_part_of_the_queries(library, quick_encoder):
    reference = Reference(quick_encoder)
    queries = generated(100, library=library, seed=SEED)

    refused = sum(is_refused(query, user=user, reference=reference) for query, user in asked_by_each(queries, library))

    assert 5 <= refused <= 50
