"""The colours of pictures: kept by the look that gives the vector, and of older pictures by a look of its own."""

from django.db import transaction

from gallery.encoders.offline.picture_colours import picture_colours
from gallery.models import Image, PictureColours
from gallery.models.picture_colours import Colours

from .isolated_batches import EncodedBatch, open_pixels

AT_A_TIME = 16  # pictures: some seconds' work, for which new ones wait


def keep_colours(batch: EncodedBatch) -> None:
    """Keep the colours of pictures that were encoded, before they are searchable, so that nobody who knows a picture
    by its row missed them.
    """
    looks = zip(batch.images, batch.looks, strict=True)
    _keep({image.pk: look.colours for image, look in looks if look.colours is not None})


def colour_some(place: int) -> int | None:
    """Look at a few searchable pictures with ids higher than `place` whose colours are not known yet, and return the
    next place, None at the end. May be killed, and run beside itself.
    """
    if place == 0 and PictureColours.objects.are_complete():
        return None
    candidates = Image.objects.searchable().filter(pk__gt=place)
    images = list(PictureColours.objects.missing_in(candidates)[:AT_A_TIME])
    found: dict[int, Colours] = {}
    for image in images:
        pixels = open_pixels(image)
        if not isinstance(pixels, EncodedBatch):
            found[image.pk] = picture_colours(pixels)
        elif pixels.failed:  # and not tried again; what cannot be read now is, with the next round
            found[image.pk] = ()
    _keep(found)
    return images[-1].pk if len(images) == AT_A_TIME else None


def _keep(colours: dict[int, Colours]) -> None:
    """A picture may be deleted meanwhile."""
    with transaction.atomic():
        there = Image.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=colours).order_by("pk")
        PictureColours.objects.write({pk: colours[pk] for pk in there.values_list("pk", flat=True)})
