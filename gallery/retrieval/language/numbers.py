"""Numbers of pixels and bytes, as people write them and as the language writes them."""

import re
from decimal import Decimal

from gallery.retrieval.tree import Comparison, Field, NumberRange

_MILLION = 1_000_000
_UNITS = {  # of each field, in lower case; powers of 1000
    Field.WIDTH: {"": 1, "px": 1},
    Field.HEIGHT: {"": 1, "px": 1},
    Field.PIXELS: {"": 1, "px": 1, "m": _MILLION, "mp": _MILLION},
    Field.SIZE: {"": 1, "b": 1, "kb": 1_000, "m": _MILLION, "mb": _MILLION, "gb": 1_000 * _MILLION},
}
_WRITTEN_UNITS = {  # largest first
    Field.WIDTH: {},
    Field.HEIGHT: {},
    Field.PIXELS: {"M": _MILLION},
    Field.SIZE: {"GB": 1_000 * _MILLION, "MB": _MILLION, "KB": 1_000},
}
_NUMBER = re.compile(r"(?P<amount>\d{1,16}(?:\.\d{1,9})?|\.\d{1,9}) ?(?P<unit>[a-z]*)")
MOST = 10**15  # what databases hold, and more than any picture has


def number_of(text: str, field: Field, *, unit: str = "") -> int | None:
    """Return a number with its unit, or with `unit` where it has none, to the nearest whole; None for what is none.

    `text` is in NFKC and lower case. Widths and heights are whole numbers.
    """
    found = _NUMBER.fullmatch(text)
    if found is None or (field in (Field.WIDTH, Field.HEIGHT) and "." in found["amount"]):
        return None
    factor = _UNITS[field].get(found["unit"] or unit)
    if factor is None:
        return None
    number = int((Decimal(found["amount"]) * factor).to_integral_value())
    return number if number <= MOST else None


def unit_of(text: str) -> str:
    """Return the unit behind a number, "" where there is none."""
    found = _NUMBER.fullmatch(text)
    return found["unit"] if found else ""


def number_text(field: Field, comparison: Comparison, value: int | NumberRange) -> str:
    """Return the one spelling of a comparison with a number."""
    if isinstance(value, int):
        return ("" if comparison is Comparison.EQUALS else comparison.value) + _with_unit(value, field)
    ends = (_with_unit(value.least, field), _with_unit(value.most, field))
    if ends[0].isdecimal() and not ends[1].isdecimal():  # a first end without a unit would take that of the second
        ends = (f"{value.least}", f"{value.most}")
    return "..".join(ends)


def _with_unit(number: int, field: Field) -> str:
    for unit, factor in _WRITTEN_UNITS[field].items():
        if number >= factor:
            return f"{(Decimal(number) / factor).normalize():f}{unit}"
    return str(number)
