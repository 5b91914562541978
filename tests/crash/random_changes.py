"""Everything that may change what somebody can find, at random: pictures, labels, albums, members, the index's rows."""

import random
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db import transaction

from gallery.models import OPERATOR, AccessChange, Album, AlbumImage, Image, Tag, User, Visibility
from gallery.search_index import search_index
from gallery.services.curation import (
    add_tags,
    delete_forever,
    move_to_trash,
    relabel,
    remove_tags,
    restore,
    set_visibility,
)
from gallery.services.labels import check_labels
from gallery.services.maintenance import compact
from gallery.services.tags import merge_tags
from tests.crash.index_kills import ENCODER, vectors_of

FEWEST, MOST = 150, 350  # pictures
MOST_ALBUMS = 12
USERS = ("alice", "bob", "charlie", "staff")
WORDS = ("red", "Car", "beach", "İstanbul", "фото", "红色", "IMG_01", "cafe")
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
DAY_ONE = datetime(2023, 1, 1, tzinfo=UTC)


def some_user(source: random.Random) -> User:
    return User.objects.get(username=source.choice(USERS))


def some_ids(source: random.Random, most: int = 3) -> list[int]:
    ids = Image.objects.ids().tolist()
    return source.sample(ids, min(source.randint(1, most), len(ids)))


def some_images(source: random.Random, most: int = 3):
    return Image.objects.filter(pk__in=some_ids(source, most))


def some_album(source: random.Random) -> Album:
    albums = list(Album.objects.order_by("pk"))
    return source.choice(albums) if albums else Album.objects.create(owner=some_user(source), title="First")


def some_tags(source: random.Random) -> list[Tag]:
    return Tag.objects.named(source.sample(WORDS, source.randint(1, 2)))


def some_moment(source: random.Random) -> datetime:
    return DAY_ONE + timedelta(hours=source.randrange(24 * 400))


# Pictures


def random_image(source: random.Random, owner: User) -> Image:
    return Image(
        owner=owner,
        md5=secrets.token_hex(16),
        sha256=secrets.token_hex(32),
        size_bytes=source.choice((1, 1_000, 50_000, 4_000_000)),
        format=source.choice(FORMATS),
        width_px=source.choice((10, 640, 1_920, 4_000)),
        height_px=source.choice((10, 640, 1_080, 4_000)),
        frame_count=source.choice((1, 1, 1, 5)),
        taken_at=source.choice((None, some_moment(source))),
        created_at=some_moment(source),
        original_name=f"{source.choice(WORDS)} {source.randrange(100)}.{source.choice(('jpg', 'PNG'))}",
        description=source.choice(("", source.choice(WORDS))),
        visibility=source.choice(Visibility.values),
    )


def bring_in(source: random.Random) -> None:
    """As an upload does: a row with its labels, which waits. Some in bulk, whose texts are folded later."""
    owner = some_user(source)
    with transaction.atomic():
        images = [random_image(source, owner) for _ in range(source.randint(1, 3))]
        if source.random() < 0.3:
            Image.objects.bulk_create(images)
        else:
            for image in images:
                image.save()
        if source.random() < 0.6:
            images[0].tags.set(some_tags(source))


def embed(source: random.Random) -> None:
    waiting = Image.objects.pending().ids().tolist()[: source.randint(1, 6)]
    if waiting:
        search_index().add(waiting, vectors_of(waiting), encoder=ENCODER)


def embed_again(source: random.Random) -> None:
    ids = some_ids(source)
    with search_index().removing(ids):
        Image.objects.filter(pk__in=ids).update(embedding_row=None, embed_error="")


def fail(source: random.Random) -> None:
    Image.objects.pending().filter(pk__in=some_ids(source, 50)).update(
        embed_error=source.choice(("", "broken_picture"))
    )


def forget_rows(source: random.Random) -> None:
    rows = Image.objects.rows()[:, 0].tolist()
    search_index().forget_rows(source.sample(rows, min(2, len(rows))))


def delete(source: random.Random) -> None:
    many = 30 if Image.objects.count() > MOST else 3
    delete_forever(some_images(source, many), by=OPERATOR)


def relabel_one(source: random.Random) -> None:
    image = some_images(source, 1).first()
    if image is not None:
        labels = check_labels(
            description=source.choice(WORDS), visibility=source.choice(Visibility.values), tags=source.choice(WORDS)
        )
        relabel(image, labels, by=OPERATOR, name=f"{source.choice(WORDS)}.jpg")


def rename_in_bulk(source: random.Random) -> None:
    some_images(source).update(description=source.choice(WORDS))


def fold(source: random.Random) -> None:
    with transaction.atomic():
        ids = list(Image.objects.not_folded().select_for_update().values_list("pk", flat=True)[:20])
        Image.objects.filter(pk__in=ids).fold_texts()


def give_away(source: random.Random) -> None:
    some_images(source).update(owner=some_user(source))


