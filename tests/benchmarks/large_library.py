"""A library as large sites have it, without any picture file: many owners, skewed tags, albums, all rights in use.

Of N pictures alice owns three tenths and bob one hundredth, but at least 1,000; the others belong to 98 owners, the
first of them to far more than the last. A quarter is public, a tenth is shared, one of 200 lies in the trash, one of
500 waits, one of 2,000 has failed. Tags are as words are: the commonest is on every tenth picture, most are on few.
There is an album for each 1,000 pictures (at least 500) with up to 500 pictures, and each has up to four members; bob
is one of every tenth. So pages are full at 10,000 pictures as at a million. carol is a curator. One of five names and
descriptions is Chinese. Each picture has an entry in the audit log. The same N gives the same library.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.contrib.auth.models import Permission

from gallery.errors import DecodingTooSlow, StoredError
from gallery.measuring.speed import ClusteredRows
from gallery.models import (
    Album,
    AlbumImage,
    AuditEntry,
    AuditVerb,
    EmbeddingFailure,
    FoldedText,
    Image,
    IndexState,
    Tag,
    User,
    Visibility,
)
from gallery.models.actor import ActorKind, Door
from gallery.text.folding import REVISION, folded_lines
from gallery.vectors.codes import BLOCK_ROWS, CodesFile
from gallery.vectors.store import VectorStore
from gallery.vectors.unit_vectors import Vectors

from .bulk_rows import Row, filling, write_rows
from .stand_in import StandInEncoder

SEED = 11
OWNERS = 100
TAGS = 2_000
DAYS = 11 * 365
START = np.datetime64("2015-01-01T00:00:00", "us")
DAY_US = 86_400_000_000
FORMATS = ("JPEG", "PNG", "HEIF", "WEBP", "GIF")
FORMAT_SHARES = (0.8, 0.08, 0.07, 0.04, 0.01)
MEMBER_ALBUMS = 10  # bob is a member of one album of so many
MEMBER_ROWS = 1_000
ALBUM_ROWS = 1_000
MIN_ALBUMS = 500
MAX_ALBUM_IMAGES = 500
AUDITED = (AuditVerb.ADDED, AuditVerb.TAGGED, AuditVerb.SHOWN_TO)
CURATED = ("image", "album", "tag", "user", "apitoken", "auditentry")
NAMES = (
    ("IMG_{number:07}.jpg", 0.5),
    ("DSC{number:06}.JPG", 0.15),
    ("{date} {time}.jpg", 0.1),
    ("Screenshot_{date}-{number}.png", 0.05),
    ("微信图片_{number:014}.jpg", 0.1),
    ("{place}的{thing} {number}.jpg", 0.1),
)
PLACES = ("海边", "山里", "公园", "北京", "上海", "老家", "学校", "湖边")
THINGS = ("日落", "小狗", "早晨", "花", "生日", "聚会", "雪", "夜景")
DESCRIPTIONS = (
    ("", 0.88),
    ("A {english} by the {water} on {date}, number {number}.", 0.09),
    ("{date}在{place}拍的{thing}，第{number}张。", 0.03),
)
ENGLISH = ("walk", "picnic", "birthday", "wedding", "long weekend", "red car", "sleeping dog", "storm")
WATERS = ("sea", "lake", "river", "harbour")
EXIF = json.dumps({"camera_make": "Canon", "camera_model": "Canon EOS R6", "f_number": 4.0, "iso": 200})

Numbers = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class LargeLibrary:
    """What was made: `queries` are the vectors that the stand-in encoder's texts "0", "1", ... mean."""

    rows: int
    queries: Vectors
    member: User
    large_owner: User
    curator: User


@dataclass(frozen=True)
class _Pictures:
    """What other tables need to know of the pictures, whose ids are 1, 2, ..."""

    owner_ids: Numbers
    visibilities: Texts
    added: Texts
    names: list[str]
    descriptions: list[str]
    embedded_ids: Numbers  # in the order of their rows
    failed_ids: Numbers


