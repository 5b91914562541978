"""What a search must answer, by the contract's words alone: plain Python over every picture, cosines in float64.

Only the line between what is meant and what is not is asked of the product, for the scores that are computed here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from fnmatch import translate
from functools import cached_property, lru_cache
from itertools import product
from re import compile as compiled
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db.models import F
from PIL import Image as PillowImage

from gallery.conf import gallery
from gallery.encoders.abilities import Clarity
from gallery.encoders.base import Encoder
from gallery.encoders.offline.colours import COLOURS
from gallery.imaging import PREVIEW_PX, part_of
from gallery.models import (
    Album,
    AlbumImage,
    Favourite,
    Image,
    IndexState,
    PictureColours,
    QueryPicture,
    RecognisedText,
    User,
    Visibility,
)
from gallery.retrieval.cutoff import POSSIBLE, Evidence
from gallery.retrieval.language import ME
from gallery.retrieval.plan import PICTURE_WEIGHT, TEXT_WEIGHT
from gallery.retrieval.query_text import sentence_of
from gallery.retrieval.request import Order
from gallery.retrieval.tree import (
    All,
    Any,
    Box,
    Comparison,
    Field,
    Filter,
    Like,
    Meaning,
    NameWithGaps,
    Node,
    Not,
    NumberRange,
    Period,
    Phrase,
    Picture,
    Region,
    State,
    Text,
    Value,
    Weighted,
)
from gallery.search_index import search_index
from gallery.services.calibrations import calibrations_of
from gallery.services.media import open_kept_thumbnail
from gallery.text.chinese import written_otherwise
from gallery.text.folding import folded

Vector = npt.NDArray[np.float64]
NEAR = 2e-6  # of scores that are the same but for rounding
NOTHING: frozenset[int] = frozenset()
WITHIN = 0.05  # of sizes that are equal


class Refusal(Exception):
    """The search is an error with one of these codes."""

    def __init__(self, codes: frozenset[str]) -> None:
        super().__init__(", ".join(sorted(codes)))
        self.codes = codes


@dataclass(frozen=True, slots=True)
class Row:
    """A picture as the database has it."""

    pk: int
    owner_id: int
    owner: str
    name: str
    description: str
    format: str
    width: int
    height: int
    size: int
    frames: int
    taken: datetime | None  # the wall clock, without a zone
    added: datetime  # the clock of the site's zone, without it
    created_at: datetime
    visibility: str
    is_trashed: bool
    embed_error: str
    vector: Vector | None
    tags: frozenset[str]  # folded
    albums: frozenset[int]  # those of its own owner
    favourite_of: frozenset[int]
    colours: frozenset[str]
    text: str  # read in it, folded
    folded_name: str
    folded_description: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What a picture is worth: the best that an alternative says of it.

    What may show something that is excluded comes last, and is never confident.
    """

    confident: bool
    may_be_excluded: bool
    probability: float
    score: float


@dataclass
class Expected:
    """`judged` has every picture that is found, None of one that nothing is compared with. `meant` are in the order
    asked for, unless that is relevance. `is_close` says that rounding decides whether some picture is meant,
    `is_one_sum` that there is one alternative alone.
    """

    judged: dict[int, Judged | None]
    meant: list[int]
    is_close: bool = False
    is_one_sum: bool = False

    @property
    def total(self) -> int:
        return len(self.judged)

    @property
    def confident_total(self) -> int:
        return len(self.meant)


@dataclass(frozen=True, slots=True)
class Sum:
    """Meanings and their weights, and what must be true beside them."""

    parts: tuple[tuple[Meaning, float], ...] = ()
    conditions: tuple[Node, ...] = ()

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(self.parts + other.parts, self.conditions + other.conditions)


