"""A library of small drawn pictures: seen by all, by some or by nobody, some waiting, failed or in the trash."""

import hashlib
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from uuid import UUID

from django.contrib.auth.models import Permission
from django.db import transaction
from PIL import Image as PillowImage
from PIL import ImageColor

from gallery.encoders.base import Encoder
from gallery.imaging import EXTENSIONS, thumbnails
from gallery.models import (
    Album,
    AlbumImage,
    Favourite,
    Image,
    PictureColours,
    QueryPicture,
    RecognisedText,
    Tag,
    User,
    Visibility,
)
from gallery.models.recognised_text import TextRead
from gallery.search_index import search_index
from gallery.services.calibrations import keep_calibration
from gallery.services.media import save_original, save_thumbnails
from tests.written_pictures import lines_of

OWNERS = ("alice", "bob", "charlie", "dora")
NEVER_SEEN = "dora"  # all of her pictures are private
WITHOUT_PICTURES = ("erin", "staff")
FOND = ("alice", "bob", "staff")  # have favourites, also of what they may not see any more
TAGS = ("holiday", "beach", "sea", "Café", "红色", "海滩", "假期", "red", "car", "sunny day")
NAME_PARTS = ("IMG_{:04}", "DSC{:05}", "照片 {}", "Trip-{}", "a (copy) {}", "_MG_{}*")
WORDS_OF_NAMES = ("beach", "Zürich", "红色汽车", "invoice", "house")
DESCRIPTIONS = (
    *("", "", "for sale", "A red car in the snow", "发票 2023", "hidden secret", "Café at the beach", "看海 海滩"),
    *("the exact phrase stands here", "It says “for SALE” — cheap"),
)
READ = ((), (), (), ("INVOICE 2023", "paid"), ("增值稅發票", "合计"), ("HOLIDAY INN",), ("FOR SALE", "beach house"))
FORMATS = ("JPEG", "JPEG", "JPEG", "PNG", "GIF", "WEBP", "TIFF")
EXTENSION_OF = {name: EXTENSIONS[name] for name in FORMATS}
SIDES_PX = ((640, 480), (480, 640), (500, 500), (1000, 960), (1920, 1080), (1080, 1920), (3000, 2000), (2000, 2050))
WITH_FILES = 60  # the first ones: of their parts one may search
SMALL_SIDES_PX = ((64, 48), (48, 64), (60, 60), (80, 50))
COLOURS = ("red", "lime", "blue", "yellow", "black", "white", "gray", "orange", "purple", "teal")
COLOURS_SEEN = ("red", "grey", "blue", "white", "black", "green", "yellow")  # whatever is drawn
FIRST_DAY = datetime(2019, 1, 1, tzinfo=UTC)
DAYS = 2_800
CALIBRATION = {
    "measure": "deviations",
    "weights": {"intercept": -3.0, "score": 2.2, "best": 0.1, "clarity": 0.0, "threshold": 0.4},
    "pictures": {"weights": {"intercept": 3.0, "score": 12.0, "best": 0.5, "clarity": 0.0, "threshold": 0.5}},
}
"""About one in ten is confident, and whether it is depends on the best result, too."""


@dataclass(frozen=True, slots=True)
class Library:
    """`image_ids` by age, `with_files` those of them that have an original, `pictures` what was searched with."""

    users: dict[str, User]
    image_ids: tuple[int, ...]
    with_files: tuple[int, ...]
    pictures: tuple[UUID, ...]


