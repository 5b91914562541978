"""Amounts of bytes as people read them, everywhere in the units that settings and the query language count in."""

from django.utils.formats import number_format
from django.utils.translation import ngettext

UNITS = ("kB", "MB", "GB", "TB")  # each a thousand of the one before


def bytes_in_words(size_bytes: int) -> str:
    """Return an amount in the largest unit of which it is at least one: "240.6 kB", in the reader's number format."""
    if size_bytes < 1000:
        return ngettext("%(count)d byte", "%(count)d bytes", size_bytes) % {"count": size_bytes}
    amount, unit = size_bytes / 1000, 0
    while round(amount, 1) >= 1000 and unit < len(UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    digits = 0 if amount >= 1000 or amount == int(amount) else 1
    return f"{number_format(round(amount, 1), digits, force_grouping=True)} {UNITS[unit]}"
