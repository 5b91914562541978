from collections.abc import Collection
from typing import Self

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from .actor import Actor


class FavouriteQuerySet(models.QuerySet["Favourite"]):
    def of(self, actor: Actor) -> Self:
        """A member's own; nobody else has any."""
        return self.none() if actor.user is None else self.filter(user=actor.user)

    def among(self, image_ids: Collection[int], actor: Actor) -> set[int]:
        """Return which of these images are favourites of an actor, in one query."""
        return set(self.of(actor).filter(image__in=image_ids).values_list("image_id", flat=True))

    def image_ids(self) -> npt.NDArray[np.int64]:
        """Return the ids of the images, ascending: (n,) int64."""
        ids = self.order_by("image_id").values_list("image_id", flat=True)
        return np.fromiter(ids.iterator(chunk_size=10_000), dtype=np.int64)


class Favourite(models.Model):
    """A star of somebody's own on an image that they could see then; who may see it now is asked of the image."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="favourites", db_index=False)
    image = models.ForeignKey("gallery.Image", models.CASCADE, related_name="favourites")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = FavouriteQuerySet.as_manager()

    class Meta:
        verbose_name = _("favourite")
        verbose_name_plural = _("favourites")
        default_permissions = ()  # one's own note, which nobody else sees
        constraints = [models.UniqueConstraint(fields=["user", "image"], name="favourite_once")]

    def __str__(self) -> str:
        return f"{self.user_id}:{self.image_id}"