class Reference:
    """The library as it is now, to be asked about many searches."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.rows = {row.pk: row for row in _rows()}
        self._albums = list(Album.objects.all())
        memberships = Album.members.through.objects.values_list("user_id", "album_id")
        self._memberships = frozenset(memberships)
        self._pictures = {each.pk: np.frombuffer(each.vector, np.float32) for each in QueryPicture.objects.all()}

    def answer(self, tree: Node, *, user: User | None, order: Order = Order.RELEVANCE) -> Expected:
        """Return what a member, or a visitor, must find. Raises Refusal."""
        return _Search(self, user, self._encoder).answer(tree, order)

    def visible_to(self, user: User | None) -> dict[int, Row]:
        """Public ones, one's own, shared ones in an album of their owner that one is a member of; a curator's all."""
        return {pk: row for pk, row in self.rows.items() if not row.is_trashed and self._may_see(row, user)}

    def _may_see(self, row: Row, user: User | None) -> bool:
        if row.visibility == Visibility.PUBLIC:
            return True
        if user is None:
            return False
        is_shared = row.visibility == Visibility.SHARED
        is_member = any((user.pk, album) in self._memberships for album in row.albums)
        return user.is_staff or row.owner_id == user.pk or (is_shared and is_member)

    def albums_of(self, user: User | None) -> list[Album]:
        """Albums whose title one may know."""
        if user is None:
            return []
        return [
            album
            for album in self._albums
            if user.is_staff or album.owner_id == user.pk or (user.pk, album.pk) in self._memberships
        ]

    def vector_of_picture(self, picture: Picture) -> Vector | None:
        found = self._pictures.get(picture.id)
        return None if found is None else found.astype(np.float64)

    def vector_of_part(self, image_id: int, box: Box) -> Vector:
        """Return the vector of a part of a picture's preview, which is as large as the pictures here are."""
        with open_kept_thumbnail(Image.objects.get(pk=image_id), PREVIEW_PX) as file:
            preview = PillowImage.open(file).convert("RGB")
        vector = self._encoder.encode_images([part_of(preview, box.shares)])[0]
        return vector.astype(np.float64)


