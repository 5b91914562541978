"""Which columns are kept of each picture, and what the database's values are in them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from gallery.imaging import LABELS
from gallery.models import SearchStatus, Visibility
from gallery.text.folding import REVISION

NUMBERS: Final[Mapping[str, type[np.signedinteger[Any]]]] = {
    "owner": np.int64,
    "visibility": np.int8,
    "format": np.int8,
    "width_px": np.int32,
    "height_px": np.int32,
    "frame_count": np.int32,
    "size_bytes": np.int64,
    "created_at": np.int64,
    "taken_at": np.int64,
    "trashed_at": np.int64,
    "is_folded": np.int8,
    "status": np.int8,
    "colours": np.int16,  # the sum of their bits, none while they are not known
}
TEXTS: Final = ("name", "folded_name", "folded_description")  # "name" is NameOrder(original_name)
LINKS: Final = ("tag", "album")
ORDERED_LINKS: Final = frozenset({"album"})  # by position, then by the link
MOMENTS: Final = frozenset({"created_at", "taken_at", "trashed_at"})  # in microseconds since 1970, UTC
NAMES_BY_CODE: Final[Mapping[str, tuple[str, ...]]] = {  # sorted: codes are ordered as the names
    "visibility": tuple(sorted(Visibility.values)),
    "format": tuple(sorted(LABELS)),
}
CODES: Final = {column: {name: code for code, name in enumerate(names)} for column, names in NAMES_BY_CODE.items()}
STATUSES: Final = (SearchStatus.SEARCHABLE, SearchStatus.PENDING, SearchStatus.FAILED)  # by their codes
UNKNOWN_CODE: Final = -1  # a name of another version of this program
SHAPE: Final = repr((sorted(NUMBERS.items(), key=str), TEXTS, LINKS, sorted(NAMES_BY_CODE.items()), REVISION))

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def moment_of(number: int) -> datetime:
    return EPOCH + number * MICROSECOND


def place_in_album(position: int, link_id: int) -> int:
    """Return the number that orders an album's pictures as their positions do, then the links."""
    return (position << 32) + link_id
