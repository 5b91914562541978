"""Which rows of the index a queryset allows, kept until the answer may be another one."""

import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.core.exceptions import EmptyResultSet
from django.db import connections

from gallery.models import Image, ImageQuerySet, IndexState
from gallery.vectors.codes import Codes
from gallery.vectors.row_mask import RowMask

MASKS_KEPT = 64  # 125 kB each at a million rows

Key = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True)
class KnownMask:
    """A mask with the versions under which the database was asked for it."""

    access_version: int
    epoch: int
    mask: RowMask


class AllowedRows:
    """Masks by what the database would be asked, so that a large library is not listed again for every search.

    A mask is good as long as nothing has changed who may see what (AccessState). Within an epoch rows are only added
    at the end, so a mask that is merely short is made longer; a row whose picture has gone is empty in the codes and
    found by nobody.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[Key, KnownMask] = OrderedDict()
        self._lock = threading.Lock()

    def mask_of(self, images: ImageQuerySet, *, access_version: int, epoch: int, codes: Codes) -> RowMask | None:
        """Return which of the rows that have codes are of these images; None if the epoch moved on meanwhile.

        The access version must have been read before epoch and codes. If nothing has departed until afterwards, only
        rows at the end can have been added meanwhile, and the mask fits the state that the codes show.
        """
        row_count = codes.row_count
        if connections[images.db].in_atomic_block:  # what is read may be rolled back, and its version with it
            mask = RowMask.of_rows(images.embedding_rows(), row_count)
            return mask if IndexState.objects.current().epoch == epoch else None
        try:
            key = images.fingerprint()
        except EmptyResultSet:
            return RowMask.of_rows(np.empty(0, dtype=np.int64), row_count)
        known = self._get(key)
        if known is None or (known.access_version, known.epoch) != (access_version, epoch):
            all_of_them = _all_but_the_trash(codes) if _asks_for_all(key) else None
            mask = all_of_them or RowMask.of_rows(images.embedding_rows(), row_count)
        elif known.mask.row_count < row_count:
            mask = known.mask.extended(images.new_embedding_rows(start=known.mask.row_count), row_count)
        else:
            return known.mask.first(row_count)
        if IndexState.objects.current().epoch != epoch:  # the rows may be those of the next one
            return None
        self._put(key, KnownMask(access_version, epoch, mask))
        return mask

    def forget(self, images: ImageQuerySet) -> None:
        """Ask the database anew about these images, and about no others."""
        with suppress(EmptyResultSet), self._lock:
            self._known.pop(images.fingerprint(), None)

    def _get(self, key: Key) -> KnownMask | None:
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
            return known

    def _put(self, key: Key, known: KnownMask) -> None:
        with self._lock:
            self._known[key] = known
            self._known.move_to_end(key)
            while len(self._known) > MASKS_KEPT:
                self._known.popitem(last=False)


def _asks_for_all(key: Key) -> bool:
    """Say whether this is what operators and curators search: everything but the trash."""
    return key == Image.objects.live().searchable().fingerprint()


def _all_but_the_trash(codes: Codes) -> RowMask | None:
    """Return the mask from what it leaves out, which is less than what it allows; None where that may be wrong.

    A row has codes before the database knows it, and keeps them until the database has forgotten it. So where both
    count the same, they mean the same rows.
    """
    embedded = Image.objects.filter(embedding_row__lt=codes.row_count)
    live = codes.live
    if live.count != embedded.count():
        return None
    return live.without(embedded.filter(trashed_at__isnull=False).embedding_rows())
