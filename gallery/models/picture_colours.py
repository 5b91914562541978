"""The colours of images, as their pixels have them."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from gallery.encoders.offline.colours import COLOURS
from gallery.encoders.offline.picture_colours import REVISION

from .image import Image

Colours = tuple[str, ...]
BITS: Final = {name: 1 << place for place, name in enumerate(COLOURS)}


def bits_of(colours: Collection[str]) -> int:
    """Return the number that stands for these colours."""
    return sum(BITS[name] for name in set(colours))


def counted_colours(counts: Mapping[int, int]) -> Counter[str]:
    """Return how often each colour is there, by how often each number that stands for some of them is."""
    found: Counter[str] = Counter()
    for bits, count in counts.items():
        found.update({name: count for name, bit in BITS.items() if bits & bit})
    return found


class PictureColoursQuerySet(models.QuerySet["PictureColours"]):
    def write(self, colours: Mapping[int, Colours]) -> None:
        """Keep the colours of images, by their ids; none for one that cannot be looked at."""
        rows = [
            self.model(image_id=image_id, revision=REVISION, colours=bits_of(found))
            for image_id, found in colours.items()
        ]
        self.bulk_create(rows, update_conflicts=True, unique_fields=["image"], update_fields=["revision", "colours"])

    def missing_in(self, images: models.QuerySet[Image]) -> models.QuerySet[Image]:
        """Return those of these images that nobody has looked at in this revision, by age."""
        looked_at = self.filter(image=models.OuterRef("pk"), revision=REVISION)
        return images.filter(~models.Exists(looked_at)).order_by("pk")

    def are_complete(self) -> bool:
        """Say whether the colours of all searchable images are known, by two numbers: nobody goes through them."""
        return self.filter(revision=REVISION).count() >= Image.objects.searchable().count()


class PictureColours(models.Model):
    """Which of COLOURS an image has; none of them where it could not be looked at.

    A missing row, or one of another revision, means "to do"; until then what an older one says is as true as it was.
    """

    image = models.OneToOneField(Image, models.CASCADE, primary_key=True, related_name="picture_colours")
    revision = models.PositiveSmallIntegerField()
    colours = models.PositiveSmallIntegerField()  # the sum of their BITS

    objects = PictureColoursQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["revision"], name="picture_colours_revision")]
        verbose_name = _("colours of a picture")
        verbose_name_plural = _("colours of pictures")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.image_id)
