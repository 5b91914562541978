"""Paths of the server as those are told who may not know where it keeps its files."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any


def imported_name(path: str, places: Sequence[str]) -> str:
    """Return a path from the name of the place on that was imported; of what lies elsewhere the name alone.

    /srv/photos/2020/a.png of the place /srv/photos is photos/2020/a.png. What is no whole path stays as it is.
    """
    if not path.startswith("/"):
        return path
    whole = PurePosixPath(path)
    for place in sorted(places, key=len):
        if place.startswith("/") and whole.is_relative_to(place):
            return str(PurePosixPath(PurePosixPath(place).name) / whole.relative_to(place))
    return whole.name


def without_places(kept: Any, places: Sequence[str]) -> Any:
    """Return what is kept of an error (`StoredError.as_json`) with the names of its paths, in its sentence too."""
    if not isinstance(kept, dict):
        return kept
    details = kept.get("details", {})
    named = {name: imported_name(value, places) if isinstance(value, str) else value for name, value in details.items()}
    message = kept["message"]
    for name, value in named.items():
        if value != details[name]:
            message = message.replace(details[name], value)
    return kept | {"details": named, "message": message}
