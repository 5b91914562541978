"""Days, months and years, as people write them and as the language writes them."""

import calendar
import re
from collections.abc import Callable
from datetime import date, timedelta

from gallery.retrieval.tree import Comparison, Period

_DATE = re.compile(r"(?P<year>\d{4})(?:(?P<sign>[-/.])(?P<month>\d{1,2})(?:(?P=sign)(?P<day>\d{1,2}))?)?")
_CHINESE_DATE = re.compile(r"(?P<year>\d{4})年(?:(?P<month>\d{1,2})月(?:(?P<day>\d{1,2})[日号])?)?")
_FIRST_YEAR = 1000


def period_of(text: str, today: date) -> Period | None:
    """Return the day, month or year that is written so, or that is so called seen from `today`; None for anything else.

    `text` is in NFKC and lower case.
    """
    if text in _NAMED:
        return _NAMED[text](today)
    found = _DATE.fullmatch(text) or _CHINESE_DATE.fullmatch(text)
    if found is None or int(found["year"]) < _FIRST_YEAR:
        return None
    year, month, day = int(found["year"]), found["month"], found["day"]
    if month is None:
        return _year(year)
    if not 1 <= int(month) <= 12:
        return None
    whole = _month(year, int(month))
    if day is None:
        return whole
    return _day(whole.first.replace(day=int(day))) if 1 <= int(day) <= whole.last.day else None


def date_text(comparison: Comparison, value: date | Period) -> str:
    """Return the one spelling of a comparison with days: years and months by their names where these begin or end."""
    if isinstance(value, Period):
        return _period_text(value)
    ends = comparison in (Comparison.GREATER, Comparison.AT_MOST)
    return comparison.value + (last_text(value) if ends else first_text(value))


def first_text(day: date) -> str:
    """Return the longest period of which this is the first day."""
    if (day.month, day.day) == (1, 1):
        return f"{day.year}"
    return f"{day.year}-{day.month:02}" if day.day == 1 else day.isoformat()


def last_text(day: date) -> str:
    """Return the longest period of which this is the last day."""
    if (day.month, day.day) == (12, 31):
        return f"{day.year}"
    is_last = day == _month(day.year, day.month).last
    return f"{day.year}-{day.month:02}" if is_last else day.isoformat()


def _period_text(period: Period) -> str:
    if period.first == period.last:
        return period.first.isoformat()
    first, last = first_text(period.first), last_text(period.last)
    return first if first == last else f"{first}..{last}"


def _day(day: date) -> Period:
    return Period(day, day)


def _month(year: int, month: int) -> Period:
    return Period(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]))


def _year(year: int) -> Period:
    return Period(date(year, 1, 1), date(year, 12, 31))


def _days_ago(days: int) -> Callable[[date], Period]:
    return lambda today: _day(today - timedelta(days))


def _weeks_ago(weeks: int) -> Callable[[date], Period]:
    """Weeks begin on Monday."""

    def week(today: date) -> Period:
        monday = today - timedelta(today.weekday() + 7 * weeks)
        return Period(monday, monday + timedelta(6))

    return week


def _months_ago(months: int) -> Callable[[date], Period]:
    def month(today: date) -> Period:
        year, number = divmod(today.year * 12 + today.month - 1 - months, 12)
        return _month(year, number + 1)

    return month


def _years_ago(years: int) -> Callable[[date], Period]:
    return lambda today: _year(today.year - years)


_NAMED: dict[str, Callable[[date], Period]] = {
    **dict.fromkeys(("today", "今天"), _days_ago(0)),
    **dict.fromkeys(("yesterday", "昨天"), _days_ago(1)),
    "前天": _days_ago(2),
    **dict.fromkeys(("this week", "this-week", "本周", "这周"), _weeks_ago(0)),
    **dict.fromkeys(("last week", "last-week", "上周"), _weeks_ago(1)),
    **dict.fromkeys(("this month", "this-month", "本月", "这个月"), _months_ago(0)),
    **dict.fromkeys(("last month", "last-month", "上月", "上个月"), _months_ago(1)),
    **dict.fromkeys(("this year", "this-year", "今年"), _years_ago(0)),
    **dict.fromkeys(("last year", "last-year", "去年"), _years_ago(1)),
    "前年": _years_ago(2),
}


def periods_called(beginning: str, today: date) -> dict[str, Period]:
    """Return the days that words may mean whose name begins so, or that are written so, by the name.

    Seasons are those of the northern half of the earth, and no value that a filter can have: they are only offered.
    `beginning` is in NFKC and lower case.
    """
    found = {name: of(today) for name, of in (_NAMED | _SEASONS).items() if name.startswith(beginning)}
    written = period_of(beginning, today)
    return found if written is None else {beginning: written} | found


def _season(month: int, years_ago: int | None) -> Callable[[date], Period]:
    """Return the three months from this one on, begun in a year; without one the last that are over."""

    def season(today: date) -> Period:
        year = today.year - (years_ago or 0)
        found = _three_months(year, month)
        while years_ago is None and found.last >= today:
            year -= 1
            found = _three_months(year, month)
        return found

    return season


def _three_months(year: int, month: int) -> Period:
    last = _months_ago(-2)(date(year, month, 1)).last
    return Period(date(year, month, 1), last)


_FIRST_MONTHS = {3: ("spring", "春天"), 6: ("summer", "夏天"), 9: ("autumn", "秋天"), 12: ("winter", "冬天")}
_SEASONS: dict[str, Callable[[date], Period]] = {
    name: of
    for month, (english, chinese) in _FIRST_MONTHS.items()
    for name, of in {
        f"last {english}": _season(month, None),
        f"this {english}": _season(month, 0),
        f"去年{chinese}": _season(month, 1),
        f"今年{chinese}": _season(month, 0),
    }.items()
} | {"last fall": _season(9, None), "this fall": _season(9, 0)}
