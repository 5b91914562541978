"""What columns answer is what the database answers, whatever is asked and whoever asks."""

import operator
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.contrib.auth.models import AnonymousUser
from django.db.models import F, OuterRef, Q
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gallery.forms.image_filter import ORDER_BY_KEY, ordered
from gallery.models import (
    OPERATOR,
    Actor,
    Album,
    AlbumImage,
    Image,
    ImageQuerySet,
    PictureColours,
    SearchStatus,
    Tag,
    Visibility,
)
from gallery.models.conditions import Among, HasNoRow, ImageIds, TaggedAny
from gallery.models.cursor import part_of
from gallery.search_index import database_lists, search_index
from gallery.search_index import lists as lists_of_pictures
from gallery.search_index.column_masks import ColumnMasks
from tests.conftest import acting
from tests.integration.test_models import image_row
from tests.quick_encoder import QuickEncoder, unit_rows

NOON = datetime(2024, 3, 31, 0, 30, tzinfo=UTC)  # when clocks of Europe change
NAMES = ["b.png", "B.png", "Ä.png", "ä.png", "a.png", "猫.png", "Straße 100%.jpg", "x_y.png"]
WORDS = ["", "A day", "the CAT\nin a box", "Ärger", "100% snow", "under_score"]
PARTS = ["a", "Ä", "cat\nin", "%", "_", ""]
TAGS = ["cat", "Café", "cafe", "snow"]
SETTINGS = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


class Library:
    """Pictures of three owners, whose values repeat and are empty often; a part of them waits or has failed."""

    def __init__(self, users: list, seed: int) -> None:
        self.random = random.Random(seed)
        self.actors = [acting(user) for user in users] + [acting(AnonymousUser()), OPERATOR]
        self.owners = users[:3]
        self.tags = Tag.objects.named(TAGS)
        self.albums = [Album.objects.create(owner=owner, title=f"of {owner}") for owner in self.owners]
        for album in self.albums:
            album.members.set(self.random.sample(users, 2))
        self.images = [self._add(number) for number in range(40)]
        some = self.images[:30]
        ids = [image.pk for image in some]
        search_index().add(ids, np.concatenate([unit_rows(1, seed=pk) for pk in ids]), encoder=QuickEncoder())
        Image.objects.filter(pk__in=[image.pk for image in self.images[36:]]).update(embed_error="broken")

    def _add(self, number: int) -> Image:
        choose = self.random
        image = image_row(
            choose.choice(self.owners),
            md5=f"{number:032x}",
            sha256=f"{number:064x}",
            original_name=choose.choice(NAMES),
            description=choose.choice(WORDS),
            size_bytes=choose.randint(1, 3),
            width_px=choose.randint(1, 3),
            height_px=choose.randint(1, 3),
            format=choose.choice(["PNG", "JPEG"]),
            visibility=choose.choice(Visibility.values),
            taken_at=choose.choice([None, None, NOON, NOON + timedelta(days=choose.randint(0, 40))]),
            created_at=NOON + timedelta(minutes=choose.randint(0, 200), days=30 * choose.randint(0, 3)),
            trashed_at=choose.choice([None, None, None, NOON]),
        )
        image.save()
        image.tags.set(choose.sample(self.tags, choose.randint(0, 3)))
        if number % 4:  # nobody has looked at the others
            PictureColours.objects.write({image.pk: [(), ("red",), ("black", "red")][number % 3]})
        for album in choose.sample(self.albums, choose.randint(0, 2)):
            AlbumImage.objects.create(album=album, image=image, position=choose.randint(0, 2))
        return image


@pytest.fixture
def library(alice, bob, charlie, staff) -> Library:
    return Library([alice, bob, charlie, staff], seed=1)


# What can be asked


def _tagged_with(text: str) -> TaggedAny:
    return TaggedAny(
        Image.tags.through.objects.filter(image=OuterRef("pk")), tags=Tag.objects.filter(folded_name__contains=text)
    )


