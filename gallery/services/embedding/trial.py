"""Who is to blame: suspects are tried one at a time in a process whose parent lives on.

A picture fails when fresh processes end at it again and again while this one lives: `STRIKES` times, each in a process
of its own that has just encoded a harmless picture. What ends this process too, a kill, a restart, a power cut, leaves
nothing on the picture: its trial begins anew. Whoever answers is cleared and has its vector.
"""

import logging
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import closing

from gallery.encoders.base import Encoder
from gallery.errors import EncodingFailed, EncodingKills
from gallery.models import Image

from .encoder_child import ChildEnded, ChildNotStarted, EncoderChild, End, PictureDeferred, PictureRefused
from .encoder_deaths import forget_deaths
from .isolated_batches import EncodedBatch, encode_batch, open_pixels, with_colours

STRIKES = 3.0  # sum of the weights of ends
STARTS_IN_VAIN = 3  # of processes that prove nothing: the suspects are left for later

logger = logging.getLogger(__name__)


def encode_and_try(batch: Sequence[Image], encoder: Encoder) -> Iterator[EncodedBatch]:
    """Yield what becomes of pictures as soon as it is known: those that nobody suspects together, then the suspects.

    Raises EncoderUnavailable if the encoder does not work at all.
    """
    if unsuspected := [image for image in batch if not image.embed_deaths]:
        yield encode_batch(unsuspected, encoder)
    if suspects := [image for image in batch if image.embed_deaths]:
        yield from Trial(suspects, encoder).outcomes()


class Trial:
    """One trial of some suspects. Whoever ends a process goes to the end of the line, so that no other waits for it."""

    def __init__(self, suspects: Sequence[Image], encoder: Encoder) -> None:
        self._line = deque(suspects)
        self._encoder = encoder
        self._ends: defaultdict[int, list[End]] = defaultdict(list)
        self._in_vain = 0

    def outcomes(self) -> Iterator[EncodedBatch]:
        """Yield what each process found out when it has ended, until nothing is left or none can be had."""
        while self._line and self._in_vain < STARTS_IN_VAIN:
            try:
                child = EncoderChild(self._encoder)
            except ChildNotStarted as error:
                logger.error("No process can try the pictures at which others died: %s", error)
                self._in_vain += 1
                continue
            with closing(child):
                done = self._try_until_it_ends(child)
            forget_deaths([*done.images, *(image for image, _ in done.failed)])
            yield done
        if self._line:
            reason = "No process lasted long enough to try this picture, at which another one died."
            yield EncodedBatch(deferred=tuple((image, reason) for image in self._line))

    def _try_until_it_ends(self, child: EncoderChild) -> EncodedBatch:
        done = EncodedBatch()
        while self._line:
            image = self._line.popleft()
            try:
                done += self._try(image, child)
            except ChildEnded as ended:
                return done + self._after(image, ended.end)
        return done

    def _try(self, image: Image, child: EncoderChild) -> EncodedBatch:
        """Raises ChildEnded."""
        pixels = open_pixels(image)
        if isinstance(pixels, EncodedBatch):
            return pixels
        try:
            return EncodedBatch((image,), (with_colours(child.look(pixels), pixels),))
        except PictureRefused as refusal:
            error = EncodingFailed(encoder=self._encoder.key.id, reason=str(refusal))
            return EncodedBatch(failed=((image, error),))
        except PictureDeferred as fault:
            return EncodedBatch(deferred=((image, str(fault)),))

    def _after(self, image: Image, end: End) -> EncodedBatch:
        """Fail the picture if that was the last strike, else let it come again."""
        logger.warning("A process was ended by %s at picture %s.", end.cause, image.pk)
        self._in_vain += end.weight == 0
        ends = self._ends[image.pk] = [*self._ends[image.pk], end]
        if sum(end.weight for end in ends) < STRIKES:
            self._line.append(image)
            return EncodedBatch()
        deaths = sum(end.weight > 0 for end in ends)
        return EncodedBatch(failed=((image, EncodingKills(deaths=deaths, cause=end.cause)),))