@dataclass
class _Search:
    reference: Reference
    user: User | None
    encoder: Encoder
    is_close: bool = False
    visible: dict[int, Row] = field(default_factory=dict)

    def answer(self, tree: Node, order: Order) -> Expected:
        self.visible = self.reference.visible_to(self.user)
        if refused := frozenset(self._refusals(tree)):
            raise Refusal(refused)
        if not ranks(tree):
            found = sorted(self.found(tree), key=self._key(order))
            return Expected(dict.fromkeys(found), found, self.is_close)
        best: dict[int, Judged] = {}
        for each in sums(tree):
            for pk, judged in self._judged(each, excluded=liked(each)).items():
                other = best.get(pk, judged)
                surer = max(judged, other, key=_certainty)
                best[pk] = replace(surer, score=max(judged.score, other.score))
        meant = [pk for pk, judged in best.items() if judged.confident]
        if order is not Order.RELEVANCE:
            meant.sort(key=self._key(order))
        return Expected({**best}, meant, self.is_close, is_one_sum=len(sums(tree)) == 1)

    # What cannot be asked

    def _refusals(self, tree: Node) -> Iterator[str]:
        for leaf in _leaves(tree):
            match leaf:
                case Like(image_id) | Region(Like(image_id)) if image_id not in self.visible:
                    yield "unknown_image"
                case Like(image_id) if self.visible[image_id].vector is None:
                    yield "not_searchable"
                case Picture() if self.reference.vector_of_picture(leaf) is None:
                    yield "query_picture_forgotten"
                case Filter(Field.ALBUM, _, title) if not self._albums_titled(str(title)):
                    yield "unknown_album"
                case Filter(Field.OWNER | Field.IS, _, value) if value in (ME, State.FAVOURITE) and self.user is None:
                    yield "nobody_signed_in"

    # Sets of pictures

    def found(self, node: Node) -> set[int]:
        """Return which pictures, of all that one may see, a part of a query finds by itself."""
        match node:
            case Filter():
                return {pk for pk, row in self.visible.items() if self._is_true(node, row)}
            case Phrase():
                return {pk for pk, row in self.visible.items() if self._has_phrase(node.text, row)}
            case Not():
                return set(self.visible) - self._excluded(node.part)
        if isinstance(node, Meaning) or ranks(node):
            return {pk for each in sums(node) for pk in self._confident(each, excluded=liked(each))}
        if isinstance(node, Weighted):
            return self.found(node.part)
        parts = [self.found(part) for part in node.parts]
        return set.intersection(*parts) if isinstance(node, All) else set.union(*parts)

    def _excluded(self, node: Node, *, least: float | None = None) -> set[int]:
        """The same of what is excluded: by meaning and by words, and together with the picture that it resembles.

        `least` is from which probability on a text counts as meant, None where it must be confident.
        """
        if isinstance(node, Text):
            words = Filter(Field.TAG, Comparison.EQUALS, node.words)
            return self._confident(sums(node)[0], excluded=NOTHING, least=least) | self.found(words)
        if isinstance(node, Meaning) or ranks(node):
            return {pk for each in sums(node) for pk in self._confident(each, excluded=NOTHING, least=least)}
        if isinstance(node, Weighted):
            return self._excluded(node.part, least=least)
        if isinstance(node, All | Any):
            parts = [self._excluded(part, least=least) for part in node.parts]
            return set.intersection(*parts) if isinstance(node, All) else set.union(*parts)
        return self.found(node)

    def _confident(self, each: Sum, *, excluded: frozenset[int], least: float | None = None) -> set[int]:
        """Return what a sum means among all that one may see, of which its conditions are true, too."""
        judged = self._among(sorted(self._searchable), each, excluded=excluded, least=least)
        meant = {pk for pk, one in judged.items() if one.confident}
        return meant.intersection(*(self.found(condition) for condition in each.conditions))

    @property
    def _searchable(self) -> set[int]:
        return {pk for pk, row in self.visible.items() if row.vector is not None}

    def _judged(self, each: Sum, *, excluded: frozenset[int]) -> dict[int, Judged]:
        """Return what is worth what, of all that has a vector and of which the conditions are true."""
        candidates = self._searchable.intersection(*(self.found(condition) for condition in each.conditions))
        exclusions = [condition.part for condition in each.conditions if isinstance(condition, Not)]
        doubtful = {pk for part in exclusions for pk in self._excluded(part, least=POSSIBLE)} & candidates
        sure = self._among(sorted(candidates - doubtful), each, excluded=excluded)
        last = self._among(sorted(doubtful), each, excluded=excluded)
        return sure | {pk: replace(one, confident=False, may_be_excluded=True) for pk, one in last.items()}

    def _among(
        self, candidates: Sequence[int], each: Sum, *, excluded: frozenset[int], least: float | None = None
    ) -> dict[int, Judged]:
        """Return what candidates are worth beside each other."""
        vector = self._vector(each.parts)
        scores = {pk: self._score(pk, vector) for pk in candidates if pk not in excluded}
        if not scores:
            return {}
        calibrations = calibrations_of(self.encoder.key)
        evidence = self._evidence(max(scores.values()), vector, candidates, each)
        line = calibrations.line(evidence, probability=None if _is_of_pictures(each) else least)
        judged = calibrations.judge([float(np.float32(score)) for score in scores.values()], evidence)
        self.is_close |= any(abs(score - line) < NEAR for score in scores.values())
        return {
            pk: Judged(float(np.float32(score)) >= line, False, one.probability, score)
            for (pk, score), one in zip(scores.items(), judged, strict=True)
        }

    def _evidence(self, best: float, vector: Vector, candidates: Sequence[int], each: Sum) -> Evidence:
        """Return what the product's calibration must know: of the scores' spread the engine tells as it would then."""
        of_pictures = _is_of_pictures(each)
        images = Image.objects.filter(pk__in=candidates)
        hits = search_index().search(vector.astype(np.float32)[np.newaxis], k=1, allowed=images)
        clarity = Clarity(sure_score=1.0, weight=1.0) if of_pictures else None
        return Evidence(best, hits.of(0).distribution, clarity, of_pictures=of_pictures)

    # Vectors

    def _score(self, pk: int, vector: Vector) -> float:
        own = self.visible[pk].vector
        if own is None:
            raise ValueError(pk)
        return float(own @ vector)

    def _vector(self, parts: Sequence[tuple[Meaning, float]]) -> Vector:
        """Return the weighted sum of unit vectors as a unit vector."""
        total = sum((self._of(meaning) * weight for meaning, weight in parts), np.zeros(self.encoder.dimension))
        length = float(np.linalg.norm(total))
        return total / length if length > 1e-6 else np.zeros_like(total)

    def _of(self, meaning: Meaning) -> Vector:
        if isinstance(meaning, Text):
            return self.encoder.encode_texts([sentence_of(meaning.words)])[0].astype(np.float64)
        if isinstance(meaning, Like):
            own = self.visible[meaning.image_id].vector
        elif isinstance(meaning, Picture):
            own = self.reference.vector_of_picture(meaning)
        elif isinstance(meaning, Region) and isinstance(meaning.of, Like):
            own = self.reference.vector_of_part(meaning.of.image_id, meaning.box)
        else:
            raise TypeError(meaning)
        if own is None:
            raise ValueError(meaning)
        return own

    # Filters

    def _albums_titled(self, title: str) -> set[int]:
        return {pk for pk, folded_title in self._titles.items() if folded_title in _spellings(title)}

    def _has_phrase(self, text: str, row: Row) -> bool:
        titles = [title for pk, title in self._titles.items() if pk in row.albums]
        written = [row.folded_name, row.folded_description, *row.tags, *titles]
        return is_read_in(row, text) or any(spelling in each for each in written for spelling in _spellings(text))

    @cached_property
    def _titles(self) -> dict[int, str]:
        return {album.pk: folded(album.title) for album in self.reference.albums_of(self.user)}

    def _is_true(self, asked: Filter, row: Row) -> bool:
        value = asked.value
        if asked.field is Field.ALBUM:
            return not row.albums.isdisjoint(self._albums_titled(str(value)))
        if asked.field is Field.OWNER and value == ME:
            return self.user is not None and row.owner_id == self.user.pk
        if value is State.FAVOURITE:
            return self.user is not None and self.user.pk in row.favourite_of
        return IS_TRUE[asked.field](row, asked.comparison, value)

    def _key(self, order: Order) -> "_Key":
        return _Key(self.visible, order)