def make_large_library(rows: int, *, dimension: int, queries: int, vectors: Path | None = None) -> LargeLibrary:
    """Fill the empty database and the vectors' folder. A million pictures of 512 dimensions take some minutes.

    `vectors` is the folder of a library of as many pictures and dimensions, whose files this one then shares.
    """
    random = np.random.default_rng(SEED)
    users = _make_users()
    tag_ids = [tag.pk for tag in Tag.objects.named(_tag_name(rank) for rank in range(1, TAGS + 1))]
    links, places, members = Image.tags.through, AlbumImage, Album.members.through
    with filling(Image, FoldedText, EmbeddingFailure, links, places, members, AuditEntry):
        pictures = _make_images(rows, users, random)
        _make_facts(pictures)
        write_rows(links, ("image_id", "tag_id"), _tag_links(rows, tag_ids, random))
        _make_albums(pictures, users, random)
        write_rows(AuditEntry, AUDIT_COLUMNS, _audit_entries(pictures, users, random))
    source = ClusteredRows(rows, dimension)
    if vectors is None:
        _make_vectors(source, pictures.embedded_ids)
    else:
        _share_vectors(vectors)
    _commit_vectors(dimension, len(pictures.embedded_ids))
    return LargeLibrary(rows, source.queries(queries), users[1], users[0], users[2])


def existing_library(rows: int, *, dimension: int, queries: int) -> LargeLibrary:
    """Return what `make_large_library` of the same numbers made here before."""
    by_name = User.objects.in_bulk(["alice", "bob", "carol"], field_name="username")
    asked = ClusteredRows(rows, dimension).queries(queries)
    return LargeLibrary(rows, asked, by_name["bob"], by_name["alice"], by_name["carol"])


def _make_users() -> list[User]:
    """Make alice, bob and carol, whose names are their passwords, and those who never sign in."""
    users = [User.objects.create_user(name, password=name) for name in ("alice", "bob", "carol")]
    users += [User.objects.create_user(f"owner{number}") for number in range(OWNERS - 2)]
    carol = users[2]
    carol.is_staff = True
    carol.save()
    rights = Permission.objects.filter(content_type__app_label="gallery", content_type__model__in=CURATED)
    carol.user_permissions.set(rights)
    return users


IMAGE_COLUMNS = (
    *("id", "owner_id", "md5", "sha256", "size_bytes", "format", "width_px", "height_px", "frame_count"),
    *("taken_at", "taken_offset_minutes", "exif", "original_name", "description", "visibility", "created_at"),
    *("trashed_at", "embedding_row", "embed_error", "embed_deaths"),
)


def _make_images(rows: int, users: list[User], random: np.random.Generator) -> _Pictures:
    added_us = np.sort(random.integers(0, DAYS * DAY_US, rows))
    seen, state = random.random(rows), random.random(rows)
    embedded, failed = state >= 0.0025, (state >= 0.002) & (state < 0.0025)
    moments = START + added_us.astype("timedelta64[us]")
    pictures = _Pictures(
        owner_ids=_owner_ids(rows, users, random),
        visibilities=np.select(
            [seen < 0.25, seen < 0.35],
            [np.array(Visibility.PUBLIC.value, dtype=object), np.array(Visibility.SHARED.value, dtype=object)],
            np.array(Visibility.PRIVATE.value, dtype=object),
        ),
        added=_moments(moments),
        names=_worded(NAMES, moments, random),
        descriptions=_worded(DESCRIPTIONS, moments, random),
        embedded_ids=np.flatnonzero(embedded) + 1,
        failed_ids=np.flatnonzero(failed) + 1,
    )
    write_rows(Image, IMAGE_COLUMNS, _image_rows(pictures, moments, random))
    return pictures


def _owner_ids(rows: int, users: list[User], random: np.random.Generator) -> Numbers:
    others = np.array([user.pk for user in users[3:]])
    shares = 1 / np.arange(1, len(others) + 1)
    kind = random.random(rows)
    rest = random.choice(others, rows, p=shares / shares.sum())
    share_of_member = min(0.5, max(0.01, MEMBER_ROWS / rows))
    return np.select([kind < 0.3, kind < 0.3 + share_of_member], [users[0].pk, users[1].pk], rest)


