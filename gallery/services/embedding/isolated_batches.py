"""From pictures to vectors, such that one bad picture stops neither its batch nor the queue."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image as PillowImage
from PIL.Image import Image as Pixels

from gallery.encoders.base import Encoder, Vectors
from gallery.errors import (
    EncoderUnavailable,
    EncodingFailed,
    EncodingKills,
    ImageSearchError,
    InvalidPicture,
    OriginalMissing,
)
from gallery.imaging import load_pixels
from gallery.models import Image
from gallery.services.decode_limits import decode_limits
from gallery.services.media import open_original

from .encoder_deaths import at_risk, forget_deaths

DEATHS_TOGETHER = 3  # of a whole batch; from then on its pictures are tried one by one
DEATHS_AT_MOST = 5  # so at least two of them with that picture alone

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class EncodedBatch:
    """Each picture is in one of three places: with its vector, failed for good, or to be tried again later."""

    images: list[Image] = field(default_factory=list)
    vectors: list[Vectors] = field(default_factory=list)  # (dimension,) each
    failed: list[tuple[Image, ImageSearchError]] = field(default_factory=list)
    deferred: list[tuple[Image, str]] = field(default_factory=list)

    @property
    def matrix(self) -> Vectors:
        return np.stack(self.vectors)


def encode_batch(batch: Sequence[Image], encoder: Encoder) -> EncodedBatch:
    """Open and encode pictures. Raises EncoderUnavailable if the encoder does not work at all.

    What is wrong with a picture itself fails it. A fault of the disk or of the memory, which may be over later, defers
    it. An encoder that breaks down at a batch is given its pictures one by one.
    """
    done = EncodedBatch()
    for group in _groups(batch, done):
        with at_risk(group):
            opened = [(image, pixels) for image in group if (pixels := _open(image, done)) is not None]
            if opened:
                _encode([image for image, _ in opened], [pixels for _, pixels in opened], encoder, done)
        forget_deaths(group)
    forget_deaths([image for image, error in done.failed if isinstance(error, EncodingKills)])  # a retry begins anew
    return done


def _groups(batch: Sequence[Image], done: EncodedBatch) -> Iterator[list[Image]]:
    """Yield what is encoded together: pictures at which processes died are alone, and at last left out."""
    if together := [image for image in batch if image.embed_deaths < DEATHS_TOGETHER]:
        yield together
    for image in batch:
        if image.embed_deaths >= DEATHS_AT_MOST:
            done.failed.append((image, EncodingKills(deaths=image.embed_deaths)))
        elif image.embed_deaths >= DEATHS_TOGETHER:
            yield [image]


def _open(image: Image, done: EncodedBatch) -> Pixels | None:
    try:
        with open_original(image) as file:
            return load_pixels(file, limits=decode_limits())
    except (InvalidPicture, OriginalMissing) as error:
        done.failed.append((image, error))
    except (OSError, MemoryError) as error:  # a fault of the machine: the others go on
        logger.error("The original of picture %s cannot be read now: %s", image.pk, error)
        done.deferred.append((image, str(error)))
    return None


def _encode(images: list[Image], pixels: list[Pixels], encoder: Encoder, done: EncodedBatch) -> None:
    try:
        vectors = encoder.encode_images(pixels)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is the picture's, the machine's or the encoder's
        if len(images) > 1:
            logger.warning("The encoder fails on a batch (%s); its pictures are tried one by one.", error)
            for image, opened in zip(images, pixels, strict=True):
                _encode([image], [opened], encoder, done)
        elif isinstance(error, OSError | MemoryError):
            logger.error("Picture %s cannot be encoded now: %s", images[0].pk, error)
            done.deferred.append((images[0], str(error)))
        else:
            _require_working(encoder, error)
            done.failed.append((images[0], EncodingFailed(encoder=encoder.key.id, reason=_said(error))))
    else:
        done.images += images
        done.vectors += list(vectors)


def _require_working(encoder: Encoder, error: Exception) -> None:
    """Raise EncoderUnavailable if a harmless picture fails as well: then no picture is to blame."""
    try:
        encoder.encode_images([PillowImage.new("RGB", (64, 64), "gray")])
    except EncoderUnavailable:
        raise
    except Exception:  # noqa: BLE001 -- as above
        raise EncoderUnavailable(encoder=encoder.key.id, reason=_said(error), remedy="") from error


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
