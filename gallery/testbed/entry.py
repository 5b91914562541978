from dataclasses import dataclass
from datetime import datetime

from gallery.errors import Phrase
from gallery.services.labels import Labels


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture as the folder knows it. `notes` say what was wrong about it and is left out.

    `row` is that of its vector, None if the entry names none. `size_px` is what the folder says, not what the file is.
    """

    md5: str
    original_name: str
    labels: Labels
    created_at: datetime | None
    stored_path: str
    row: int | None
    size_px: tuple[int, int] | None
    notes: tuple[Phrase, ...]