numbers = st.integers(0, 4)
moments = st.builds(lambda days, minutes: NOON + timedelta(days=days, minutes=minutes), numbers, numbers)
comparisons = st.sampled_from(["exact", "lt", "lte", "gt", "gte"])
fields = st.sampled_from(["width_px", "height_px", "size_bytes", "frame_count"])
moment_fields = st.sampled_from(["taken_at", "created_at", "trashed_at"])
leaves = st.one_of(
    st.builds(lambda field, how, value: Q((f"{field}__{how}", value)), fields, comparisons, numbers),
    st.builds(lambda field, how, other: Q((f"{field}__{how}", F(other))), fields, comparisons, fields),
    st.builds(lambda field, how, value: Q((f"{field}__{how}", value)), moment_fields, comparisons, moments),
    st.builds(lambda field, value: Q((f"{field}__isnull", value)), moment_fields, st.booleans()),
    st.builds(lambda first, last: Q(width_px__range=(first, last)), numbers, numbers),
    st.builds(lambda values: Q(height_px__in=values), st.lists(numbers, max_size=3)),
    st.builds(lambda places: Q(pk__in=places), st.lists(st.integers(1, 60), max_size=9)),
    st.builds(lambda value: Q(visibility=value), st.sampled_from(Visibility.values)),
    st.builds(lambda values: Q(visibility__in=values), st.lists(st.sampled_from(Visibility.values), max_size=2)),
    st.builds(lambda value: Q(format=value), st.sampled_from(["PNG", "JPEG", "GIF"])),
    st.builds(lambda text: Q(original_name__icontains=text), st.sampled_from(["a", "_", "B"])),
    st.builds(lambda text: Q(_tagged_with(text)), st.sampled_from("ac")),
    st.sampled_from([Q(embedding_row__isnull=True), Q(HasNoRow()), Q(embed_error=""), Q(pk__in=[])]),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(operator.invert, inner), st.builds(operator.and_, inner, inner), st.builds(operator.or_, inner, inner)
    ),
    max_leaves=4,
)
Narrowing = Callable[[ImageQuerySet], ImageQuerySet]
narrowings: st.SearchStrategy[Narrowing] = st.one_of(
    st.builds(lambda q: lambda images: images.filter(q), conditions),
    st.builds(lambda q: lambda images: images.exclude(q), conditions),
    st.builds(lambda keys: lambda images: images.tagged(keys), st.lists(st.sampled_from([*TAGS, "none"]), max_size=2)),
    st.builds(lambda text: lambda images: images.mentioning(text), st.sampled_from(PARTS)),
    st.builds(lambda status: lambda images: images.with_status(status), st.sampled_from(SearchStatus)),
)


OTHER_KEYS = [  # those of the admin
    *("owner", "-owner", "visibility", "-visibility", "format", "-width_px"),
    F("embedding_row").asc(nulls_first=True),
    F("embedding_row").desc(nulls_last=True),
]
PK_KEYS = st.sampled_from(["pk", "-pk"])


@st.composite
def questions(draw: st.DrawFn, library: Library) -> ImageQuerySet:
    actor: Actor = draw(st.sampled_from(library.actors))
    access = draw(st.sampled_from(["visible_to", "editable_by", "library_of", "in_trash_of", "curated_by"]))
    images: ImageQuerySet = getattr(Image.objects, access)(actor)
    for narrow in draw(st.lists(narrowings, max_size=3)):
        images = narrow(images)
    if draw(st.booleans()):
        return ordered(images, draw(st.permutations(list(ORDER_BY_KEY)))[: draw(st.integers(1, 2))])
    if draw(st.booleans()):
        return images.order_by(*draw(st.permutations(OTHER_KEYS))[: draw(st.integers(1, 3))], draw(PK_KEYS))
    if draw(st.booleans()):
        return images.in_album(draw(st.sampled_from(library.albums)))
    return images.newest()


def pages(find: Callable[..., object], images: ImageQuerySet, size: int, start: int) -> Iterator[list[int]]:
    """Give the pages from place `start` on, and then those before the last one."""
    cursor, step = None, "next"
    while True:
        part = find(images, size=size, cursor=cursor, narrowed_by=["x"], start=start if cursor is None else 0)
        yield [image.pk for image in part.rows]
        cursor = getattr(part, step)
        if cursor is None:
            if step == "previous":
                return
            cursor, step = part.previous, "previous"
        if cursor is None:
            return