def change_facts(source: random.Random) -> None:
    some_images(source).update(taken_at=source.choice((None, some_moment(source))), width_px=source.choice((10, 640)))


# Tags


def tag_while_it_waits(source: random.Random) -> None:
    waiting = list(Image.objects.filter(embedding_row__isnull=True).order_by("-pk")[:3])
    for image in waiting:
        image.tags.add(*some_tags(source))


def rename_tag(source: random.Random) -> None:
    tag = source.choice(some_tags(source))
    name = f"{source.choice(WORDS)}{source.choice(('', source.randrange(5)))}"
    if not Tag.objects.filter(key=name.casefold()).exists():
        tag.name = name
        tag.save()


def merge(source: random.Random) -> None:
    tags = list(Tag.objects.order_by("pk"))
    if len(tags) > 3:
        merge_tags(source.sample(tags, 2), into=source.choice(tags), by=OPERATOR)


def delete_tag(source: random.Random) -> None:
    source.choice(some_tags(source)).delete()


# Albums


def make_album(source: random.Random) -> None:
    if Album.objects.count() < MOST_ALBUMS:
        album = Album.objects.create(owner=some_user(source), title=source.choice(WORDS))
        album.members.add(some_user(source))


def put_into_album(source: random.Random) -> None:
    album = some_album(source)
    images = Image.objects.filter(owner=album.owner).ids().tolist()
    chosen = source.sample(images, min(3, len(images))) + some_ids(source, 1)  # one that it may not show
    places = [AlbumImage(album=album, image_id=image_id, position=source.randrange(9)) for image_id in set(chosen)]
    AlbumImage.objects.bulk_create(places, ignore_conflicts=True)


def change_album(source: random.Random) -> None:
    album = some_album(source)
    change = source.choice(
        [
            lambda: album.members.add(some_user(source)),
            lambda: album.members.remove(some_user(source)),
            lambda: AlbumImage.objects.filter(album=album, position__lt=5).delete(),
            lambda: AlbumImage.objects.filter(album=album).update(position=source.randrange(9)),
            lambda: Album.objects.filter(pk=album.pk).update(owner=some_user(source)),
            lambda: Album.objects.filter(pk=album.pk).update(title=source.choice(WORDS)),
        ]
    )
    change()


def delete_album(source: random.Random) -> None:
    some_album(source).delete()


def lose_account(source: random.Random) -> None:
    """A member comes and goes, with pictures of nobody else."""
    name = f"guest {source.randrange(3)}"
    guest, is_new = User.objects.get_or_create(username=name)
    if is_new:
        some_album(source).members.add(guest)
    else:
        guest.delete()


def roll_back(source: random.Random) -> None:
    """Change something, think better of it, and change something else."""
    with transaction.atomic():
        with transaction.atomic():
            some_images(source).update(visibility=Visibility.PRIVATE)
            transaction.set_rollback(True)
        some_images(source).update(visibility=Visibility.PUBLIC)


def change_many(source: random.Random) -> None:
    Image.objects.filter(format=source.choice(FORMATS)).update(size_bytes=source.choice((1, 2_000)))


def forget_the_log(source: random.Random) -> None:
    """As it is where more has changed than the log keeps."""
    AccessChange.objects.all().delete()


Change = Callable[[random.Random], object]
CHANGES: dict[Change, float] = {  # and how often
    bring_in: 12,
    embed: 14,
    embed_again: 2,
    fail: 1,
    forget_rows: 1,
    delete: 5,
    relabel_one: 6,
    rename_in_bulk: 2,
    fold: 2,
    give_away: 3,
    change_facts: 3,
    lambda source: add_tags(some_images(source), source.choice(WORDS), by=OPERATOR): 8,
    lambda source: remove_tags(some_images(source, 20), source.choice(WORDS), by=OPERATOR): 4,
    lambda source: set_visibility(some_images(source), source.choice(Visibility.values), by=OPERATOR): 6,
    lambda source: move_to_trash(some_images(source), by=OPERATOR): 4,
    lambda source: restore(Image.objects.trashed().filter(pk__in=some_ids(source, 99)), by=OPERATOR): 4,
    tag_while_it_waits: 3,
    rename_tag: 3,
    merge: 1,
    delete_tag: 1,
    make_album: 2,
    put_into_album: 6,
    change_album: 6,
    delete_album: 1,
    lose_account: 1,
    roll_back: 2,
    change_many: 1,
    lambda _source: compact(by=OPERATOR): 0.5,
    forget_the_log: 0.2,
}


def change_something(source: random.Random) -> None:
    """Make one change, keeping the library about as large as it is."""
    count = Image.objects.count()
    if count < FEWEST or count > MOST:
        [change] = [bring_in] if count < FEWEST else [delete]
    else:
        [change] = source.choices(list(CHANGES), list(CHANGES.values()))
    change(source)