def _image_rows(pictures: _Pictures, moments: npt.NDArray[Any], random: np.random.Generator) -> Iterator[Row]:
    rows = len(moments)
    numbers = range(rows)
    embedding_rows = np.full(rows, None, dtype=object)
    embedding_rows[pictures.embedded_ids - 1] = np.arange(len(pictures.embedded_ids))
    errors = np.full(rows, "", dtype=object)
    errors[pictures.failed_ids - 1] = DecodingTooSlow.code
    ages = (random.random(rows) * 900 * DAY_US).astype("timedelta64[us]")
    taken_at = _moments((moments - ages).astype("datetime64[s]"))
    taken_at[random.random(rows) >= 0.7] = None
    known_offset = (random.random(rows) < 0.4) & (taken_at != None)  # noqa: E711 -- of each
    trashed_at = _moments(moments + np.timedelta64(1, "D"))
    trashed_at[random.random(rows) >= 0.005] = None
    return zip(
        range(1, rows + 1),
        pictures.owner_ids.tolist(),
        (hashlib.md5(b"%d" % number, usedforsecurity=False).hexdigest() for number in numbers),
        (hashlib.sha256(b"%d" % number).hexdigest() for number in numbers),
        random.integers(20_000, 12_000_000, rows).tolist(),
        random.choice(np.array(FORMATS, dtype=object), rows, p=FORMAT_SHARES).tolist(),
        random.integers(200, 6_000, rows).tolist(),
        random.integers(200, 6_000, rows).tolist(),
        (1 for _ in numbers),
        taken_at.tolist(),
        np.where(known_offset, random.choice(np.array([0, 60, 480, -300], dtype=object), rows), None).tolist(),
        ("{}" if moment is None else EXIF for moment in taken_at),
        pictures.names,
        pictures.descriptions,
        pictures.visibilities.tolist(),
        pictures.added.tolist(),
        trashed_at.tolist(),
        embedding_rows.tolist(),
        errors.tolist(),
        (0 for _ in numbers),
        strict=True,
    )


def _moments(moments: npt.NDArray[Any]) -> Texts:
    """Return moments as both databases read them, in UTC."""
    texts = np.char.replace(np.datetime_as_string(moments), "T", " ")
    zone = "+00:00" if settings.DATABASES["default"]["ENGINE"].endswith("postgresql") else ""
    return np.char.add(texts, zone).astype(object)


