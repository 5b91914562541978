"""What a filter means is one thing: in the database, in the columns, and in plain Python over the rows."""

import operator
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import isclose
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gallery.errors import NobodySignedIn, UnknownAlbum
from gallery.imaging import FORMATS
from gallery.models import (
    OPERATOR,
    Actor,
    Album,
    AlbumImage,
    Favourite,
    FoldedText,
    Image,
    PictureColours,
    RecognisedText,
    Tag,
    User,
    Visibility,
)
from gallery.models.picture_colours import BITS
from gallery.models.recognised_text import TextRead
from gallery.retrieval.plan import Condition, Conjunction, Disjunction, Negation
from gallery.retrieval.tree import Comparison, Field, Filter, NameWithGaps, NumberRange, Period, Phrase, State
from gallery.search_index import search_index
from gallery.search_index.column_query import condition_of
from gallery.text.chinese import written_otherwise
from gallery.text.folding import folded
from tests.conftest import acting
from tests.integration.test_models import image_row
from tests.quick_encoder import QuickEncoder, unit_rows
from tests.written_pictures import lines_of

MIDNIGHT = datetime(2024, 3, 10, tzinfo=UTC)  # of UTC; clocks of Havana go from 0:00 to 1:00 on this day
NAMES = ["b.png", "B (2).png", "Ärger.png", "img_01.jpg", "IMG 01.jpg", "img-01x01.jpg", "黑貓.png", "Straße 100%.jpg"]
PLAIN_NAMES = ["b.png", "IMG_01.jpg", "b 100%.png"]  # of pictures that are not folded yet
WORDS = ["", "A day", "the CAT\nin a box", "Ärger", "100% snow", "黑貓", "b.png"]
PARTS = ["a", "Ä", "CAT", "cat in", "%", "_", "01", "黑猫", "straße", "trip", "b.png"]
GAPS = [
    ("img", ""),
    ("", "png"),
    ("", "01", ".jpg"),
    ("img_", "01", ""),
    ("b", "png"),
    ("", ""),
    ("黑猫", ""),
    ("1", ""),
]
GAPS += [("img", "01", "x", ".jpg"), ("img ", ""), ("", "01", "01", "")]
TAGS = ["cat", "Café", "cafe noir", "snow", "貓"]
TITLES = ["Trip 1", "TRIP 1", "Café", "Trip 10", "黑貓"]
TITLES_ASKED = ["trip 1", "Trip 10", "cafe", "黑猫", "nothing"]
READ = [
    (),
    ("THE GARAGE", "open 100%"),
    ("THEGARAGE",),
    ("Straße", "B_1 Trip"),
    ("增值税發票", "合计"),
    ("增值稅发栗",),
    ("the", "cat in"),
]
READ_ASKED = [*PARTS, "the garage", "gArAgE", "garoge", "garag", "發票", "增值税发票", "税发票", "票 合", "strasse"]
READ_ASKED += ["e b_1 t", "g"]
READ_SURELY = ("the garage", "garoge", "发票", "增值税发票", "100%")
SIZES = [1, 94, 95, 96, 100, 105, 106, 120]
ZONE = "America/Havana"
SETTINGS = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Library:
    """Pictures of three owners, whose values repeat and are empty often; a part of them waits or has failed."""

    def __init__(self, users: list[User]) -> None:
        self.random = random.Random(1)
        self.actors = [acting(user) for user in users] + [acting(AnonymousUser()), OPERATOR]
        self.users, self.owners = users, users[:3]
        self.tags = Tag.objects.named(TAGS)
        self.albums = [
            Album.objects.create(owner=self.owners[number % 3], title=title, description="snow")
            for number, title in enumerate(TITLES)
        ]
        for album in self.albums:
            album.members.set(self.random.sample(users, 1))
        images = [self._add(number) for number in range(40)]
        some = [image.pk for image in images[:30]]
        search_index().add(some, np.concatenate([unit_rows(1, seed=pk) for pk in some]), encoder=QuickEncoder())
        Image.objects.filter(pk__in=[image.pk for image in images[36:]]).update(embed_error="broken")
        plain = [image.pk for image in images if image.original_name in PLAIN_NAMES and image.description.isascii()]
        FoldedText.objects.filter(image__in=plain[::3]).delete()
        FoldedText.objects.filter(image__in=plain[1::3]).update(revision=0, text="old\n")
        self.rows = [Row.of(image) for image in Image.objects.order_by("pk")]

    def _add(self, number: int) -> Image:
        choose = self.random
        image = image_row(
            choose.choice(self.owners),
            original_name=choose.choice(PLAIN_NAMES if number % 3 else NAMES),
            description=choose.choice(WORDS if number % 2 else WORDS[:3]),
            size_bytes=choose.choice(SIZES),
            width_px=choose.choice(SIZES),
            height_px=choose.choice(SIZES),
            frame_count=choose.choice([1, 1, 2]),
            format=choose.choice(["PNG", "JPEG"]),
            visibility=choose.choice(Visibility.values),
            taken_at=choose.choice([None, self._moment()]),
            created_at=self._moment(),
            trashed_at=choose.choice([None, None, None, MIDNIGHT]),
        )
        image.save()
        image.tags.set(choose.sample(self.tags, choose.choice([0, 0, 1, 2])))
        if number % 3:
            RecognisedText.objects.write({image.pk: TextRead(lines_of(*choose.choice(READ)))})
        PictureColours.objects.write({image.pk: choose.choice([(), ("red",), ("black", "red"), ("brown",)])})
        Favourite.objects.bulk_create([Favourite(user=user, image=image) for user in choose.sample(self.users, 1)])
        for album in choose.sample(self.albums, choose.randint(0, 2)):
            AlbumImage.objects.create(album=album, image=image)
        return image

    def _moment(self) -> datetime:
        return MIDNIGHT + timedelta(
            hours=self.random.choice([-5, -4, -1, 0, 3, 4, 5, 23]), days=self.random.choice([0, 1, 30])
        )


