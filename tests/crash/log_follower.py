"""A reader that keeps what decides who finds what, brought up to date by the log of changes alone."""

from dataclasses import dataclass, field
from typing import Any

from gallery.models import AccessChange, AccessState, Album, AlbumImage, Image, IndexState, Tag

FACTS = (
    "embedding_row", "owner_id", "visibility", "trashed_at", "original_name", "description", "format", "width_px",
    "height_px", "size_bytes", "taken_at", "created_at",
)  # fmt: skip


@dataclass
class Facts:
    """What is known of embedded pictures, of tags and of albums, each by its id."""

    images: dict[int, dict[str, Any]] = field(default_factory=dict)
    tags: dict[int, str] = field(default_factory=dict)
    albums: dict[int, tuple[int, frozenset[int]]] = field(default_factory=dict)


def facts_of(image_ids: list[int]) -> Facts:
    """Read these pictures, and the tags and albums on them; those that are not embedded are left out."""
    images = {
        image["id"]: {**image, "tags": set(), "places": set()}
        for image in Image.objects.searchable().filter(pk__in=image_ids).order_by().values("id", *FACTS)
    }
    for image_id, tag_id in Image.tags.through.objects.filter(image__in=images).values_list("image_id", "tag_id"):
        images[image_id]["tags"].add(tag_id)
    for image_id, album_id, position in AlbumImage.objects.filter(image__in=images).values_list(
        "image_id", "album_id", "position"
    ):
        images[image_id]["places"].add((album_id, position))
    return Facts(images)


def names_of(tag_ids: set[int]) -> dict[int, str]:
    return dict(Tag.objects.filter(pk__in=tag_ids).values_list("pk", "folded_name"))


def rights_of(album_ids: set[int]) -> dict[int, tuple[int, frozenset[int]]]:
    members = Album.members.through.objects.filter(album__in=album_ids).values_list("album_id", "user_id")
    by_album: dict[int, set[int]] = {}
    for album_id, user_id in members:
        by_album.setdefault(album_id, set()).add(user_id)
    owners = Album.objects.filter(pk__in=album_ids).values_list("pk", "owner_id")
    return {album_id: (owner_id, frozenset(by_album.get(album_id, ()))) for album_id, owner_id in owners}


def of_all() -> Facts:
    return completed(facts_of(Image.objects.searchable().ids().tolist()))


def completed(facts: Facts) -> Facts:
    """Read the tags and albums that are on pictures and not known yet; forget those that are on none."""
    tags = {tag_id for image in facts.images.values() for tag_id in image["tags"]}
    albums = {album_id for image in facts.images.values() for album_id, _position in image["places"]}
    known_tags = {tag_id: name for tag_id, name in facts.tags.items() if tag_id in tags}
    known_albums = {album_id: rights for album_id, rights in facts.albums.items() if album_id in albums}
    return Facts(
        facts.images,
        {**known_tags, **names_of(tags - known_tags.keys())},
        {**known_albums, **rights_of(albums - known_albums.keys())},
    )


class LogFollower:
    """Keeps `Facts`. New rows are seen by the index's version, another epoch by its number, all else by the log."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.version = -1
        self.row_count = self.epoch = 0
        self.read_anew = 0

    def catch_up(self) -> None:
        access, index = AccessState.objects.current(), IndexState.objects.current()
        changes = AccessChange.objects.since(self.version, access)
        if changes is None:
            self.facts, self.read_anew = of_all(), self.read_anew + 1
        else:
            images, rows = self.facts.images, {image["embedding_row"]: pk for pk, image in self.facts.images.items()}
            if index.epoch != self.epoch:  # the same pictures in other rows
                present = Image.objects.searchable().order_by().values_list("pk", "embedding_row")
                new = [pk for pk, row in present if pk not in images]
                for pk, row in present:
                    if pk in images:
                        images[pk]["embedding_row"] = row
                for pk in images.keys() - {pk for pk, _row in present}:
                    del images[pk]
            else:
                later = Image.objects.filter(embedding_row__gte=self.row_count)
                new = later.ids().tolist()
            known = {rows[row] for row in changes.image_rows if row in rows}
            self.read([*changes.image_ids, *known, *new])
            tags, albums = changes.tag_ids & self.facts.tags.keys(), changes.album_ids & self.facts.albums.keys()
            self.facts.tags = {**without(self.facts.tags, tags), **names_of(set(tags))}
            self.facts.albums = {**without(self.facts.albums, albums), **rights_of(set(albums))}
            self.facts = completed(self.facts)
        self.version, self.epoch, self.row_count = access.version, index.epoch, index.row_count

    def read(self, image_ids: list[int]) -> None:
        self.facts.images = {**without(self.facts.images, image_ids), **facts_of(image_ids).images}


def without(known: dict[int, Any], keys: Any) -> dict[int, Any]:
    gone = set(keys)
    return {key: value for key, value in known.items() if key not in gone}
