"""What the beginning of a field, of one of its values or of days may become, in the language that it is typed in."""

import unicodedata
from datetime import date

from gallery.retrieval.tree import Comparison, Field, Filter, Period, State
from gallery.text.emoji_names import has_chinese

from .choices import CHOICES
from .dates import periods_called
from .fields import CHINESE, MEANINGS, SPELLINGS, FieldName
from .writing import format

FIRST_YEAR = 1826  # of the oldest photograph
DATES = {FieldName.TAKEN, FieldName.ADDED, FieldName.BEFORE, FieldName.AFTER}
CHOSEN = {FieldName.IS, FieldName.COLOUR, FieldName.FORMAT}
NUMBERS = {
    FieldName.WIDTH: (">2000", "<1000"),
    FieldName.HEIGHT: (">2000", "<1000"),
    FieldName.PIXELS: (">12M", "<1M"),
    FieldName.SIZE: (">5MB", "<500KB"),
}
"""Examples of what these fields take."""
_CHINESE_SPELLINGS = {field: spelling for spelling, field in CHINESE.items()}


def spelling_of(field: FieldName, *, in_chinese: bool) -> str:
    return _CHINESE_SPELLINGS[field] if in_chinese else field.value


def fields_called(beginning: str) -> dict[FieldName, str]:
    """Return the fields with a name that begins so, and that name; those that take the number of a picture are none."""
    plain = _plain(beginning)
    found: dict[FieldName, str] = {}
    for spelling, field in SPELLINGS.items():
        if spelling.startswith(plain) and field not in MEANINGS:
            found.setdefault(field, spelling)
    return found


def choices_called(field: FieldName, beginning: str, *, in_chinese: bool) -> dict[str, Filter]:
    """Return what `is:`, `colour:` or `format:` can be, by a spelling that begins so, or is of a language."""
    plain = _plain(beginning)
    found: dict[str, str] = {}
    for spelling, value in CHOICES[Field(field)].items():
        is_of_language = has_chinese(spelling) is in_chinese or field is FieldName.FORMAT
        if spelling.startswith(plain) and (plain or is_of_language) and " " not in spelling:
            found.setdefault(value, spelling)
    return {spelling: _choice(field, value) for value, spelling in found.items()}


def days_called(beginning: str, today: date, *, in_chinese: bool | None = None) -> dict[str, Period]:
    """Return the days with a name that begins so, seen from `today`, each once; without a beginning in a language."""
    plain = _plain(beginning)
    found: dict[Period, str] = {}
    for name, period in periods_called(plain, today).items():
        is_of_language = in_chinese is None or has_chinese(name) is in_chinese
        if (plain or is_of_language) and FIRST_YEAR <= period.first.year <= today.year:
            found.setdefault(period, name)
    return {name: period for period, name in found.items()}


def value_text(asked: Filter) -> str:
    """Return what stands behind the colon of a filter."""
    return format(asked).partition(":")[2]


def _choice(field: FieldName, value: str) -> Filter:
    return Filter(Field(field), Comparison.EQUALS, State(value) if field is FieldName.IS else value)


def _plain(beginning: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", beginning).lower().split())