# Plain Python


@dataclass(frozen=True)
class Row:
    """A picture with all that is known of it."""

    image: Image
    tags: tuple[str, ...]
    albums: tuple[Album, ...]
    is_folded: bool
    starred_by: frozenset[int]
    colour_bits: int
    lines: tuple[str, ...]

    @classmethod
    def of(cls, image: Image) -> "Row":
        folded_now = FoldedText.objects.filter(image=image, revision__gte=1).exists()
        stars = Favourite.objects.filter(image=image).values_list("user", flat=True)
        shown = tuple(album for album in image.albums.all() if album.owner_id == image.owner_id)
        return cls(
            image,
            tuple(tag.name for tag in image.tags.all()),
            shown,
            folded_now,
            frozenset(stars),
            image.picture_colours.colours,
            RecognisedText.objects.lines_of([image.pk]).get(image.pk, ()),
        )


def is_curator(actor: Actor) -> bool:
    return actor.may_everything or (actor.user is not None and actor.user.is_staff)


def sees_album(actor: Actor, album: Album) -> bool:
    own = actor.user is not None and (album.owner_id == actor.user.pk or actor.user in album.members.all())
    return is_curator(actor) or own


def sees(actor: Actor, row: Row) -> bool:
    image = row.image
    if image.trashed_at is not None:
        return False
    if is_curator(actor) or image.visibility == Visibility.PUBLIC:
        return True
    if actor.user is None:
        return False
    through_album = any(actor.user in album.members.all() for album in row.albums)
    return image.owner_id == actor.user.pk or (image.visibility == Visibility.SHARED and through_album)


def spellings(text: str) -> list[str]:
    return [folded(one) for one in written_otherwise(text)]


def has(text: str, part: str, *, is_folded: bool = True) -> bool:
    """What is not folded is plain here: there the database compares without its case alone."""
    if not is_folded:
        return any(one.lower() in text.lower() for one in written_otherwise(part))
    return any(one in folded(text) for one in spellings(part))