@SETTINGS
@given(data=st.data())
def test_lists_are_those_of_the_database(data, library):
    images = data.draw(questions(library))
    size, start = data.draw(st.integers(1, 9)), data.draw(st.integers(0, 9))
    lists = search_index().lists

    assert lists.count(images) == images.count()
    assert [image.pk for image in lists.slice_of(images, start=start, stop=start + size)] == [
        image.pk for image in images[start : start + size]
    ]
    assert list(pages(lists.part_of, images, size, start)) == list(pages(part_of, images, size, start))


@settings(SETTINGS, max_examples=10)
@given(data=st.data())
def test_lists_are_those_of_the_database_where_many_pictures_wait(data, library):
    images = data.draw(questions(library))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lists_of_pictures, "MOST_WAITING", 4)

        assert search_index().lists.count(images) == images.count()
        assert search_index().lists.statistics(images) == images.statistics()
        found = search_index().lists.slice_of(images, start=0, stop=4)
        assert [image.pk for image in found] == [image.pk for image in images[:4]]


@SETTINGS
@given(data=st.data(), zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Havana", "Asia/Kathmandu"]))
def test_sums_are_those_of_the_database(data, zone, library):
    images = data.draw(questions(library)).order_by()
    moment, period = (
        data.draw(st.sampled_from(["taken_at", "created_at"])),
        data.draw(st.sampled_from(["month", "day"])),
    )
    albums, lists = [album.pk for album in library.albums], search_index().lists
    shown = database_lists.album_counts(images, albums)

    assert lists.statistics(images) == images.statistics()
    assert lists.tag_counts(images) == database_lists.tag_counts(images)
    assert lists.colour_counts(images) == database_lists.colour_counts(images)
    assert lists.owner_totals(images) == database_lists.owner_totals(images)
    assert lists.album_counts(images, albums) == {album: shown.get(album, 0) for album in albums}
    assert lists.extremes(images, moment) == database_lists.extremes(images, moment)
    with timezone.override(ZoneInfo(zone)):
        assert lists.periods(images, moment, period) == database_lists.periods(images, moment, period)


def _merge_cats(library: Library) -> None:
    Tag.objects.merge(Tag.objects.filter(key="cat"), into=Tag.objects.get(key="snow"))


CHANGES: dict[str, Callable[[Library], object]] = {
    "published": lambda _: Image.objects.filter(width_px=1).update(visibility=Visibility.PUBLIC),
    "trashed": lambda _: Image.objects.filter(height_px=2).update(trashed_at=NOON),
    "renamed": lambda _: Image.objects.filter(size_bytes=1).update(original_name="a cat"),
    "given away": lambda library: Image.objects.filter(height_px=1).update(owner=library.owners[0]),
    "deleted": lambda _: Image.objects.filter(width_px=2).delete(),
    "tags taken": lambda _: Image.tags.through.objects.filter(image__width_px=1).delete(),
    "tag renamed": lambda _: Tag.objects.filter(key="snow").update(folded_name="cat"),
    "tags merged": _merge_cats,
    "members changed": lambda library: library.albums[0].members.set(library.owners),
    "album given away": lambda library: Album.objects.filter(pk=library.albums[1].pk).update(owner=library.owners[0]),
    "album deleted": lambda library: Album.objects.filter(pk=library.albums[2].pk).delete(),
    "places turned": lambda _: AlbumImage.objects.update(position=3 - F("position")),
    "embedded": lambda library: search_index().add(
        [image.pk for image in library.images[30:36]], unit_rows(6, seed=9), encoder=QuickEncoder()
    ),
    "forgotten": lambda _: search_index().forget_rows([0, 3, 4]),
    "another epoch": lambda _: search_index().rebuild(lambda ids: [(ids[::-1], unit_rows(len(ids)))]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_lists_follow_a_change(change, library):
    lists = search_index().lists
    seen = [Image.objects.visible_to(actor) for actor in library.actors]
    asked = [*seen, *(images.tagged(["cat"]) for images in seen), *(images.mentioning("cat") for images in seen)]
    asked += [images.in_album(album) for images in seen for album in library.albums]
    before = [lists.count(images) for images in asked]
    assert before == [images.count() for images in asked]

    change(library)

    for images in asked:
        found = [image.pk for image in lists.slice_of(images, start=0, stop=50)]
        assert sorted(found) == sorted(images.values_list("pk", flat=True))
        assert lists.count(images) == len(found)
        assert lists.tag_counts(images) == database_lists.tag_counts(images)
        assert lists.colour_counts(images) == database_lists.colour_counts(images)


ORDERS_OF_THE_DATABASE: dict[str, Narrowing] = {
    "turned round": lambda images: images.order_by("width_px", "pk").reverse(),
    "turned round twice": lambda images: images.newest().reverse().reverse(),
    "that of the model, turned round": lambda _: Image.objects.reverse(),
    "in words of the database": lambda images: images.order_by("pk").extra(order_by=["-width_px", "-id"]),
    "of another table": lambda images: images.order_by("owner__username", "-pk"),
    "a sum": lambda images: images.order_by(F("width_px") + F("height_px"), "pk"),
    "not unique": lambda images: images.filter(pk=1).order_by("width_px"),
}


@pytest.mark.parametrize("narrow", ORDERS_OF_THE_DATABASE.values(), ids=ORDERS_OF_THE_DATABASE.keys())
def test_lists_are_in_the_order_of_the_database(narrow, library):
    images = narrow(Image.objects.live())

    assert search_index().lists.slice_of(images, start=1, stop=20) == list(images[1:20])


# Without the database


ANSWERED: dict[str, Narrowing] = {
    "in an album": lambda images: images.in_album(Album.objects.first()),
    "tagged": lambda images: images.tagged(["cat", "snow"]),
    "mentioning": lambda images: images.mentioning("a"),
    "pending": lambda images: images.pending(),
    "failed": lambda images: images.failed(),
    "searchable": lambda images: images.searchable(),
    "by size": lambda images: images.filter(width_px__gt=F("height_px"), size_bytes__lte=2),
    "by date": lambda images: images.filter(taken_at__gte=NOON).exclude(created_at__lt=NOON),
    "of an owner": lambda images: images.filter(owner__in=[1, 2]),
    "with its relations": lambda images: images.for_listing(),
    "of a tag like these": lambda images: images.filter(Q(_tagged_with("c")) | Q(md5="0" * 32)),
    "of none": lambda images: images.none(),
}


@pytest.mark.parametrize("narrow", ANSWERED.values(), ids=ANSWERED.keys())
def test_columns_answer_whatever_a_page_asks(narrow, library):
    """Else a large library is listed by the database: right, but slow."""
    masks, known = ColumnMasks(), search_index().known_columns()
    assert known is not None

    for actor in library.actors:
        mask = masks.mask_of(narrow(Image.objects.visible_to(actor)), known)

        assert mask.row_count == known.columns.row_count


def test_masks_of_ids_are_kept_without_the_ids_and_told_apart(library):
    masks, known = ColumnMasks(), search_index().known_columns()
    assert known is not None
    ids = Image.objects.searchable().ids()
    padding = np.arange(10**6, 10**6 + 1_000)  # nobody's
    some = [ImageIds(np.concatenate([part, padding])) for part in (ids[:3], ids[3:5])]

    found = [masks.mask_of(Image.objects.filter(Among("pk", images=each)), known) for each in some]

    assert [known.columns.ids_of(mask.rows).tolist() for mask in found] == [ids[:3].tolist(), ids[3:5].tolist()]
    assert len(masks._kept) == 2
    assert max(len(str(parameter)) for _sql, parameters in masks._kept for parameter in parameters) < 1_000


def test_masks_that_are_kept_hold_bits_alone(library):
    """The rows of a mask are 64 times as large: 2 GB in all, of 256 masks of a million pictures."""
    masks, known = ColumnMasks(), search_index().known_columns()
    assert known is not None
    images = Image.objects.visible_to(OPERATOR)

    assert len(masks.mask_of(images, known).rows)
    assert len(masks.mask_of(images, known).rows)

    assert [vars(kept.mask).keys() for kept in masks._kept.values()] == [{"bits", "row_count"}]
