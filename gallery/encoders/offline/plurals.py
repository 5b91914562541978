"""English plurals as the bank's words: “geese” lies farther from “goose” in the sentence space than “eagle” does."""

import json
import re
from functools import lru_cache

from .concepts import DATA_FOLDER

PLURALS_FILE = DATA_FOLDER / "plurals.json"
WORD = re.compile(r"[a-z]+", re.IGNORECASE)


def in_singular(text: str) -> str:
    """Return `text` with the singular of each plural of which the bank knows nothing else."""
    return WORD.sub(lambda match: _plurals().get(match[0].lower(), match[0]), text)


@lru_cache(maxsize=1)
def _plurals() -> dict[str, str]:
    plurals: dict[str, str] = json.loads(PLURALS_FILE.read_text(encoding="utf-8"))
    return plurals