def is_written_so(row: Row, phrase: str, actor: Actor) -> bool:
    image = row.image
    lines = [image.original_name, image.description]
    if any(has(line, phrase, is_folded=row.is_folded) for line in lines):
        return True
    if is_read_in(row, phrase):
        return True
    titles = [album.title for album in row.albums if sees_album(actor, album)]
    return any(has(text, phrase) for text in [*row.tags, *titles])


def is_read_in(row: Row, words: str) -> bool:
    """Whether a part of the text as long as the words is them, but for one sign where they are long."""
    text = folded(" ".join(row.lines))
    return any(is_nearly_in(text, one) for spelled in spellings(words) for one in (spelled, spelled.replace(" ", "")))


def is_nearly_in(text: str, words: str) -> bool:
    is_long = len(words) >= 5 or (len(words) >= 3 and not re.search(r"[^\u4e00-\u9fff]", words))
    parts = [text[place : place + len(words)] for place in range(len(text) - len(words) + 1)]
    return any(sum(map(operator.ne, part, words)) <= (1 if is_long else 0) for part in parts)


def has_name(row: Row, asked: str | NameWithGaps) -> bool:
    if isinstance(asked, str):
        return has(row.image.original_name, asked, is_folded=row.is_folded)
    for variant in written_otherwise("\n".join(asked.pieces)):
        pieces = variant.split("\n")
        if row.is_folded:
            pieces = [piece if piece.endswith(" ") and piece.islower() else folded(piece) for piece in pieces]
        pattern = ".*".join(re.escape(piece.lower()) for piece in pieces)
        name = folded(row.image.original_name) if row.is_folded else row.image.original_name.lower()
        if re.fullmatch(pattern, name):
            return True
    return False


COMPARED: dict[Comparison, Callable[[object, object], bool]] = {
    Comparison.LESS: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.GREATER: operator.gt,
    Comparison.AT_LEAST: operator.ge,
}


def is_number(number: int, asked: Filter) -> bool:
    value = asked.value
    if isinstance(value, NumberRange):
        return value.least <= number <= value.most
    if asked.comparison is Comparison.EQUALS:
        is_exact = asked.field in (Field.WIDTH, Field.HEIGHT)
        return number == value if is_exact else abs(number - value) * 20 <= value
    return COMPARED[asked.comparison](number, value)


def is_day(day: date | None, asked: Filter) -> bool:
    if day is None:
        return False
    if isinstance(asked.value, Period):
        return asked.value.first <= day <= asked.value.last
    return COMPARED[asked.comparison](day, asked.value)


def is_in_state(row: Row, state: State, actor: Actor) -> bool:
    image = row.image
    if state is State.FAVOURITE and actor.user is None:
        raise NobodySignedIn(filter="is:favourite")
    return {
        State.PORTRAIT: image.height_px > image.width_px,
        State.LANDSCAPE: image.width_px > image.height_px,
        State.SQUARE: isclose(image.width_px, image.height_px, rel_tol=0.05),
        State.PRIVATE: image.visibility == "private",
        State.SHARED: image.visibility == "shared",
        State.PUBLIC: image.visibility == "public",
        State.PENDING: image.is_pending,
        State.FAILED: image.is_failed,
        State.ANIMATED: image.frame_count > 1,
        State.UNTAGGED: not row.tags,
        State.FAVOURITE: actor.user is not None and actor.user.pk in row.starred_by,
    }[state]


def is_true(asked: Condition, row: Row, actor: Actor, library: Library) -> bool:
    """Raises what asking does."""
    match asked:
        case Negation(part):
            return not is_true(part, row, actor, library)
        case Conjunction(parts) | Disjunction(parts):
            truths = [is_true(part, row, actor, library) for part in parts]
            return all(truths) if isinstance(asked, Conjunction) else any(truths)
        case Phrase(text):
            return is_written_so(row, text, actor)
    return is_true_filter(asked, row, actor, library)