@dataclass(frozen=True, slots=True)
class _Key:
    rows: Mapping[int, Row]
    order: Order

    def __call__(self, pk: int) -> tuple[object, ...]:
        row = self.rows[pk]
        match self.order:
            case Order.OLDEST:
                return (row.created_at, pk)
            case Order.TAKEN:
                return (row.taken is None, -row.taken.replace(tzinfo=UTC).timestamp() if row.taken else 0, -pk)
            case Order.SIZE:
                return (-row.size, -pk)
            case Order.NAME:
                return (row.name.encode().lower(), pk)
        return (-row.created_at.timestamp(), -pk)


def ranks(node: Node) -> bool:
    """Say whether a part of a query puts pictures in order: a meaning does, and OR only where both sides do."""
    if isinstance(node, Weighted):
        return ranks(node.part)
    if isinstance(node, All):
        return any(map(ranks, node.parts))
    if isinstance(node, Any):
        return all(map(ranks, node.parts))
    return isinstance(node, Meaning)


def sums(node: Node, factor: float = 1.0) -> list[Sum]:
    """Return the sums of which the best counts: an OR within a sum is the better of the sums."""
    if isinstance(node, Meaning):
        own = TEXT_WEIGHT if isinstance(node, Text) else PICTURE_WEIGHT
        return [Sum(((node, own * factor),))]
    if not ranks(node):
        return [Sum(conditions=(node,))]
    if isinstance(node, Weighted):
        return sums(node.part, factor * node.factor)
    if isinstance(node, Any):
        return [each for part in node.parts for each in sums(part, factor)]
    ways = product(*(sums(part, factor) for part in node.parts))
    return [sum(way, Sum()) for way in ways]


