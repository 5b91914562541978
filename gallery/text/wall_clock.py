"""A moment as the clock on the photographer's wall showed it, with its offset from UTC where that is known."""

from datetime import UTC, datetime


def offset_text(minutes: int | None) -> str:
    """Return `+08:00`; an empty text where the offset is unknown."""
    if minutes is None:
        return ""
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def wall_clock_text(stored: datetime, offset_minutes: int | None) -> str:
    """Return a stored wall clock in ISO 8601: its offset behind it, `Z` for none from UTC, nothing where unknown."""
    clock = stored.replace(tzinfo=None).isoformat(timespec="seconds")
    return clock + ("Z" if offset_minutes == 0 else offset_text(offset_minutes))


def stored_wall_clock(moment: datetime) -> tuple[datetime, int | None]:
    """Return what is stored of a moment: its wall clock as if that were UTC, and the minutes of its offset."""
    offset = moment.utcoffset()
    return moment.replace(tzinfo=UTC), None if offset is None else round(offset.total_seconds() / 60)