def is_true_filter(asked: Filter, row: Row, actor: Actor, library: Library) -> bool:
    image, value = row.image, asked.value
    taken = image.taken_at and image.taken_at.date()
    added = image.created_at.astimezone(ZoneInfo(ZONE)).date()
    return {
        Field.TAG: lambda: any(folded(tag) in spellings(value) for tag in row.tags),
        Field.ALBUM: lambda: any(album in row.albums for album in albums_titled(value, actor, library)),
        Field.OWNER: lambda: is_of_owner(image, value, actor),
        Field.NAME: lambda: has_name(row, value),
        Field.TEXT: lambda: is_read_in(row, value),
        Field.FORMAT: lambda: image.format == value,
        Field.COLOUR: lambda: bool(row.colour_bits & BITS[value]),
        Field.IS: lambda: is_in_state(row, value, actor),
        Field.WIDTH: lambda: is_number(image.width_px, asked),
        Field.HEIGHT: lambda: is_number(image.height_px, asked),
        Field.PIXELS: lambda: is_number(image.width_px * image.height_px, asked),
        Field.SIZE: lambda: is_number(image.size_bytes, asked),
        Field.TAKEN: lambda: is_day(taken, asked),
        Field.ADDED: lambda: is_day(added, asked),
        Field.DATE: lambda: is_day(taken or added, asked),
    }[asked.field]()


def albums_titled(title: str, actor: Actor, library: Library) -> list[Album]:
    found = [one for one in library.albums if sees_album(actor, one) and folded(one.title) in spellings(title)]
    if not found:
        raise UnknownAlbum(title=title)
    return found


def is_of_owner(image: Image, name: str, actor: Actor) -> bool:
    if name != "me":
        return image.owner.username == name.lower()
    if actor.user is None:
        raise NobodySignedIn(filter="owner:me")
    return image.owner_id == actor.user.pk


# What can be asked


def of(field: Field, comparison: Comparison, values: st.SearchStrategy) -> st.SearchStrategy[Filter]:
    return values.map(lambda value: Filter(field, comparison, value))


def chosen(field: Field, comparison: Comparison, values: list) -> st.SearchStrategy[Filter]:
    return of(field, comparison, st.sampled_from(values))


comparisons = [Comparison.LESS, Comparison.AT_MOST, Comparison.GREATER, Comparison.AT_LEAST]
sides = st.sampled_from([*SIZES, 10**15])
areas = st.builds(lambda *both: min(operator.mul(*both), 10**15), sides, sides)
days = st.builds(lambda days: date(2024, 3, 8) + timedelta(days), st.integers(0, 40)) | st.sampled_from(
    [date.max, date(1000, 1, 1)]
)
NUMBERS = {Field.WIDTH: sides, Field.HEIGHT: sides, Field.SIZE: sides, Field.PIXELS: areas}
numbers = [of(field, how, values) for field, values in NUMBERS.items() for how in [*comparisons, Comparison.EQUALS]]
ranges = [
    of(field, Comparison.WITHIN, st.lists(values, min_size=2, max_size=2).map(lambda ends: NumberRange(*sorted(ends))))
    for field, values in NUMBERS.items()
]
dated = [of(field, how, days) for field in (Field.TAKEN, Field.ADDED, Field.DATE) for how in comparisons]
periods = [
    of(field, Comparison.WITHIN, st.lists(days, min_size=2, max_size=2).map(lambda ends: Period(*sorted(ends))))
    for field in (Field.TAKEN, Field.ADDED)
]
STATES = list(State)
FIELDS = {
    "tag": chosen(Field.TAG, Comparison.EQUALS, ["cat", "cafe", "猫", "none"]),
    "album": chosen(Field.ALBUM, Comparison.EQUALS, TITLES_ASKED),
    "owner": chosen(Field.OWNER, Comparison.EQUALS, ["me", "alice", "ALICE", "bob", "nobody", "staff"]),
    "name": chosen(Field.NAME, Comparison.CONTAINS, PARTS),
    "name with gaps": chosen(Field.NAME, Comparison.MATCHES, [NameWithGaps(gaps) for gaps in GAPS]),
    "text": chosen(Field.TEXT, Comparison.CONTAINS, READ_ASKED),
    "format": chosen(Field.FORMAT, Comparison.EQUALS, list(FORMATS[:3])),
    "colour": chosen(Field.COLOUR, Comparison.EQUALS, ["black", "red", "brown", "blue"]),
    "state": chosen(Field.IS, Comparison.EQUALS, STATES),
    "number": st.one_of(numbers),
    "range": st.one_of(ranges),
    "date": st.one_of(dated),
    "period": st.one_of(periods),
    "phrase": st.sampled_from([*PARTS, *READ_ASKED]).map(Phrase),
}
leaves = st.one_of(list(FIELDS.values()))
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Negation, inner),
        st.builds(lambda *parts: Conjunction(parts), inner, inner),
        st.builds(lambda *parts: Disjunction(parts), inner, inner),
    ),
    max_leaves=4,
)


