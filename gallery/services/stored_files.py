"""What is wrong with the files of pictures: originals that are gone or cut short, and files that no picture uses."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

from django.core.files.storage import default_storage

from gallery.models import Image
from gallery.storage import ContentStorage, ListingStorage
from gallery.vectors.row_check import Problem

from .media import is_orphan, original_path, original_size_bytes, sha256_of

SHARDS = [f"{number:02x}" for number in range(256)]  # the first two signs of a content's address
AFTER_LAST_SHARD = "g"

Sizes = dict[str, int]


@dataclass(frozen=True, slots=True)
class CheckedFiles:
    """`orphans` are the paths of files that no picture uses, and of parts that a crash left."""

    problems: tuple[Problem, ...]
    orphans: tuple[str, ...]


def check_files(progress: Callable[[int], None] = lambda _count: None) -> CheckedFiles:
    """Compare the files of pictures with the database, by listing them; their content is not read.

    An original is a problem if it is gone or has another size than what was uploaded. What looks wrong is looked at
    once more by itself, for pictures come and go meanwhile. Memory is that of one folder of 256; a storage that is far
    away lists some of them at a time. `progress` hears of pictures.
    """
    bad: list[tuple[int, Problem]] = []
    orphans: list[str] = []
    for folder, sizes in _listed([f"originals/{shard}" for shard in SHARDS]):
        shard = folder.rsplit("/", 1)[-1]
        images = _images_of(shard)
        bad += [found for image in images if (found := _bad_original(image, sizes)) is not None]
        orphans += _orphans(sizes, {sha256 for _pk, sha256, _format, _size in images})
        progress(len(images))
    for folder, sizes in _listed(_other_folders()):
        used = {sha256 for _pk, sha256, _format, _size in _images_of(folder.rsplit("/", 1)[-1])}
        orphans += _orphans(sizes, used)
    orphans += _orphans(_strays(), set())
    return CheckedFiles(tuple(problem for _pk, problem in sorted(bad, key=lambda found: found[0])), tuple(orphans))


ImageFacts = tuple[int, str, str, int]


def _images_of(shard: str) -> list[ImageFacts]:
    """Return id, address, format and size of the pictures whose contents begin so."""
    if shard not in SHARDS:
        return []
    stop = next((other for other in SHARDS if other > shard), AFTER_LAST_SHARD)
    images = Image.objects.filter(sha256__gte=shard, sha256__lt=stop).order_by()
    return list(images.values_list("pk", "sha256", "format", "size_bytes"))


def _bad_original(facts: ImageFacts, sizes: Sizes) -> tuple[int, Problem] | None:
    """Return the picture's id with what is wrong with its original, if anything is."""
    pk, sha256, format, size_bytes = facts
    if sizes.get(original_path(sha256, format)) == size_bytes:
        return None
    image = Image.objects.filter(pk=pk).first()
    stored_bytes = None if image is None else original_size_bytes(image)
    if image is None or stored_bytes == image.size_bytes or not Image.objects.filter(pk=pk).exists():
        return None  # deleted or written meanwhile
    subject = f"The original file of picture {pk}"
    if stored_bytes is None:
        return pk, Problem("original_missing", f"{subject} is gone.")
    detail = f"{subject} has {stored_bytes} bytes; {image.size_bytes} were uploaded."
    return pk, Problem("original_damaged", detail)


def _orphans(paths: Iterable[str], used: set[str]) -> list[str]:
    unused = (path for path in sorted(paths) if ContentStorage.is_part(path) or sha256_of(path) not in used)
    return list(filter(is_orphan, unused))


def _other_folders() -> list[str]:
    """Return the folders of all other files, each with a 256th of them or less."""
    roots = [f"thumbnails/{size}" for size in _entries("thumbnails")[0]]
    strange = [f"originals/{name}" for name in _entries("originals")[0] if name not in SHARDS]
    return [*strange, *(f"{root}/{name}" for root in [*roots, "copies"] for name in _entries(root)[0])]


def _strays() -> list[str]:
    """Return the files that lie in no folder of these."""
    roots = ["originals", "copies", "thumbnails", *(f"thumbnails/{size}" for size in _entries("thumbnails")[0])]
    return [f"{root}/{name}" for root in roots for name in _entries(root)[1]]


def _entries(folder: str) -> tuple[list[str], list[str]]:
    """Return the folders and the files in this one, sorted."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return [], []
    return sorted(folders), sorted(files)


def _listed(folders: Iterable[str]) -> Iterator[tuple[str, Sizes]]:
    """Yield folders and the files below them, in the order given; some are listed ahead where that pays."""
    storage = cast("ListingStorage", default_storage)
    if storage.listings_at_once == 1:
        yield from ((folder, storage.sizes_below(folder)) for folder in folders)
        return
    with ThreadPoolExecutor(storage.listings_at_once, thread_name_prefix="listing") as pool:
        ahead: deque[tuple[str, Future[Sizes]]] = deque()
        for folder in folders:
            ahead.append((folder, pool.submit(storage.sizes_below, folder)))
            if len(ahead) > storage.listings_at_once:
                first, sizes = ahead.popleft()
                yield first, sizes.result()
        yield from ((folder, sizes.result()) for folder, sizes in ahead)
