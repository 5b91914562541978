"""Random questions about pictures, as pages, REST, admin and search put them, and what the database alone answers."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import EmptyResultSet
from django.db.models import Count, F, Max, Min, Q
from django.db.models.functions import TruncDay, TruncMonth, TruncYear

from gallery.forms.image_filter import ORDER_BY_KEY, ordered
from gallery.models import (
    OPERATOR,
    Actor,
    Album,
    AlbumImage,
    Door,
    Image,
    ImageQuerySet,
    SearchStatus,
    User,
    Visibility,
)
from gallery.models.cursor import part_of
from gallery.search_index import search_index
from tests.crash.random_changes import FORMATS, MOST, USERS, WORDS, some_moment
from tests.quick_encoder import unit_rows

PERIODS = {"year": TruncYear, "month": TruncMonth, "day": TruncDay}


def some_actor(source: random.Random) -> Actor:
    name = source.choice((*USERS, "anonymous", "operator"))
    if name == "operator":
        return OPERATOR
    user = AnonymousUser() if name == "anonymous" else User.objects.get(username=name)
    return Actor.of(user, door=Door.PAGE)


# Which pictures


def some_filter(source: random.Random) -> Q:
    some_user = User.objects.filter(username=source.choice(USERS)).values_list("pk", flat=True)[0]
    return source.choice(
        [
            Q(visibility=source.choice(Visibility.values)),
            Q(format=source.choice(FORMATS)),
            Q(format__in=source.sample(FORMATS, 2)),
            Q(width_px__gte=640),
            Q(width_px__range=(10, 1_000)),
            Q(height_px__gt=F("width_px")),
            Q(size_bytes__lt=50_000),
            Q(frame_count__gt=1),
            Q(owner=some_user),
            Q(taken_at__isnull=True),
            Q(taken_at__lt=some_moment(source)),
            Q(created_at__gte=some_moment(source)),
            Q(original_name__startswith=source.choice(WORDS)),
        ]
    )


def some_images(source: random.Random, actor: Actor) -> ImageQuerySet:
    images = source.choices(
        [
            Image.objects.visible_to(actor),
            Image.objects.editable_by(actor),
            Image.objects.library_of(actor),
            Image.objects.curated_by(actor),
            Image.objects.in_trash_of(actor),
            Image.objects.live(),
        ],
        [6, 1, 2, 1, 1, 1],
    )[0]
    for _ in range(source.choice((0, 1, 1, 2, 3))):
        images = source.choice(
            [
                lambda images: images.tagged([source.choice(WORDS)]),
                lambda images: images.mentioning(source.choice((*WORDS, "ISTANBUL", "ФОТО", "0", ".jp"))),
                lambda images: images.filter(some_filter(source)),
                lambda images: images.exclude(some_filter(source)),
                lambda images: images.filter(some_filter(source) | some_filter(source)),
            ]
        )(images)
    return images


# What is asked


@dataclass(frozen=True)
class Question:
    """`ask` answers as the site does, `of_the_database` by the database alone."""

    name: str
    ask: Callable[[], Any]
    of_the_database: Callable[[], Any]


def found_by_search(images: ImageQuerySet) -> list[int]:
    hits = search_index().search(unit_rows(1, seed=1), k=MOST * 2, allowed=images.searchable())
    return sorted(hits.of(0).ids.tolist())


def shown(part: Any) -> tuple[list[int], bool, bool]:
    return [image.pk for image in part.rows], part.next is None, part.previous is None


def two_parts(images: ImageQuerySet, size: int, start: int, ask: Callable[..., Any]) -> list[Any]:
    """Return a part, and what its cursors lead to."""
    first = ask(images, size=size, cursor=None, narrowed_by=(), start=start)
    beside = [
        shown(ask(images, size=size, cursor=cursor, narrowed_by=()))
        for cursor in (first.next, first.previous)
        if cursor is not None
    ]
    return [shown(first), *beside]


def counted_tags(images: ImageQuerySet) -> dict[int, int]:
    links = Image.tags.through.objects.filter(image__in=images.order_by())
    return dict(links.values_list("tag").annotate(images=Count("pk")).order_by())


def counted_albums(images: ImageQuerySet, albums: list[int]) -> dict[int, int]:
    places = AlbumImage.objects.filter(album__in=albums, image__in=images.order_by(), album__owner=F("image__owner"))
    found = dict(places.values_list("album").annotate(images=Count("pk")).order_by())
    return {album: found.get(album, 0) for album in albums}


def counted_periods(images: ImageQuerySet, moment: str, period: str) -> list[tuple[Any, int]]:
    known = images.filter(**{f"{moment}__isnull": False}).order_by()
    start = PERIODS[period](moment, tzinfo=UTC if moment == "taken_at" else None)
    return list(known.annotate(start=start).values_list("start").annotate(images=Count("pk")).order_by("start"))


def first_and_last(images: ImageQuerySet, moment: str) -> tuple[Any, Any] | None:
    found = images.order_by().aggregate(first=Min(moment), last=Max(moment))
    return None if found["first"] is None else (found["first"], found["last"])


def some_question(source: random.Random, *, searchable_only: bool) -> Question:
    actor, lists = some_actor(source), search_index().lists
    images = some_images(source, actor)
    if searchable_only:
        images = images.searchable()
    elif source.random() < 0.3:
        images = images.with_status(source.choice(list(SearchStatus)))
    in_order = ordered(images, [source.choice(list(ORDER_BY_KEY))])
    if source.random() < 0.1:
        in_order = images.in_album(Album.objects.order_by("?").first() or Album(pk=0))
    start, size = source.choice((0, 0, 5, 60)), source.choice((3, 10, 100))
    moment, period = source.choice(("created_at", "taken_at")), source.choice(list(PERIODS))
    albums = sorted(Album.objects.values_list("pk", flat=True)[: source.randint(1, 9)])
    questions = [
        Question("search", lambda: found_by_search(images), lambda: images.searchable().ids().tolist()),
        Question("count", lambda: lists.count(images), images.count),
        Question(
            "slice",
            lambda: [image.pk for image in lists.slice_of(in_order, start=start, stop=start + size)],
            lambda: [image.pk for image in in_order[start : start + size]],
        ),
        Question(
            "part",
            lambda: two_parts(in_order, size, start, lists.part_of),
            lambda: two_parts(in_order, size, start, part_of),
        ),
        Question("statistics", lambda: lists.statistics(images), images.statistics),
        Question("tags", lambda: lists.tag_counts(images), lambda: counted_tags(images)),
        Question("albums", lambda: lists.album_counts(images, albums), lambda: counted_albums(images, albums)),
        Question("extremes", lambda: lists.extremes(images, moment), lambda: first_and_last(images, moment)),
        Question(
            "periods",
            lambda: [(found.start, found.images) for found in lists.periods(images, moment, period)],
            lambda: counted_periods(images, moment, period),
        ),
    ]
    question = source.choices(questions, [6, 2, 2, 3, 1, 1, 1, 1, 1])[0]
    return Question(f"{question.name}: {sql_of(in_order)}", question.ask, question.of_the_database)


def sql_of(images: ImageQuerySet) -> str:
    try:
        return str(images.query)
    except EmptyResultSet:
        return "nothing"
