"""From pictures to what an encoder says of them, such that one bad picture stops neither its batch nor the queue."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL.Image import Image as Pixels

from gallery.encoders.abilities import Look
from gallery.encoders.base import Encoder, harmless_picture
from gallery.encoders.looking import look_at
from gallery.encoders.offline.picture_colours import picture_colours
from gallery.errors import (
    EncoderUnavailable,
    EncodingFailed,
    ImageSearchError,
    InvalidPicture,
    OriginalMissing,
    StorageUnavailable,
)
from gallery.imaging import load_pixels
from gallery.models import Image
from gallery.services.decode_limits import decode_limits
from gallery.services.media import open_original

from .encoder_deaths import at_risk, suspect
from .encoder_errors import is_lack_of_memory, said

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """Each picture is in one of three places: with its look, failed for good, or to be tried again later."""

    images: tuple[Image, ...] = ()
    looks: tuple[Look, ...] = ()
    failed: tuple[tuple[Image, ImageSearchError], ...] = ()
    deferred: tuple[tuple[Image, str], ...] = ()

    def __add__(self, other: "EncodedBatch") -> "EncodedBatch":
        return EncodedBatch(
            self.images + other.images,
            self.looks + other.looks,
            self.failed + other.failed,
            self.deferred + other.deferred,
        )

    @property
    def all_images(self) -> tuple[Image, ...]:
        return (*self.images, *(image for image, _ in (*self.failed, *self.deferred)))


def encode_batch(batch: Sequence[Image], encoder: Encoder) -> EncodedBatch:
    """Open and encode pictures in this process. Raises EncoderUnavailable if the encoder does not work at all.

    What is wrong with a picture itself fails it. A fault of the disk or of the memory, which may be over later, defers
    it. An encoder that breaks down at a batch is given its pictures one by one. Should this process die, all of them
    are suspects.
    """
    with at_risk(batch):
        opened, unreadable = [], EncodedBatch()
        for image in batch:
            found = open_pixels(image)
            if isinstance(found, EncodedBatch):
                unreadable += found
            else:
                opened.append((image, found))
        if not opened:
            return unreadable
        return _encode([image for image, _ in opened], [pixels for _, pixels in opened], encoder) + unreadable


def open_pixels(image: Image) -> Pixels | EncodedBatch:
    """Return the image's pixels, or what becomes of it without."""
    try:
        with open_original(image) as file:
            return load_pixels(file, limits=decode_limits())
    except (InvalidPicture, OriginalMissing) as error:
        return EncodedBatch(failed=((image, error),))
    except (OSError, MemoryError, StorageUnavailable) as error:  # a fault of the machine: the others go on
        logger.error("The original of picture %s cannot be read now: %s", image.pk, error)
        return EncodedBatch(deferred=((image, str(error)),))


def _encode(images: Sequence[Image], pixels: Sequence[Pixels], encoder: Encoder) -> EncodedBatch:
    try:
        looks = look_at(list(pixels), encoder)
        return EncodedBatch(tuple(images), tuple(map(with_colours, looks, pixels)))
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is the picture's, the machine's or the encoder's
        if len(images) == 1:
            return _without_vector(images[0], error, encoder)
        logger.warning("The encoder fails on a batch (%s); its pictures are tried one by one.", error)
    done = EncodedBatch()
    for image, opened in zip(images, pixels, strict=True):
        done += _encode([image], [opened], encoder)
    return done


def with_colours(look: Look, pixels: Pixels) -> Look:
    """Return a look with the colours of the whole picture, which no encoder needs to tell."""
    return replace(look, colours=picture_colours(pixels))


def _without_vector(image: Image, error: Exception, encoder: Encoder) -> EncodedBatch:
    if is_lack_of_memory(error):
        suspect([image.pk])  # whether it needs too much or others left too little, a process of its own will tell
    if isinstance(error, OSError) or is_lack_of_memory(error):
        logger.error("Picture %s cannot be encoded now: %s", image.pk, error)
        return EncodedBatch(deferred=((image, str(error)),))
    _require_working(encoder, error)
    return EncodedBatch(failed=((image, EncodingFailed(encoder=encoder.key.id, reason=said(error))),))


def _require_working(encoder: Encoder, error: Exception) -> None:
    """Raise EncoderUnavailable if a harmless picture fails as well: then no picture is to blame."""
    try:
        look_at([harmless_picture()], encoder)
    except EncoderUnavailable:
        raise
    except Exception:  # noqa: BLE001 -- as above
        raise EncoderUnavailable(encoder=encoder.key.id, reason=said(error), remedy="") from error