def _worded(
    templates: tuple[tuple[str, float], ...], moments: npt.NDArray[Any], random: np.random.Generator
) -> list[str]:
    """Return a text for each picture from the templates, which have these shares."""
    rows = len(moments)
    chosen = random.choice(len(templates), rows, p=[share for _text, share in templates])
    words = random.integers(0, 2**20, rows).tolist()
    dates, times = np.datetime_as_string(moments, unit="D"), np.datetime_as_string(moments, unit="s")
    return [
        templates[kind][0].format(
            number=(number * 7_919) % rows,
            date=dates[number],
            time=str(times[number])[11:].replace(":", "."),
            place=PLACES[word % 8],
            thing=THINGS[word // 8 % 8],
            english=ENGLISH[word // 64 % 8],
            water=WATERS[word // 512 % 4],
        )
        for number, (kind, word) in enumerate(zip(chosen.tolist(), words, strict=True))
    ]


def _make_facts(pictures: _Pictures) -> None:
    texts = (
        (number, REVISION, folded_lines(name, description))
        for number, (name, description) in enumerate(zip(pictures.names, pictures.descriptions, strict=True), start=1)
    )
    write_rows(FoldedText, ("image_id", "revision", "text"), texts)
    error = json.dumps(StoredError.of(DecodingTooSlow(limit_seconds=30)).as_json())
    write_rows(EmbeddingFailure, ("image_id", "error"), ((pk, error) for pk in pictures.failed_ids.tolist()))


def _tag_name(rank: int) -> str:
    return f"标签 {rank}" if rank % 5 == 0 else f"tag {rank}"


def _tag_links(rows: int, tag_ids: list[int], random: np.random.Generator) -> Iterator[Row]:
    """Yield (image id, tag id): two tags a picture on average, the tag of rank r on about a tenth over r of them."""
    for rank, tag_id in enumerate(tag_ids, start=1):
        count = max(1, int(rows * 0.1 / rank**0.8))
        for image_id in np.unique(random.integers(1, rows + 1, count)).tolist():
            yield image_id, tag_id


def _make_albums(pictures: _Pictures, users: list[User], random: np.random.Generator) -> None:
    owners = [users[0], users[1], *users[3:]]
    count = max(MIN_ALBUMS, len(pictures.names) // ALBUM_ROWS)
    titles = [f"Album {number:05}" if number % 5 else f"相册 {number:05}" for number in range(count)]
    albums = Album.objects.bulk_create(
        Album(owner=owners[number % len(owners)], title=title, folded_text=folded_lines(title, ""))
        for number, title in enumerate(titles)
    )
    members = set()
    for number, album in enumerate(albums):
        guests = random.choice(len(users), random.integers(0, 5), replace=False)
        members |= {(album.pk, users[guest].pk) for guest in guests.tolist()}
        if number % MEMBER_ALBUMS == 0:
            members.add((album.pk, users[1].pk))
    write_rows(Album.members.through, ("album_id", "user_id"), sorted(members))
    write_rows(AlbumImage, ("album_id", "image_id", "position"), _places(pictures, albums, random))


def _places(pictures: _Pictures, albums: list[Album], random: np.random.Generator) -> Iterator[Row]:
    """Yield (album id, image id, position) of pictures of the album's owner that are not private."""
    open_ids = np.flatnonzero(pictures.visibilities != Visibility.PRIVATE.value) + 1
    owners = pictures.owner_ids[open_ids - 1]
    by_owner = {owner: open_ids[owners == owner] for owner in np.unique(owners).tolist()}
    for album in albums:
        own = by_owner.get(album.owner_id, open_ids[:0])
        size = min(len(own), int(random.integers(5, MAX_ALBUM_IMAGES)))
        for position, image_id in enumerate(random.choice(own, size, replace=False).tolist() if size else ()):
            yield album.pk, image_id, position


AUDIT_COLUMNS = (
    *("at", "action", "actor_kind", "user_id", "actor_name", "door", "verb"),
    *("object_kind", "object_id", "object_label", "before", "after"),
)


def _audit_entries(pictures: _Pictures, users: list[User], random: np.random.Generator) -> Iterator[Row]:
    names = {user.pk: user.username for user in users}
    verbs = random.choice([verb.value for verb in AUDITED], len(pictures.names))
    kind, door = ActorKind.MEMBER.value, Door.PAGE.value
    made = zip(pictures.added.tolist(), pictures.owner_ids.tolist(), verbs.tolist(), pictures.names, strict=True)
    for number, (moment, owner, verb, label) in enumerate(made, start=1):
        action = uuid.UUID(int=number).hex
        after = json.dumps({"visibility": "public"} if verb != AuditVerb.TAGGED else {"tags": ["tag 3"]})
        yield moment, action, kind, owner, names[owner], door, verb, "gallery.image", number, label, "{}", after


def _folder() -> Path:
    return Path(settings.GALLERY["data_dir"]) / "vectors"


def _make_vectors(source: ClusteredRows, ids: Numbers) -> None:
    """Write vectors and codes as the index does, a block of codes at a time."""
    store = VectorStore(_folder(), dimension=source.dimension)
    codes = CodesFile(_folder() / "codes-1.bin", dimension=source.dimension)
    written = 0
    for block in source.blocks():
        for start in range(0, len(block), BLOCK_ROWS):
            some = block[start : start + BLOCK_ROWS][: len(ids) - written]
            if not len(some):
                return
            rows = store.append(some, epoch=1)
            codes.extend(rows.start, some, ids[rows.start : rows.stop])
            written = rows.stop


def _share_vectors(folder: Path) -> None:
    _folder().mkdir(parents=True)
    for name in ("embeddings-1.npy", "checksums-1.crc32", "codes-1.bin"):
        os.link(folder / name, _folder() / name)


def _commit_vectors(dimension: int, row_count: int) -> None:
    state = IndexState.objects.current()
    state.encoder_key = StandInEncoder.key
    state.dimension, state.row_count, state.version = dimension, row_count, state.version + 1
    state.save()
