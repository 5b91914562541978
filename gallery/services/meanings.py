"""What a search is asked with, found and turned into vectors."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from uuid import UUID

import numpy as np
from PIL.Image import Image as Pixels

from gallery.encoders.abilities import Clarity, KnowsWords, SaysClarity
from gallery.encoders.base import Encoder, EncoderKey
from gallery.encoders.batching import BatchingEncoder
from gallery.encoders.looking import sees_things
from gallery.encoders.registry import comparing_by_meaning
from gallery.errors import EncoderChanged, NotSearchable, Phrase, QueryPictureForgotten, UnknownImage, gettext_noop
from gallery.imaging import part_of
from gallery.models import Image, ImageQuerySet, QueryPicture
from gallery.retrieval.asked_things import without_numbers
from gallery.retrieval.meaning import Vector, clarity_of_sum, sum_of
from gallery.retrieval.plan import Plan, VectorLeg
from gallery.retrieval.request import SearchRequest
from gallery.retrieval.tree import Box, BroughtPicture, Like, Meaning, Picture, Region, Text
from gallery.retrieval.understanding import Understanding, understand
from gallery.search_index import search_index

from .embedding.encoder_in_use import current_encoder
from .query_pictures import vector_of_kept
from .query_regions import part_of_image, part_of_kept


@dataclass(frozen=True, slots=True)
class NamedRows:
    """The rows that a search names, by their ids: images of the library and pictures that were searched with before."""

    images: Mapping[int, Image] = field(default_factory=dict)
    pictures: Mapping[UUID, QueryPicture] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """What pictures show, apart from how they look: what rows are asked with for pictures that show the same,
    (dimension,). Of whatever is at least `near_copy` near to them as a whole, copies are made.
    """

    vector: Vector
    near_copy: float


@dataclass(frozen=True, slots=True)
class LegVectors:
    """What a leg is compared with: a (dimension,) unit vector; of pictures also what they show, where that is known.

    `clarity` is of a text that is all that the leg asks for, or of pictures, where the encoder says it.
    """

    vector: Vector
    shown: Shown | None = None
    clarity: Clarity | None = None
    is_of_pictures: bool = False


@dataclass(frozen=True, slots=True)
class QueryVectors:
    """What the legs are compared with, all of one encoder.

    `understanding` is of the text that is searched for, None where there is none.
    """

    legs: Mapping[VectorLeg, LegVectors]
    encoder: EncoderKey
    understanding: Understanding | None = None


def find_named_rows(request: SearchRequest, legs: Iterable[VectorLeg], *, visible: ImageQuerySet) -> NamedRows:
    """Find what the legs name. Raises UnknownImage for what is not among `visible`, QueryPictureForgotten."""
    images: dict[int, Image] = {}
    pictures: dict[UUID, QueryPicture] = {}
    for meaning in (part.meaning for leg in legs for part in leg.parts):
        named = meaning.of if isinstance(meaning, Region) else meaning
        try:
            if isinstance(named, Like):
                images[named.image_id] = _image(named, visible)
            elif isinstance(named, Picture):
                pictures[named.id] = _kept(named)
        except (UnknownImage, QueryPictureForgotten) as error:
            raise request.placed(error, meaning) from None
    return NamedRows(images, pictures)


def encode_legs(planned: Plan, asked: NamedRows) -> QueryVectors:
    """Return the vectors of at least one leg. The encoder is loaded only where something must be encoded.

    Raises EncoderUnavailable, EncoderMismatch, NotSearchable for an image that has no vector, EncoderChanged where the
    index moved to another encoder meanwhile.
    """
    encoder = cache(current_encoder)
    legs: dict[VectorLeg, LegVectors] = {}
    keys: set[EncoderKey] = set()
    for leg in planned.legs:
        found = [_encoded(part.meaning, asked, encoder) for part in leg.parts]
        keys |= {key for _vector, key in found}
        if len(keys) > 1:
            raise EncoderChanged
        [key] = keys
        vectors = [vector for vector, _key in found]
        vector = sum_of(vectors, [part.weight for part in leg.parts])
        legs[leg] = _of_pictures(vector, key) if leg.is_of_pictures else _of_texts(leg, vectors, vector, encoder)
    texts = [part.meaning for each in planned.alternatives for part in each.leg.parts if isinstance(part.meaning, Text)]
    meant = _understood_text(texts[0], encoder()) if texts else None
    return QueryVectors(legs, key, meant)


def _of_texts(leg: VectorLeg, vectors: Sequence[Vector], vector: Vector, encoder: Callable[[], Encoder]) -> LegVectors:
    """Return the leg of texts, alone or beside pictures: how clear those are together nobody says."""
    texts = [part.meaning for part in leg.parts if isinstance(part.meaning, Text)]
    found = [clarity(sentence_for(encoder(), _understood_text(text, encoder())), encoder()) for text in texts]
    clear = [each for each in found if each is not None]
    if len(clear) < len(leg.parts):
        return LegVectors(vector)
    return LegVectors(vector, clarity=clarity_of_sum(clear, vectors, [part.weight for part in leg.parts]))


def _understood_text(text: Text, encoder: Encoder) -> Understanding:
    return understood(text.words, encoder, as_typed=text.as_typed)


def _of_pictures(vector: Vector, key: EncoderKey) -> LegVectors:
    """Return the leg of pictures. How far they show what they show is how clear they are."""
    shown = _shown(vector, key)
    own = 1.0 if shown is None else float(vector @ shown.vector)
    return LegVectors(vector, shown, Clarity(sure_score=own, weight=own), is_of_pictures=True)


def _shown(vector: Vector, key: EncoderKey) -> Shown | None:
    comparing = comparing_by_meaning(key)
    if comparing is None:
        return None
    return Shown(comparing.meaning_of(vector[np.newaxis])[0], comparing.near_copy_cosine)


def clarity(sentence: str, encoder: Encoder) -> Clarity | None:
    """Return how clear a sentence is to an encoder; None where it cannot say."""
    inner = encoder.encoder if isinstance(encoder, BatchingEncoder) else encoder
    return inner.clarity_of([sentence])[0] if isinstance(inner, SaysClarity) else None


def sentence_for(encoder: Encoder, meant: Understanding) -> str:
    """Return what an encoder is asked. One that recognises things is asked what they are: how many, what it has
    recognised in each picture tells.
    """
    return without_numbers(meant.sentence) if sees_things(encoder) else meant.sentence


def understood(words: str, encoder: Encoder, *, as_typed: bool = False) -> Understanding:
    """Return what is meant by words that a person typed, as far as this encoder knows them."""
    inner = encoder.encoder if isinstance(encoder, BatchingEncoder) else encoder
    return _understood(words, inner.words if isinstance(inner, KnowsWords) else frozenset(), as_typed)


@lru_cache(maxsize=2_000)
def _understood(words: str, known: frozenset[str], as_typed: bool) -> Understanding:
    return understand(words, known=known, as_typed=as_typed)


def _encoded(meaning: Meaning, asked: NamedRows, encoder: Callable[[], Encoder]) -> tuple[Vector, EncoderKey]:
    match meaning:
        case Text():
            meant = _understood_text(meaning, encoder())
            return encoder().encode_texts([sentence_for(encoder(), meant)])[0], encoder().key
        case BroughtPicture(pixels):
            return encoder().encode_images([pixels])[0], encoder().key
        case Picture(id):
            return vector_of_kept(asked.pictures[id], encoder()), encoder().key
        case Like(image_id):
            return _of_index(asked.images[image_id])
        case Region(of, box):
            return encoder().encode_images([_part(of, box, asked)])[0], encoder().key


def _part(of: Picture | BroughtPicture | Like, box: Box, asked: NamedRows) -> Pixels:
    match of:
        case BroughtPicture(pixels):
            return part_of(pixels, box.shares)
        case Picture(id):
            return part_of_kept(asked.pictures[id], box)
        case Like(image_id):
            return part_of_image(asked.images[image_id], box)


def _of_index(image: Image) -> tuple[Vector, EncoderKey]:
    embedded = search_index().vector_of(image.pk)
    if embedded is None:
        status = gettext_noop("failed") if image.is_failed else gettext_noop("pending")
        raise NotSearchable(image_id=image.pk, status=Phrase(status))
    vector, key = embedded
    return np.array(vector), key


def _image(like: Like, visible: ImageQuerySet) -> Image:
    image = visible.filter(pk=like.image_id).first()
    if image is None:
        raise UnknownImage(image_id=like.image_id)
    return image


def _kept(picture: Picture) -> QueryPicture:
    kept = QueryPicture.objects.filter(pk=picture.id).first()
    if kept is None:
        raise QueryPictureForgotten
    return kept
