from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from gallery.text.folding import folded_lines

from . import access
from .actor import Actor


class AlbumQuerySet(models.QuerySet["Album"]):
    def visible_to(self, actor: Actor) -> Self:
        """The actor's own albums, those shared with the actor, and for curators all."""
        return self.filter(access.may_see_album(actor))

    def editable_by(self, actor: Actor) -> Self:
        return self.filter(access.may_edit_album(actor))

    def deletable_by(self, actor: Actor) -> Self:
        return self.filter(access.may_delete_album(actor))


class Album(models.Model):
    """Pictures of one owner, in order. Members see those of them whose visibility is "shared"."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="albums", verbose_name=_("owner"))
    title = models.CharField(_("title"), max_length=200)
    description = models.TextField(_("description"), blank=True, max_length=2000)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="shared_albums", blank=True, verbose_name=_("members")
    )
    images = models.ManyToManyField(
        "gallery.Image", through="gallery.AlbumImage", related_name="albums", blank=True, verbose_name=_("pictures")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    folded_text = models.TextField(_("folded text"), default="", editable=False)  # title and description, a line each

    objects = AlbumQuerySet.as_manager()

    class Meta:
        ordering = ["title", "pk"]
        verbose_name = _("album")
        verbose_name_plural = _("albums")
        constraints = [models.CheckConstraint(condition=~Q(title=""), name="album_title_not_empty")]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.folded_text = folded_lines(self.title, self.description)
        if (fields := kwargs.get("update_fields")) is not None:
            kwargs["update_fields"] = {*fields, "folded_text"}
        super().save(*args, **kwargs)

    def shows_images_of(self, owner_id: int) -> bool:
        """Say of one picture's owner what `AlbumImageQuerySet.shown` asks of all."""
        return owner_id == self.owner_id


class AlbumImageQuerySet(models.QuerySet["AlbumImage"]):
    def shown(self) -> Self:
        """Places whose picture the album shows: its owner's."""
        return self.filter(access.is_shown_in_album(F("image__owner")))


class AlbumImage(models.Model):
    """A picture's place in an album."""

    album = models.ForeignKey(Album, models.CASCADE, verbose_name=_("album"))
    image = models.ForeignKey("gallery.Image", models.CASCADE, verbose_name=_("picture"))
    position = models.PositiveIntegerField(_("position"), default=0)

    objects = AlbumImageQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        verbose_name = _("picture in an album")
        verbose_name_plural = _("pictures in an album")
        constraints = [models.UniqueConstraint(fields=["album", "image"], name="album_image_once")]

    def __str__(self) -> str:
        return f"{self.album_id}:{self.image_id}"
