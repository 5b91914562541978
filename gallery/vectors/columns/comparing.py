"""Comparisons of whole columns."""

import operator
from collections.abc import Callable, Collection
from typing import Any, Literal

import numpy as np

from .table import Numbers
from .texts import Booleans

Comparison = Literal["eq", "ne", "lt", "le", "gt", "ge"]

_OPERATORS: dict[Comparison, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
FEW_VALUES = 8


def compared(column: Numbers, comparison: Comparison, value: "int | Numbers") -> Booleans:
    """Return which numbers compare so, (n,) bool; NULL is compared as the number that it is kept as."""
    return np.asarray(_OPERATORS[comparison](column, value), dtype=bool)


def is_one_of(column: Numbers, values: Collection[int]) -> Booleans:
    """Return which numbers are among the values, (n,) bool."""
    limits = np.iinfo(column.dtype)
    wanted = sorted({value for value in values if limits.min <= value <= limits.max})
    if len(wanted) > FEW_VALUES:
        return np.isin(column, np.array(wanted, dtype=column.dtype))
    found = np.zeros(len(column), dtype=bool)
    for value in wanted:
        found |= column == value
    return found
