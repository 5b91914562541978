"""What was found in a file or beside it, in a form that fits into a message between processes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any

MAX_TITLE_CHARACTERS = 500
MAX_CAPTION_CHARACTERS = 4_000
MAX_KEYWORD_CHARACTERS = 200
MAX_KEYWORDS = 200  # more than any picture may have as tags, and few enough for one message
_BLOCKS = ("EXIF", "IPTC", "XMP", "JSON")


@dataclass(frozen=True, slots=True)
class Embedded:
    """When a picture was taken (naive without a known offset) and what was written about it.

    `keywords` and `people` hold each text once, as written. `rating` is 1 to 5 stars, None for none. `unreadable` names
    the blocks (EXIF, IPTC, XMP, JSON) that could not be read, or not to their end.
    """

    taken_at: datetime | None = None
    title: str = ""
    caption: str = ""
    keywords: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    rating: int | None = None
    unreadable: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """Return title and caption as one text."""
        if not self.title or self.title.casefold() in self.caption.casefold():
            return self.caption
        if not self.caption or self.caption.casefold() in self.title.casefold():
            return self.title
        return f"{self.title}\n{self.caption}"

    def behind(self, beside: "Embedded") -> "Embedded":
        """Return this with what a file beside the picture says, which is newer and therefore goes first."""
        has_words = beside.title or beside.caption
        return Embedded(
            taken_at=_better(beside.taken_at, self.taken_at),
            title=beside.title if has_words else self.title,
            caption=beside.caption if has_words else self.caption,
            keywords=each_once([*beside.keywords, *self.keywords]),
            people=each_once([*beside.people, *self.people]),
            rating=beside.rating or self.rating,
            unreadable=each_once([*self.unreadable, *beside.unreadable]),
        )

    def with_date(self, taken_at: datetime | None) -> "Embedded":
        """Return this with a date where it has none."""
        return self if self.taken_at is not None else replace(self, taken_at=taken_at)

    def without_date(self) -> "Embedded":
        return replace(self, taken_at=None)

    def as_json(self) -> dict[str, Any]:
        return {
            "taken_at": self.taken_at and self.taken_at.isoformat(),
            "title": self.title,
            "caption": self.caption,
            "keywords": self.keywords,
            "people": self.people,
            "rating": self.rating,
            "unreadable": self.unreadable,
        }

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Embedded":
        """Raises LookupError, TypeError or ValueError for what is none: a hostile file may have written it."""
        rating = told["rating"]
        if rating is not None and rating not in range(1, 6):
            raise ValueError("no rating")
        return cls(
            taken_at=datetime.fromisoformat(told["taken_at"]) if told["taken_at"] else None,
            title=str(told["title"])[:MAX_TITLE_CHARACTERS],
            caption=str(told["caption"])[:MAX_CAPTION_CHARACTERS],
            keywords=tuple(str(each)[:MAX_KEYWORD_CHARACTERS] for each in told["keywords"][:MAX_KEYWORDS]),
            people=tuple(str(each)[:MAX_KEYWORD_CHARACTERS] for each in told["people"][:MAX_KEYWORDS]),
            rating=rating,
            unreadable=tuple(block for block in _BLOCKS if block in told["unreadable"]),
        )


def each_once(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the texts in order, each once in any case, no more than there may be."""
    kept: dict[str, str] = {}
    for text in texts:
        if text:
            kept.setdefault(" ".join(text.casefold().split()), text)
    return tuple(kept.values())[:MAX_KEYWORDS]


def _better(first: datetime | None, second: datetime | None) -> datetime | None:
    """Return the first moment, or the second where it is the same clock and knows its offset, or the clock of a day."""
    if first is None or second is None:
        return first or second
    is_same = first.replace(tzinfo=None) == second.replace(tzinfo=None) or _is_day_of(first, second)
    return second if is_same and first.tzinfo is None else first


def _is_day_of(first: datetime, second: datetime) -> bool:
    """Say whether the first is a day without its clock, which reads as midnight, and the second of that day."""
    return first.time() == time.min and first.date() == second.date()
