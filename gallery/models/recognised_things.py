"""What an encoder recognised in a picture, and where."""

from collections.abc import Collection, Mapping, Sequence
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from gallery.encoders.abilities import Thing
from gallery.encoders.base import EncoderKey

from .image import Image

Things = tuple[Thing, ...]


class RecognisedThingsQuerySet(models.QuerySet["RecognisedThings"]):
    def write(self, things: Mapping[int, Things | None], *, encoder: EncoderKey) -> None:
        """Keep what this encoder saw in images, by their ids; None for one that it cannot look at."""
        rows = [
            self.model(image_id=image_id, revision=str(encoder), things=_as_json(seen))
            for image_id, seen in things.items()
        ]
        self.bulk_create(rows, update_conflicts=True, unique_fields=["image"], update_fields=["revision", "things"])

    def seen_in(self, image_ids: Collection[int]) -> dict[int, Things]:
        """Return what was recognised in those of these images of which that is known, doubtful things too."""
        rows = self.filter(image__in=image_ids, things__isnull=False).values_list("image_id", "things")
        return {image_id: _of_json(things or ()) for image_id, things in rows}

    def told_of(self, image: Image) -> Things | None:
        """Return what was surely recognised in an image, the surest first; None while that is unknown."""
        seen = self.seen_in([image.pk]).get(image.pk)
        return None if seen is None else tuple(thing for thing in seen if thing.is_sure)

    def unreadable(self) -> Self:
        """Return the rows of images that could not be looked at."""
        return self.filter(things__isnull=True)

    def missing_in(self, images: models.QuerySet[Image], encoder: EncoderKey) -> models.QuerySet[Image]:
        """Return those of these images at which this encoder has not looked, by age."""
        looked_at = self.filter(image=models.OuterRef("pk"), revision=str(encoder))
        return images.filter(~models.Exists(looked_at)).order_by("pk")

    def are_complete(self, encoder: EncoderKey) -> bool:
        """Say whether this encoder has looked at all searchable images, by two numbers: nobody goes through them."""
        return self.filter(revision=str(encoder)).count() >= Image.objects.searchable().count()


class RecognisedThings(models.Model):
    """The things that an encoder recognised in an image, the surest first.

    A missing row, or one of another encoder than the index has, means "to do" where that encoder sees things; until
    then what another one saw is as true as it was. `things` are null where it could not look at the image.
    """

    image = models.OneToOneField(Image, models.CASCADE, primary_key=True, related_name="recognised_things")
    revision = models.CharField(max_length=410)  # of the encoder, its name included
    things = models.JSONField(null=True)  # a list of Thing.as_json

    objects = RecognisedThingsQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["revision"], name="recognised_things_revision")]
        verbose_name = _("recognised things")
        verbose_name_plural = _("recognised things")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.image_id)


def _as_json(things: Things | None) -> list[dict[str, object]] | None:
    return None if things is None else [thing.as_json() for thing in things]


def _of_json(said: Sequence[Mapping[str, object]]) -> Things:
    return tuple(Thing.of_json(each) for each in said)
