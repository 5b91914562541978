"""What deletions take from the libraries they touch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from gallery.models import Image, LibraryUse


@contextmanager
def taking_from_libraries(image_ids: Sequence[int]) -> Iterator[None]:
    """Take from its owner's use what the body deletes of these pictures, which nobody else changes in its transaction.

    Owners take turns in the order of their ids, so that no two deletions wait for each other.
    """
    there = Image.objects.filter(pk__in=image_ids)
    before = list(there.order_by("owner", "pk").values_list("owner", "pk", "size_bytes"))
    yield
    stayed = set(there.values_list("pk", flat=True))
    for owner_id, pictures in groupby(before, key=lambda picture: picture[0]):
        gone = [size_bytes for _owner, pk, size_bytes in pictures if pk not in stayed]
        if gone:
            LibraryUse.objects.change(owner_id, images=-len(gone), size_bytes=-sum(gone))
