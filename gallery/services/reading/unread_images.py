"""Pictures that nobody has read, a few at a time: embedding comes first.

The queue is the table: a searchable picture without a row of this revision is to be read. Each process claims what it
reads, so any number may work; what one had when it was killed the others read.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction
from PIL.Image import Image as Pixels

from gallery.errors import ImageSearchError, ReaderUnavailable, ReadingFailed, ReadingKills, StoredError
from gallery.models import Claim, Image, RecognisedText
from gallery.models.recognised_text import TextRead
from gallery.services.embedding.encoder_child import (
    ChildEnded,
    ChildNotStarted,
    End,
    PictureDeferred,
    PictureRefused,
)
from gallery.services.embedding.isolated_batches import EncodedBatch, open_pixels

from .reader_child import ReaderChild

AT_A_TIME = 8  # pictures that are claimed
STRIKES = 2.0  # sum of the weights of ends at a picture: then it is the picture

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReadReport:
    """How many pictures were read, and how many could not be."""

    read: int = 0
    failed: int = 0


def embedding_waits() -> bool:
    """Say whether there are pictures to be embedded that nobody works on."""
    return Claim.objects.free(Image.objects.pending().unsuspected()).exists()


class TextReading:
    """Reads portions of what is unread; keeps a process that reads until it is closed."""

    def __init__(self, holder: str) -> None:
        self._holder = holder
        self._child: ReaderChild | None = None

    def take_some(self, place: int) -> list[Image]:
        """Claim some pictures with ids above `place` that nobody has read and nobody else reads, by age."""
        candidates = RecognisedText.objects.missing_in(Image.objects.searchable().filter(pk__gt=place))
        return Claim.objects.take(candidates, holder=self._holder, count=AT_A_TIME)

    def read(self, images: Sequence[Image]) -> ReadReport:
        """Read these until pictures wait to be embedded, and let go of them. Raises ReaderUnavailable."""
        try:
            return self._read_all(images)
        finally:
            Claim.objects.release([image.pk for image in images], holder=self._holder)

    def close(self) -> None:
        """End the process, if there is one; the next picture starts another."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def _read_all(self, images: Sequence[Image]) -> ReadReport:
        read = failed = 0
        for image in images:
            if embedding_waits():
                break
            found = self._read_one(image)
            if found is None:
                Claim.objects.put_off([image.pk], holder=self._holder)
                continue
            _keep(image, found)
            read += found.error is None
            failed += found.error is not None
        return ReadReport(read, failed)

    def _read_one(self, image: Image) -> TextRead | None:
        """Return what is written in a picture or why that cannot be known; None where it may be later."""
        pixels = open_pixels(image)
        if not isinstance(pixels, EncodedBatch):
            return self._read(image, pixels)
        return TextRead(error=StoredError.of(pixels.failed[0][1])) if pixels.failed else None

    def _read(self, image: Image, pixels: Pixels) -> TextRead | None:
        """A process that ends at a picture may have been ended by anything; the second one tells."""
        ends: list[End] = []
        while True:
            try:
                return TextRead(self._open_child().read(pixels))
            except PictureRefused as refusal:
                return _unreadable(image, ReadingFailed(reason=str(refusal)))
            except PictureDeferred as fault:
                logger.error("Picture %s cannot be read now: %s", image.pk, fault)
                return None
            except ChildEnded as ended:
                self.close()
                logger.warning("A process was ended by %s while it read picture %s.", ended.end.cause, image.pk)
                if not ended.end.weight:  # by whoever asked it to
                    return None
                ends.append(ended.end)
                if sum(end.weight for end in ends) >= STRIKES:
                    return _unreadable(image, ReadingKills(cause=ended.end.cause, deaths=len(ends)))

    def _open_child(self) -> ReaderChild:
        if self._child is None:
            try:
                self._child = ReaderChild()
            except ChildNotStarted as error:
                raise ReaderUnavailable(reason=str(error)) from error
        return self._child


def _unreadable(image: Image, error: ImageSearchError) -> TextRead:
    logger.warning("Picture %s: %s", image.pk, error)
    return TextRead(error=StoredError.of(error))


def _keep(image: Image, read: TextRead) -> None:
    """A picture may be deleted meanwhile."""
    with suppress(Image.DoesNotExist), transaction.atomic():
        Image.objects.select_for_update(of=("self",), no_key=True).get(pk=image.pk)
        RecognisedText.objects.write({image.pk: read})
