"""Who may do what, as conditions of a query: each queryset asks here, and nobody decides a second time.

A condition joins a search, a list, a count or a change alike. OPERATOR and WORKER may do everything; a curator is a
member of staff with a right of the admin, on pictures ("image"), albums ("album") or jobs ("job"), each by itself.
"""

from typing import Any, Literal, Protocol

from django.apps import apps
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from .actor import Actor
from .conditions import ShownIn
from .user import User

EVERYTHING = Q()
NOTHING = Q(pk__in=())  # the database is not even asked


class Visibility(models.TextChoices):
    PRIVATE = "private", _("private: only me")
    SHARED = "shared", _("shared: members of its albums")
    PUBLIC = "public", _("public: everyone")


Right = Literal["view", "change", "delete"]
Kind = Literal["image", "album", "job"]


def is_curator(actor: Actor, right: Right, *, of: Kind) -> bool:
    """Say whether the actor holds this right on all of a kind, whoever owns them."""
    if actor.may_everything:
        return True
    user = actor.user
    if user is None or not _is_staff(user):
        return False
    rights = ("view", "change") if right == "view" else (right,)  # as the admin: who may change may see
    return any(user.has_perm(f"gallery.{name}_{of}") for name in rights)


def may_change_model(actor: Actor) -> bool:
    """Say whether the actor may move the whole library to another encoder."""
    return actor.may_everything or (actor.user is not None and _is_staff(actor.user) and actor.user.is_superuser)


def _is_staff(user: User) -> bool:
    return user.is_active and user.is_staff


def is_own(actor: Actor) -> Q:
    """Pictures or albums of a member; nobody else has any."""
    return NOTHING if actor.user is None else Q(owner=actor.user)


def is_offered_as(visibility: Visibility) -> Q:
    """Pictures that their owner has made so; who may see them is another question."""
    return Q(visibility=visibility)


# Pictures


def may_see_image(actor: Actor) -> Q:
    """Public pictures, one's own, those shared through an album of their owner that one is a member of.

    Curators see all. None of them lies in the trash.
    """
    return Q(trashed_at__isnull=True) & _may_see_live_image(actor)


def _may_see_live_image(actor: Actor) -> Q:
    if is_curator(actor, "view", of="image"):
        return EVERYTHING
    public = Q(visibility=Visibility.PUBLIC)
    return public if actor.user is None else public | is_own(actor) | _is_shared_with(actor.user)


def _is_shared_with(user: User) -> Q:
    albums = apps.get_model("gallery", "Album")._default_manager.filter(members=user)
    return Q(visibility=Visibility.SHARED) & is_shown_in_one_of(albums)  # few rows are worth the second question


def is_shown_in_one_of(albums: models.QuerySet[Any]) -> Q:
    """Pictures that one of these albums shows.

    Ask from the picture on: its places are few, those in all albums of a member are many. As one join PostgreSQL would
    read them all for each page, and SQLite without statistics all albums of an owner.
    """
    its_album = albums.filter(is_of_image_owner(OuterRef(OuterRef("owner"))), pk=OuterRef("album"))
    places = apps.get_model("gallery", "AlbumImage")._default_manager.filter(Exists(its_album), image=OuterRef("pk"))
    return Q(ShownIn(places, albums=albums))


def is_of_image_owner(image_owner: Any) -> Q:
    """Albums of the picture's own owner: nobody opens another's picture by putting it into an album.

    `image_owner` is what the query calls that owner.
    """
    return Q(owner=image_owner)


def is_shown_in_album(image_owner: Any) -> Q:
    """Places in such albums."""
    return Q(album__owner=image_owner)


def is_shown_by(album: Any) -> Q:
    """Pictures of an album's owner with a place in that album: the same, asked of pictures."""
    return Q(albumimage__album=album, albumimage__album__owner=F("owner"))


def may_edit_image(actor: Actor) -> Q:
    """Pictures that one may change or move to the trash, those in the trash included."""
    return EVERYTHING if is_curator(actor, "change", of="image") else is_own(actor)


def may_delete_image(actor: Actor) -> Q:
    """Pictures that one may delete for good: one's own, and for curators with that right all."""
    return EVERYTHING if is_curator(actor, "delete", of="image") else is_own(actor)


def may_curate_image(actor: Actor) -> Q:
    """Pictures that the admin lists: what one may see, and the trash for those who may change every picture."""
    return EVERYTHING if is_curator(actor, "change", of="image") else may_see_image(actor)


def may_add_images_of(actor: Actor, owner_id: int) -> bool:
    """Say whether the actor may bring in pictures that become this user's."""
    return actor.may_everything or (actor.user is not None and actor.user.pk == owner_id)


# Originals: whole, which is the stored bytes, or without metadata, which is the same picture without position, serial
# numbers, names and all else that is no part of it


class HasOriginal(Protocol):
    """A picture, as far as this is asked of it; its owner should be at hand already."""

    gives_whole_original: Any
    owner: Any
    owner_id: Any


def gets_whole_original(actor: Actor, image: HasOriginal) -> bool:
    """Say whether somebody who may see a picture gets its original whole. Curators get what anybody else gets."""
    return may_choose_original(actor, image) or others_get_whole_original(image)


def others_get_whole_original(image: HasOriginal) -> bool:
    """Say whether everybody else gets the original whole: the picture's own choice, else that of its owner."""
    chosen, account = image.gives_whole_original, image.owner.gives_whole_originals
    return bool(account if chosen is None else chosen)


def may_choose_original(actor: Actor, image: HasOriginal) -> bool:
    """Say whether the actor decides what others get of an original: its owner alone, no curator."""
    return actor.may_everything or (actor.user is not None and actor.user.pk == image.owner_id)


# Albums


def may_see_album(actor: Actor) -> Q:
    """One's own albums and those that one is a member of; curators see all. Their pictures are asked for apart."""
    if is_curator(actor, "view", of="album"):
        return EVERYTHING
    if actor.user is None:
        return NOTHING
    members = apps.get_model("gallery", "Album").members.through._default_manager
    return is_own(actor) | Q(pk__in=members.filter(user=actor.user).values("album"))


def may_edit_album(actor: Actor) -> Q:
    return EVERYTHING if is_curator(actor, "change", of="album") else is_own(actor)


def may_delete_album(actor: Actor) -> Q:
    return EVERYTHING if is_curator(actor, "delete", of="album") else is_own(actor)


# Jobs


def may_see_job(actor: Actor) -> Q:
    """What one began oneself and what works in one's library; staff with that right all."""
    return EVERYTHING if is_curator(actor, "view", of="job") else is_own_job(actor)


def may_see_server_paths(actor: Actor) -> bool:
    """Say whether imports tell the actor where on the server files lie: operators, and staff that see all jobs."""
    return is_curator(actor, "view", of="job")


def may_edit_job(actor: Actor) -> Q:
    """Jobs that one may cancel: the same, and for staff with that right all."""
    return EVERYTHING if is_curator(actor, "change", of="job") else is_own_job(actor)


def is_own_job(actor: Actor) -> Q:
    return NOTHING if actor.user is None else Q(owner=actor.user) | Q(asked_by=actor.user)
