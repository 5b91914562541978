"""What pictures show that were embedded before it was kept: looked at once more, beside all other work."""

import logging

from django.db import transaction

from gallery.encoders.base import EncoderKey
from gallery.encoders.looking import sees_things
from gallery.errors import EncoderMismatch
from gallery.models import Image, IndexState, ModelChange, RecognisedThings
from gallery.models.recognised_things import Things

from .encoder_deaths import count_deaths
from .encoder_in_use import current_encoder
from .isolated_batches import EncodedBatch
from .trial import encode_and_try

AT_A_TIME = 4  # pictures: some seconds' work, for which new ones wait

logger = logging.getLogger(__name__)


def recognise_some(place: int) -> int | None:
    """Look at a few searchable pictures with ids higher than `place` at which the encoder of the index has not looked
    yet, and return the next place, None at the end.

    Where the model changes, that looks at all of them. May be killed, and run beside itself. Raises EncoderUnavailable.
    """
    state = IndexState.objects.current()
    if not state.has_encoder or ModelChange.objects.exists():
        return None
    if place == 0 and RecognisedThings.objects.are_complete(state.encoder_key):
        return None
    return _recognise(place)


def _recognise(place: int) -> int | None:
    try:
        encoder = current_encoder()
    except EncoderMismatch:  # which pictures that wait tell of; these are not in need of it
        return None
    if not sees_things(encoder):
        return None
    count_deaths()
    candidates = Image.objects.searchable().filter(pk__gt=place)
    images = list(RecognisedThings.objects.missing_in(candidates, encoder.key)[:AT_A_TIME])
    for batch in encode_and_try(images, encoder):
        _keep(batch, encoder.key)
    return images[-1].pk if len(images) == AT_A_TIME else None


def _keep(batch: EncodedBatch, encoder: EncoderKey) -> None:
    """Keep what was seen. What cannot be looked at is not tried again; what cannot be read now is, with the next round.

    A picture may be deleted meanwhile.
    """
    for image, error in batch.failed:
        logger.warning("What picture %s shows is not recognised: %s", image.pk, error)
    things: dict[int, Things | None] = {image.pk: None for image, _error in batch.failed}
    things |= {image.pk: look.things for image, look in zip(batch.images, batch.looks, strict=True)}
    with transaction.atomic():
        there = Image.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=things)
        left = set(there.values_list("pk", flat=True))
        RecognisedThings.objects.write({pk: things[pk] for pk in things if pk in left}, encoder=encoder)
