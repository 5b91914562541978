"""How much a library may hold and how much of it is used: the account says, else the settings; 0 is no limit."""

from dataclasses import dataclass
from typing import Any

from gallery.conf import gallery
from gallery.errors import LibraryTooLarge, Phrase, TooManyPictures, gettext_noop
from gallery.models import Actor, LibraryUse, User

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Share:
    """How much of something is used. `limit`: None where there is none."""

    used: int
    limit: int | None

    @property
    def is_used_up(self) -> bool:
        return self.limit is not None and self.used >= self.limit

    @property
    def shown(self) -> int:
        """How much of a bar is filled: not more than the whole of it."""
        return self.used if self.limit is None else min(self.used, self.limit)


@dataclass(frozen=True, slots=True)
class Quota:
    pictures: Share
    size_bytes: Share

    @property
    def is_limited(self) -> bool:
        return self.pictures.limit is not None or self.size_bytes.limit is not None

    @property
    def is_used_up(self) -> bool:
        return self.pictures.is_used_up or self.size_bytes.is_used_up


def quota_of(owner: User) -> Quota:
    return _quota(LibraryUse.objects.of(owner.pk))


def require_room(use: LibraryUse, *, size_bytes: int, by: Actor) -> None:
    """Refuse the picture of `size_bytes` that the use counts already, if that is too much.

    Raises TooManyPictures, LibraryTooLarge.
    """
    quota = _quota(use)
    if (limit := quota.pictures.limit) is not None and use.images > limit:
        raise TooManyPictures(count=use.images - 1, limit=limit, **_remedy(use.owner, "IMAGESEARCH_QUOTA_PICTURES", by))
    if (limit := quota.size_bytes.limit) is not None and use.size_bytes > limit:
        used_bytes = use.size_bytes - size_bytes
        remedy = _remedy(use.owner, "IMAGESEARCH_QUOTA_MB", by)
        raise LibraryTooLarge(used_bytes=used_bytes, size_bytes=size_bytes, limit_bytes=limit, **remedy)


def require_room_for_another(owner: User, *, size_bytes: int, by: Actor) -> None:
    """Refuse a picture before it is read. Others may come first: `require_room` tells when it is stored."""
    if not any(_limits(owner)):
        return
    use = LibraryUse.objects.of(owner.pk)
    use.images += 1
    use.size_bytes += size_bytes
    require_room(use, size_bytes=size_bytes, by=by)


def _quota(use: LibraryUse) -> Quota:
    max_pictures, max_bytes = _limits(use.owner)
    return Quota(Share(use.images, max_pictures or None), Share(use.size_bytes, max_bytes or None))


def _limits(owner: User) -> tuple[int, int]:
    """Return how many pictures and bytes there may be, 0 for no limit."""
    settings = gallery()
    max_pictures = settings.quota_pictures if owner.quota_pictures is None else owner.quota_pictures
    return max_pictures, settings.quota_bytes if owner.quota_mb is None else owner.quota_mb * MB


def _remedy(owner: User, setting: str, by: Actor) -> dict[str, Any]:
    if by.may_everything:
        template = gettext_noop("Raise the limit of “%(owner)s” in the admin, or the one of all with %(setting)s.")
        return {"remedy": Phrase(template, owner=owner.get_username(), setting=setting)}
    template = gettext_noop("Delete some for good (those in the trash count), or ask the operator for more.")
    return {"remedy": Phrase(template)}
