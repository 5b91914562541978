"""What the files beside a picture say of it, joined to what it says itself."""

from collections.abc import Iterable
from pathlib import Path

from gallery.durable.regular_file import open_regular_file
from gallery.errors import InvalidPicture, UnreadablePath
from gallery.imaging import Embedded, Limits, read_takeout, read_xmp_beside

from .sidecars import JSON

MAX_BYTES = 8_000_000


def with_sidecars(embedded: Embedded, sidecars: Iterable[Path], limits: Limits) -> Embedded:
    """Return what a picture says together with its sidecars, the most particular of which goes first.

    XMP goes before what is in the file: people change it last. Of Takeout's JSON the words do, but its date, which is
    UTC and no clock on a wall, only counts where there is no other. Raises DecoderUnavailable.
    """
    dates = []
    for sidecar in reversed(tuple(sidecars)):
        beside = _read(sidecar, limits)
        if sidecar.suffix.lower() == JSON:
            dates.append(beside.taken_at)
            beside = beside.without_date()
        embedded = embedded.behind(beside)
    for date in reversed(dates):
        embedded = embedded.with_date(date)
    return embedded


def _read(sidecar: Path, limits: Limits) -> Embedded:
    kind = "JSON" if sidecar.suffix.lower() == JSON else "XMP"
    try:
        with open_regular_file(sidecar) as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            return Embedded(unreadable=(kind,))
        return (read_takeout(raw) or Embedded()) if kind == "JSON" else read_xmp_beside(raw, limits=limits)
    except (UnreadablePath, InvalidPicture, OSError):
        return Embedded(unreadable=(kind,))