def make_library(encoder: Encoder, *, count: int = 1_000, seed: int = 1) -> Library:
    """Fill the empty database, index and storage of this process; the same library for the same seed."""
    source = random.Random(seed)
    users = {name: User.objects.create_user(name) for name in (*OWNERS, *WITHOUT_PICTURES)}
    curator = users["staff"]
    curator.is_staff = True
    curator.save()
    curator.user_permissions.set(Permission.objects.filter(content_type__app_label="gallery"))
    drawn = _drawn_pictures(source, count)
    images = Image.objects.bulk_create(_rows(source, users, drawn))
    with transaction.atomic():
        Image.objects.filter(pk__in=[image.pk for image in images if not _is_left_unfolded(image)]).fold_texts()
    _tag(source, images)
    _show_in_albums(source, users, images)
    Favourite.objects.bulk_create(
        Favourite(user=users[name], image=image) for name in FOND for image in source.sample(images, len(images) // 4)
    )
    seen = {
        image.pk: tuple(source.sample(COLOURS_SEEN, source.choice((0, 1, 2, 3)))) for image in images if image.pk % 9
    }
    PictureColours.objects.write(seen)  # of some nobody knows them yet
    RecognisedText.objects.write(
        {image.pk: TextRead(lines_of(*source.choice(READ))) for image in images if image.pk % 7}
    )
    _embed(encoder, images, drawn)
    keep_calibration(encoder.key, CALIBRATION)
    return Library(
        users,
        tuple(image.pk for image in images),
        tuple(image.pk for image in images[:WITH_FILES]),
        tuple(_kept_pictures(source, encoder)),
    )


def _drawn_pictures(source: random.Random, count: int) -> list[PillowImage.Image]:
    """Return pictures of four coloured quarters, some of them alike to the last bit."""
    drawn: list[PillowImage.Image] = []
    for number in range(count):
        if number % 25 == 24:
            drawn.append(drawn[source.randrange(number)])
            continue
        sides = source.choice(SMALL_SIDES_PX)
        drawn.append(_drawn(source, sides))
    return drawn


def _drawn(source: random.Random, sides: tuple[int, int]) -> PillowImage.Image:
    quarters = PillowImage.new("RGB", (2, 2))
    main = source.choice(COLOURS)
    for place in itertools.product(range(2), repeat=2):
        rgb = ImageColor.getrgb(main if source.random() < 0.6 else source.choice(COLOURS))
        quarters.putpixel(place, tuple(max(0, min(255, each + source.randint(-30, 30))) for each in rgb))
    return quarters.resize(sides, PillowImage.Resampling.NEAREST)


def _rows(source: random.Random, users: dict[str, User], drawn: Sequence[PillowImage.Image]) -> Iterator[Image]:
    for number, picture in enumerate(drawn):
        owner = users[source.choices(OWNERS, [4, 3, 3, 1])[0]]
        has_file = number < WITH_FILES
        format = "PNG" if has_file else source.choice(FORMATS)
        width, height = picture.size if has_file else source.choice(SIDES_PX)
        content = _file(picture) if has_file else f"{number}".encode()
        sha256 = hashlib.sha256(content).hexdigest()
        if has_file:
            save_original(BytesIO(content), sha256=sha256, format=format)
            save_thumbnails(thumbnails(picture), sha256=sha256)
        yield Image(
            owner=owner,
            md5=hashlib.md5(f"{number}".encode()).hexdigest(),
            sha256=sha256,
            size_bytes=len(content) if has_file else source.choice((900, 40_000, 480_000, 1_000_000, 5_250_000)),
            format=format,
            width_px=width,
            height_px=height,
            frame_count=source.choice((1, 5)) if format in ("GIF", "WEBP") else 1,
            taken_at=source.choice((None, _moment(source), _moment(source))),
            original_name=_name(source, number, format),
            description=source.choice(DESCRIPTIONS),
            visibility=_visibility(source, owner),
            created_at=_moment(source),
            trashed_at=FIRST_DAY if number % 17 == 16 else None,
            embed_error="broken_picture" if number % 29 == 28 else "",
        )


def _file(picture: PillowImage.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _moment(source: random.Random) -> datetime:
    """Return a moment, often right beside midnight."""
    day = FIRST_DAY + timedelta(days=source.randrange(DAYS))
    return day + source.choice(
        (timedelta(0), timedelta(microseconds=-1), timedelta(hours=23, minutes=59, seconds=59), timedelta(hours=12))
    )


def _name(source: random.Random, number: int, format: str) -> str:
    begin = source.choice(NAME_PARTS).format(number)
    middle = source.choice(("", "", f" {source.choice(WORDS_OF_NAMES)}"))
    return f"{begin}{middle}{source.choice((EXTENSION_OF[format], EXTENSION_OF[format].upper()))}"


def _is_left_unfolded(image: Image) -> bool:
    """Say whether nobody has folded its texts yet. What has letters beyond ASCII would be found by fewer spellings."""
    return image.pk % 20 == 0 and (image.original_name + image.description).isascii()


def _visibility(source: random.Random, owner: User) -> str:
    if owner.username == NEVER_SEEN:
        return Visibility.PRIVATE
    return source.choices((Visibility.PUBLIC, Visibility.SHARED, Visibility.PRIVATE), [5, 3, 2])[0]


def _tag(source: random.Random, images: Sequence[Image]) -> None:
    tags = Tag.objects.named(TAGS)
    links = Image.tags.through
    links.objects.bulk_create(
        links(image=image, tag=tag) for image in images for tag in source.sample(tags, source.choice((0, 1, 1, 2, 3)))
    )


def _show_in_albums(source: random.Random, users: dict[str, User], images: Sequence[Image]) -> None:
    """Make albums, two of them of one title; each holds pictures of others, too, which it does not show."""
    for owner, title, members in (
        ("alice", "Trip 1", ("bob", "erin")),
        ("alice", "Family", ()),
        ("bob", "旅行", ("charlie", "alice")),
        ("charlie", "Trip 1", ()),
        ("charlie", "Café", ("alice", "bob")),
        ("dora", "Secret beach", ()),
    ):
        album = Album.objects.create(owner=users[owner], title=title)
        album.members.set(users[name] for name in members)
        own = [image for image in images if image.owner_id == album.owner_id]
        shown = [*source.sample(own, len(own) // 3), *source.sample(images, 20)]
        AlbumImage.objects.bulk_create(
            AlbumImage(album=album, image=image, position=place) for place, image in enumerate(dict.fromkeys(shown))
        )


def _embed(encoder: Encoder, images: Sequence[Image], drawn: Sequence[PillowImage.Image]) -> None:
    """Give all pictures a vector but those that failed, and a few that wait."""
    embedded = [
        (image.pk, picture)
        for number, (image, picture) in enumerate(zip(images, drawn, strict=True))
        if not image.embed_error and number % 31 != 30
    ]
    vectors = encoder.encode_images([picture for _pk, picture in embedded])
    search_index().add([pk for pk, _picture in embedded], vectors, encoder=encoder)


def _kept_pictures(source: random.Random, encoder: Encoder) -> Iterator[UUID]:
    for number in range(6):
        picture = _drawn(source, (64, 48))
        kept = QueryPicture.objects.create(
            id=UUID(int=source.getrandbits(128), version=4),
            name=f"{number}.png",
            preview=_file(picture),
            vector=encoder.encode_images([picture])[0].tobytes(),
            encoder_id=encoder.key.id,
            encoder_revision=encoder.key.revision,
        )
        yield kept.pk
