"""Moments as cameras and programs write them, common misspellings included.

A moment is the clock on the photographer's wall: naive where its offset from UTC is unknown, else with a fixed one.
Fractions of a second are left out.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone

FIRST_PHOTO_YEAR = 1826
MAX_CHARACTERS = 80
_LEAST_OFFSET, _LARGEST_OFFSET = -12 * 60, 14 * 60  # minutes; no clock on any wall is further off
_QUARTERS = (345, 525, 765)  # the zones that are not a whole number of half hours off, in minutes
_TRUSTED_SECONDS = 60  # between a camera's clock and the satellites'

_DATE = r"""
    (?: (?P<day_stamp>[0-9]{8})
      | (?P<year>[0-9]{4})
        (?: [-:/. \u5e74] \s* (?P<month>[0-9]{1,2})
            (?: [-:/. \u6708] \s* (?P<day>[0-9]{1,2}) \u65e5? (?! [0-9] (?![0-9]:[0-9]{2}) ) | (?![0-9]) )
          | (?![0-9]) )
    )"""
_CLOCK = r"""
    (?: [T\s_,.:-]* (?P<early_half>am|pm|\u4e0a\u5348|\u4e0b\u5348)? \s*
        (?: (?P<clock_stamp>[0-9]{4}(?:[0-9]{2})?)
          | (?P<hour>[0-9]{1,2}) \s* (?P<mark>[:.\s-]) \s* (?P<minute>[0-9]{1,2})
            (?: \s* (?P=mark) \s* (?P<second>[0-9]{1,2}) )?
        ) (?: [.,:][0-9]+ )? (?![0-9]) :?
        \s* (?P<late_half>[ap]\.?\s?m\.?(?![a-z]))? )"""
_OFFSET = r"""
    (?P<utc>UTC|GMT|Z)? \s*
    (?: (?P<sign>[+\u2212-]) \s* (?P<hours>[0-9]{1,2}) (?: \s*[:']?\s* (?P<minutes>[0-9]{2}) )? )?"""
_NAME = r"(?P<name>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_OTHER_ORDERS = (  # the year not first, or the month by its name
    rf"(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?[-./\s]\s*{_NAME}[-./,\s]\s*(?P<year>[0-9]{{4}})(?P<rest>.*)",
    rf"{_NAME}\s+(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>[0-9]{{4}})(?P<rest>.*)",
    rf"{_NAME}\s+(?P<day>[0-9]{{1,2}})(?P<rest>\s+[0-9]{{1,2}}:[0-9:.]+.*\s)(?P<year>[0-9]{{4}})",
    rf"(?P<year>[0-9]{{4}})[-./\s]\s*{_NAME}[-./\s]\s*(?P<day>[0-9]{{1,2}})(?P<rest>.*)",
    r"(?P<day>[0-9]{1,2})\.\s*(?P<month>[0-9]{1,2})\.\s*(?P<year>[0-9]{4})(?P<rest>.*)",
    r"(?P<day>1[3-9]|2[0-9]|3[01])(?P<mark>[-:/])(?P<month>[0-9]{1,2})(?P=mark)(?P<year>[0-9]{4})(?P<rest>.*)",
    r"(?P<month>[0-9]{1,2})(?P<mark>[-:/])(?P<day>1[3-9]|2[0-9]|3[01])(?P=mark)(?P<year>[0-9]{4})(?P<rest>.*)",
)
_OTHER_ORDER_PATTERNS = [re.compile(rf"(?:[a-z]{{3,9}},?\s+)?{order}", re.IGNORECASE) for order in _OTHER_ORDERS]
_SIGNS = str.maketrans(
    {
        **dict.fromkeys(";\u65f6\u6642\u70b9\u9ede\u5206\uc2dc\ubd84", ":"),
        **dict.fromkeys("\u79d2\ucd08"),
        **{"\ub144": "\u5e74", "\uc6d4": "\u6708", "\uc77c": "\u65e5"},
    }
)
_HALVES = {"오전": "上午", "오후": "下午", "午前": "上午", "午後": "下午"}
_FLAGS = re.VERBOSE | re.IGNORECASE
_DATE_PATTERN = re.compile(_DATE, _FLAGS)
_CLOCK_PATTERN = re.compile(_CLOCK, _FLAGS)
_OFFSET_PATTERN = re.compile(_OFFSET, _FLAGS)


def moment_of(text: str) -> datetime | None:
    """Return the moment that a text begins with; None for nonsense.

    A date alone means midnight, a year or month alone its first day, 24:00:00 the next midnight. Nonsense is what
    cannot be read, is from before photography or lies more than two days ahead of the clock.
    """
    text = _year_first(_tidy(text))
    date = _DATE_PATTERN.match(text)
    moment = _numeric_moment(text, date) if date else None
    return moment if moment is not None and _is_plausible(moment) else None


def offset_of(text: str) -> timezone | None:
    """Return the offset from UTC that a text is (`+08:00`, `+0800`, `+8`, `Z`), None for anything else."""
    found = _OFFSET_PATTERN.fullmatch(_tidy(text))
    return _offset(found) if found else None


def with_offset(moment: datetime | None, texts: Iterable[str]) -> datetime | None:
    """Give a naive moment the first offset that can be read."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=next((offset for text in texts if (offset := offset_of(text))), None))


def offset_between(wall: datetime, utc: datetime) -> timezone | None:
    """Return the offset that lies between a naive wall clock and the satellites' time of the same moment.

    None where no zone is that far off, to the minute: then one of the clocks is wrong, or the fix an old one.
    """
    seconds = (wall - utc.replace(tzinfo=None)).total_seconds()
    minutes = 15 * round(seconds / 900)
    is_a_zone = _LEAST_OFFSET <= minutes <= _LARGEST_OFFSET and (minutes % 30 == 0 or minutes in _QUARTERS)
    return _fixed(minutes) if is_a_zone and abs(seconds - 60 * minutes) <= _TRUSTED_SECONDS else None


def _tidy(text: str) -> str:
    text = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS].replace("\0", " "))
    for written, half in _HALVES.items():
        text = text.replace(written, half)
    return text.translate(_SIGNS).strip().strip("\"'").removeprefix("D:")  # as PDF has it


def _year_first(text: str) -> str:
    """Return `May 6, 2020 7:08` and `06.05.2020 7:08` as `2020-05-06 7:08`, and others as they are.

    `5/6/2020` stays: nobody knows which of the two is the day.
    """
    for pattern in _OTHER_ORDER_PATTERNS:
        if found := pattern.fullmatch(text):
            parts = found.groupdict()
            month = parts.get("month") or _MONTHS.index(parts["name"].lower()) + 1
            return f"{parts['year']}-{month}-{parts['day']} {parts['rest'].strip()}"
    return text


def _numeric_moment(text: str, date: re.Match[str]) -> datetime | None:
    if date["year"] and not date["month"] and re.search("[0-9]", text[date.end() :]):
        return None  # a year that is not alone: its first day would be a guess
    clock = _CLOCK_PATTERN.match(text, date.end())
    day = _midnight(date)
    time = _time_of_day(clock) if clock else None
    if day is None or clock is None or time is None:
        return day
    written = _OFFSET_PATTERN.match(text[clock.end() :].lstrip())
    try:
        return (day + time).replace(tzinfo=_offset(written) if written else None)
    except OverflowError:
        return None


def _midnight(date: re.Match[str]) -> datetime | None:
    stamp = date["day_stamp"]
    year, month, day = (stamp[:4], stamp[4:6], stamp[6:]) if stamp else (date["year"], date["month"], date["day"])
    months, days = int(month or 0), int(day or 0)  # zero is how some programs say that they do not know
    try:
        return datetime(int(year), months or 1, (days or 1) if months else 1)  # noqa: DTZ001 -- a clock on a wall
    except ValueError:
        return None


def _time_of_day(clock: re.Match[str]) -> timedelta | None:
    stamp = clock["clock_stamp"]
    parts = (stamp[:2], stamp[2:4], stamp[4:]) if stamp else (clock["hour"], clock["minute"], clock["second"])
    hours, minutes, seconds = (int(part or 0) for part in parts)
    half = (clock["early_half"] or clock["late_half"] or "").lower()
    if half and 1 <= hours <= 12:
        hours = hours % 12 + (12 if half.startswith(("p", "\u4e0b")) else 0)
    if hours > 24 or minutes > 59 or seconds > 60 or (hours == 24 and minutes + seconds):
        return None
    return timedelta(hours=hours, minutes=minutes, seconds=min(seconds, 59))  # a leap second has no place here


def _offset(found: re.Match[str]) -> timezone | None:
    if not found["sign"]:
        return UTC if found["utc"] else None
    minutes = 60 * int(found["hours"]) + int(found["minutes"] or 0)
    if int(found["minutes"] or 0) > 59:
        return None
    minutes = minutes if found["sign"] == "+" else -minutes
    return _fixed(minutes) if _LEAST_OFFSET <= minutes <= _LARGEST_OFFSET else None


def _fixed(minutes: int) -> timezone:
    return timezone(timedelta(minutes=minutes))


def _is_plausible(moment: datetime) -> bool:
    latest = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=2)
    return moment.year >= FIRST_PHOTO_YEAR and moment.replace(tzinfo=None) <= latest
