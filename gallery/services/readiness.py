"""Whether this process can do its work: each part is asked and answers for itself."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection

from gallery.encoders.registry import canonical_name, pinned_options, weights_available
from gallery.errors import EncoderUnavailable, ImageSearchError, StorageNotWritable
from gallery.models import IndexState
from gallery.search_index import search_index

from .embedding.encoder_in_use import current_encoder_name


@dataclass(frozen=True, slots=True)
class PartState:
    """`problem` is an error's code: no path, address or password."""

    part: str
    problem: str = ""

    @property
    def ok(self) -> bool:
        return not self.problem


def part_states() -> list[PartState]:
    parts: dict[str, Callable[[], object]] = {
        "database": _ask_database,
        "files": _ask_storage,
        "index": search_index().check_readable,
        "encoder": _ask_encoder,
    }
    return [_state(part, ask) for part, ask in parts.items()]


def _state(part: str, ask: Callable[[], object]) -> PartState:
    try:
        ask()
    except ImageSearchError as error:
        return PartState(part, error.code)
    except Exception as error:  # noqa: BLE001 -- whatever is wrong, this part is not ready and the others are asked
        return PartState(part, type(error).__name__)
    return PartState(part)


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_storage() -> None:
    """A folder that is not there yet is made by the first upload, if the folder above lets it."""
    if not isinstance(default_storage, FileSystemStorage) and not hasattr(default_storage, "base_location"):
        default_storage.exists("originals")
        return
    folder = Path(default_storage.path(""))
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StorageNotWritable(path="", reason="no permission")


def _ask_encoder() -> None:
    """Its weights are at hand; loading them would take too long for a probe."""
    name = canonical_name(current_encoder_name())
    state = IndexState.objects.current()
    revision = pinned_options(state.encoder_id, state.encoder_revision).revision if state.has_encoder else None
    if not weights_available(name, revision):
        raise EncoderUnavailable(encoder=name, reason="its weights are not on this machine", remedy="")