def liked(each: Sum) -> frozenset[int]:
    """Return the pictures that a sum asks with, which it does not find."""
    asked = (meaning.of if isinstance(meaning, Region) else meaning for meaning, _weight in each.parts)
    return frozenset(one.image_id for one in asked if isinstance(one, Like))


def _is_of_pictures(each: Sum) -> bool:
    return not any(isinstance(meaning, Text) for meaning, _weight in each.parts)


def _leaves(node: Node) -> Iterator[Node]:
    if isinstance(node, All | Any):
        for part in node.parts:
            yield from _leaves(part)
    elif isinstance(node, Not | Weighted):
        yield from _leaves(node.part)
    else:
        yield node


def _certainty(judged: Judged) -> tuple[bool, bool, float]:
    return judged.confident, not judged.may_be_excluded, judged.probability


def _rows() -> Iterator[Row]:
    matrix = np.load(gallery().vectors_dir / f"embeddings-{IndexState.objects.current().epoch}.npy")
    tags = _grouped(Image.tags.through.objects.values_list("image_id", "tag__name"))
    places = AlbumImage.objects.filter(album__owner=F("image__owner")).values_list("image_id", "album_id")
    albums = _grouped(places)
    favourites = _grouped(Favourite.objects.values_list("image_id", "user_id"))
    kept = PictureColours.objects.values_list("image_id", "colours")
    texts = RecognisedText.objects.lines_of(RecognisedText.objects.values_list("pk", flat=True))
    colours = {pk: [name for place, name in enumerate(COLOURS) if bits >> place & 1] for pk, bits in kept}
    zone = ZoneInfo(settings.TIME_ZONE)
    for image in Image.objects.select_related("owner"):
        row = image.embedding_row
        yield Row(
            pk=image.pk,
            owner_id=image.owner_id,
            owner=image.owner.username,
            name=image.original_name,
            description=image.description,
            format=image.format,
            width=image.width_px,
            height=image.height_px,
            size=image.size_bytes,
            frames=image.frame_count,
            taken=None if image.taken_at is None else image.taken_at.astimezone(UTC).replace(tzinfo=None),
            added=image.created_at.astimezone(zone).replace(tzinfo=None),
            created_at=image.created_at,
            visibility=image.visibility,
            is_trashed=image.trashed_at is not None,
            embed_error=image.embed_error,
            vector=None if row is None else matrix[row].astype(np.float64),
            tags=frozenset(map(folded, tags.get(image.pk, ()))),
            albums=frozenset(albums.get(image.pk, ())),
            favourite_of=frozenset(favourites.get(image.pk, ())),
            colours=frozenset(colours.get(image.pk, ())),
            text=folded(" ".join(texts.get(image.pk, ()))),
            folded_name=folded(image.original_name),
            folded_description=folded(image.description),
        )


def _grouped(pairs: Iterable[tuple[int, object]]) -> dict[int, list[object]]:
    found: dict[int, list[object]] = {}
    for pk, value in pairs:
        found.setdefault(pk, []).append(value)
    return found


@lru_cache(maxsize=1_000)
def _spellings(text: str) -> frozenset[str]:
    """Return a text as it is compared, in simplified and in traditional characters, too."""
    return frozenset(map(folded, written_otherwise(text)))