@pytest.fixture
def library(alice, bob, charlie, staff) -> Library:
    return Library([alice, bob, charlie, staff])


def expected(asked: Condition, actor: Actor, library: Library) -> list[int] | type[Exception]:
    """Return the ids, or what asking raises."""
    try:
        return [row.image.pk for row in library.rows if is_true(asked, row, actor, library) and sees(actor, row)]
    except (UnknownAlbum, NobodySignedIn) as error:
        return type(error)


def require_one_answer(asked: Condition, library: Library) -> None:
    """Compare all three for each of the cast."""
    for actor in library.actors:
        wanted = expected(asked, actor, library)
        if not isinstance(wanted, list):
            with pytest.raises(wanted):
                Image.objects.visible_to(actor).satisfying([asked], by=actor)
            continue
        images = Image.objects.visible_to(actor).satisfying([asked], by=actor)
        condition_of(images)  # the columns understand it
        assert images.ids().tolist() == wanted
        assert sorted(image.pk for image in search_index().lists.slice_of(images.newest(), start=0, stop=99)) == wanted


@SETTINGS
@given(data=st.data())
def test_filter_means_the_same_in_database_columns_and_python(data, library):
    asked = data.draw(st.sampled_from(sorted(FIELDS)).flatmap(lambda name: FIELDS[name]))

    with timezone.override(ZoneInfo(ZONE)):
        require_one_answer(asked, library)


@SETTINGS
@given(asked=conditions)
def test_conditions_mean_the_same_in_database_columns_and_python(asked, library):
    with timezone.override(ZoneInfo(ZONE)):
        require_one_answer(asked, library)


SELECTIVE = [
    Filter(Field.TAG, Comparison.EQUALS, "猫"),
    Filter(Field.ALBUM, Comparison.EQUALS, "trip 1"),
    Filter(Field.OWNER, Comparison.EQUALS, "ALICE"),
    Filter(Field.NAME, Comparison.CONTAINS, "01"),
    Filter(Field.NAME, Comparison.MATCHES, NameWithGaps(("img", "01", ".jpg"))),
    *(Filter(Field.TEXT, Comparison.CONTAINS, words) for words in READ_SURELY),
    Filter(Field.FORMAT, Comparison.EQUALS, "PNG"),
    Filter(Field.COLOUR, Comparison.EQUALS, "brown"),
    *(Filter(Field.IS, Comparison.EQUALS, state) for state in STATES if state is not State.FAVOURITE),
    Filter(Field.WIDTH, Comparison.GREATER, 100),
    Filter(Field.HEIGHT, Comparison.EQUALS, 95),
    Filter(Field.PIXELS, Comparison.EQUALS, 10_000),
    Filter(Field.SIZE, Comparison.WITHIN, NumberRange(95, 105)),
    Filter(Field.TAKEN, Comparison.WITHIN, Period(date(2024, 3, 10), date(2024, 3, 10))),
    Filter(Field.ADDED, Comparison.GREATER, date(2024, 3, 10)),
    Filter(Field.DATE, Comparison.LESS, date(2024, 3, 11)),
    *map(Phrase, ["cafe", "trip", "the cat in"]),
]


def test_filters_find_some_of_the_library(library):
    """Else the tests above would compare nothing with nothing."""
    counts = {asked: len(expected(asked, OPERATOR, library)) for asked in SELECTIVE}

    assert [asked for asked, count in counts.items() if not 0 < count < 25] == []
