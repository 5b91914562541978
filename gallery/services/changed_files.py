"""Files that hold another picture than when they were imported last: edited in place, or written over."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from django.db import IntegrityError, transaction
from PIL.Image import Image as Pixels

from gallery.errors import ImageSearchError
from gallery.imaging import THUMBNAIL_SIZES_PX, Facts, load_pixels
from gallery.imaging.likeness import look_alike
from gallery.models import Actor, Album, AlbumImage, AuditVerb, Image, ImportedPath, User
from gallery.text.tag_names import MAX_TAGS_PER_IMAGE, tag_key

from .audit import Action, recording
from .curation import move_to_trash
from .decode_limits import decode_limits
from .import_jobs import ChangedFile
from .ingest import told_values
from .labels import Labels
from .media import open_thumbnail


class OnChange(StrEnum):
    """What becomes of the picture that a changed file held before.

    KEEP: both stay; the new one gets description and tags of the other if it is the same shot. Who may see it says the
    import. REPLACE: it gets all labels, and the other's places in albums, and the other goes to the trash, unless
    another file that is still there holds it.
    """

    KEEP = "keep"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class _Replacement:
    place: bytes
    image: Image
    previous: Image


class ChangedFiles:
    """Keeps up to date which file gave which of an owner's pictures, while an import runs.

    In KEEP a path is noted in the transaction of its new picture. In REPLACE a changed one is noted at the end, in one
    transaction with what happens to its earlier picture: only then it is known whether another file holds that one
    now, and what a killed run did not get to is found by the next.
    """

    def __init__(self, *, owner: User, by: Actor, on_change: OnChange) -> None:
        self._owner = owner
        self._by = by
        self._on_change = on_change
        self._changed: list[ChangedFile] = []
        self._new_places: set[bytes] = set()
        self._replacements: dict[int, _Replacement] = {}  # by their places among the changed

    @property
    def changed(self) -> tuple[ChangedFile, ...]:
        return tuple(self._changed)

    def look_up(self, places: Sequence[bytes | None]) -> None:
        """Ask once which of these places are new, so that `previous` need not ask for each."""
        asked = [place for place in places if place is not None]
        self._new_places |= set(asked) - ImportedPath.objects.known(asked, owner_id=self._owner.pk)

    def previous(self, place: bytes | None) -> Image | None:
        """Return what the file at this place held before, also if that is in the trash."""
        if place in self._new_places:
            self._new_places.discard(place)  # once: from then on it may be noted
            return None
        return ImportedPath.objects.image_at(place, owner_id=self._owner.pk) if place is not None else None

    def place_to_note(self, place: bytes | None, previous: Image | None) -> bytes | None:
        """Return the place that is to be noted in the transaction of its new picture."""
        return None if previous is not None and self._on_change is OnChange.REPLACE else place

    def labels_for(self, previous: Image | None, labels: Labels, facts: Facts, pixels: Pixels) -> Labels | None:
        """Return the labels of a new picture whose file held `previous` before, None if they do not come from that.

        A camera uses its file names again: unless the caller said that files replace each other, it must be the same
        shot. What is in the trash keeps its labels for itself.
        """
        if previous is None or previous.trashed_at is not None:
            return None
        if self._on_change is OnChange.KEEP and not _is_same_shot(previous, facts, pixels):
            return None
        return self._handed_over(previous, labels)

    def note(
        self,
        path: str,
        place: bytes | None,
        image: Image,
        previous: Image | None,
        *,
        has_labels: bool = False,
        is_noted: bool = False,
    ) -> None:
        """Report a file that held another picture before; note what it holds now, unless its place `is_noted`.

        What lies in the trash is no news.
        """
        if place is None or image.trashed_at is not None or image == previous:
            return
        if previous is not None:
            self._changed.append(ChangedFile(path, image.pk, previous.pk, has_labels))
            if self._on_change is OnChange.REPLACE:
                self._replacements[len(self._changed) - 1] = _Replacement(place, image, previous)
                return
        if not is_noted:
            with suppress(IntegrityError):  # the picture was deleted since: nothing is to be remembered
                ImportedPath.objects.remember(place, image)

    def _handed_over(self, previous: Image, labels: Labels) -> Labels:
        """Return the labels of the import with what people wrote on the earlier picture, which comes first."""
        names = [*previous.tags.order_by("name").values_list("name", flat=True), *labels.tags]
        tags = tuple({tag_key(name): name for name in reversed(names)}.values())[::-1][:MAX_TAGS_PER_IMAGE]
        merged = replace(labels, description=previous.description or labels.description, tags=tags)
        whole = labels.gives_whole_original if previous.gives_whole_original is None else previous.gives_whole_original
        if self._on_change is OnChange.REPLACE:
            return replace(merged, visibility=previous.visibility, gives_whole_original=whole)
        return replace(merged, gives_whole_original=whole and labels.gives_whole_original)  # never wider unasked

    def replace_previous(self) -> None:
        """Carry out what REPLACE means, once all files were read."""
        waiting = dict(self._replacements)
        for number, each in self._replacements.items():
            del waiting[number]
            held = {other.image.pk for other in self._replacements.values()}
            is_held = each.previous.pk in held or _is_held(each, [other.place for other in waiting.values()])
            with transaction.atomic():
                ImportedPath.objects.remember(each.place, each.image)
                is_replaced = not is_held and self._take_place(each)
            self._changed[number] = replace(self._changed[number], is_replaced=is_replaced)
        self._replacements = {}

    def _take_place(self, change: _Replacement) -> bool:
        """Put the new picture where the earlier one is in albums, and that one into the trash."""
        previous = Image.objects.live().filter(pk=change.previous.pk)
        if not previous.exists():
            return False
        places = list(AlbumImage.objects.filter(image=change.previous).exclude(album__images=change.image))
        with recording(Action(self._by), AuditVerb.CHANGED, Album, [place.album_id for place in places]):
            AlbumImage.objects.bulk_create(
                AlbumImage(album_id=place.album_id, image=change.image, position=place.position) for place in places
            )
        return move_to_trash(previous, by=self._by) > 0


def _is_held(change: _Replacement, waiting: Sequence[bytes]) -> bool:
    """Say whether another file that is still there, and is not itself about to be noted anew, holds the picture."""
    others = ImportedPath.objects.filter(image=change.previous).values_list("path", flat=True)
    held = (bytes(path) for path in others)
    return any(os.path.lexists(path) for path in held if path != change.place and path not in waiting)


def _is_same_shot(previous: Image, facts: Facts, pixels: Pixels) -> bool:
    taken_at = told_values(facts.exif, facts.embedded)["taken_at"]
    if taken_at is not None and previous.taken_at == taken_at:
        return True
    try:
        with open_thumbnail(previous, THUMBNAIL_SIZES_PX[0]) as small:
            return look_alike(load_pixels(small, limits=decode_limits()), pixels)
    except (ImageSearchError, OSError):  # it cannot be looked at: its labels stay where they are
        return False