def _is_named(row: Row, _comparison: Comparison, value: Value) -> bool:
    name = row.folded_name
    if isinstance(value, NameWithGaps):
        pattern = "*".join(map(_literal, map(folded, value.pieces)))
        return compiled(translate(pattern)).fullmatch(name) is not None
    return any(spelling in name for spelling in _spellings(str(value)))


def is_read_in(row: Row, words: str) -> bool:
    """With or without spaces; one sign may be another one in five letters and more, or three Chinese characters."""
    spellings = {each for spelling in _spellings(words) for each in (spelling, spelling.replace(" ", ""))}
    return any(_is_nearly_in(row.text, spelling) for spelling in spellings)


def _is_nearly_in(text: str, words: str) -> bool:
    is_long = len(words) >= 5 or (len(words) >= 3 and all("\u4e00" <= sign <= "\u9fff" for sign in words))
    places = range(len(text) - len(words) + 1)
    return any(_differences(text[place : place + len(words)], words) <= is_long for place in places)


def _differences(first: str, second: str) -> int:
    return sum(one != other for one, other in zip(first, second, strict=True))


def _literal(piece: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in piece)


def _is_in_state(row: Row, _comparison: Comparison, value: Value) -> bool:
    least, most = sorted((row.width, row.height))
    return {
        State.PORTRAIT: row.height > row.width,
        State.LANDSCAPE: row.width > row.height,
        State.SQUARE: most <= least * (1 + WITHIN),
        State.PENDING: row.vector is None and not row.embed_error,
        State.FAILED: row.vector is None and bool(row.embed_error),
        State.ANIMATED: row.frames > 1,
        State.UNTAGGED: not row.tags,
    }.get(State(value), row.visibility == value)


def _is_so(number: int, comparison: Comparison, value: Value, *, within: float) -> bool:
    if isinstance(value, NumberRange):
        return value.least <= number <= value.most
    if not isinstance(value, int):
        raise TypeError(value)
    if comparison is Comparison.EQUALS:
        return value * (1 - within) <= number <= value * (1 + within)
    return _compares(number, comparison, value)


def _is_then(moment: datetime, comparison: Comparison, value: Value) -> bool:
    day = moment.date()
    if isinstance(value, Period):
        return value.first <= day <= value.last
    if not isinstance(value, date):
        raise TypeError(value)
    return _compares(day.toordinal(), comparison, value.toordinal())


def _compares(first: int, comparison: Comparison, second: int) -> bool:
    return {
        Comparison.LESS: first < second,
        Comparison.AT_MOST: first <= second,
        Comparison.GREATER: first > second,
        Comparison.AT_LEAST: first >= second,
    }[comparison]


IsTrue = Callable[[Row, Comparison, Value], bool]
IS_TRUE: dict[Field, IsTrue] = {
    Field.TAG: lambda row, _comparison, value: not row.tags.isdisjoint(_spellings(str(value))),
    Field.OWNER: lambda row, _comparison, value: row.owner.casefold() == str(value).casefold(),
    Field.NAME: _is_named,
    Field.TEXT: lambda row, _comparison, value: is_read_in(row, str(value)),
    Field.FORMAT: lambda row, _comparison, value: row.format == value,
    Field.COLOUR: lambda row, _comparison, value: value in row.colours,
    Field.IS: _is_in_state,
    Field.WIDTH: lambda row, comparison, value: _is_so(row.width, comparison, value, within=0.0),
    Field.HEIGHT: lambda row, comparison, value: _is_so(row.height, comparison, value, within=0.0),
    Field.PIXELS: lambda row, comparison, value: _is_so(row.width * row.height, comparison, value, within=WITHIN),
    Field.SIZE: lambda row, comparison, value: _is_so(row.size, comparison, value, within=WITHIN),
    Field.TAKEN: lambda row, comparison, value: row.taken is not None and _is_then(row.taken, comparison, value),
    Field.ADDED: lambda row, comparison, value: _is_then(row.added, comparison, value),
    Field.DATE: lambda row, comparison, value: _is_then(row.taken or row.added, comparison, value),
}
