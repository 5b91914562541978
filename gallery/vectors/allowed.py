"""What a search may find, in the forms that engines can use."""

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, Self

import numpy as np

from .codes import Codes
from .row_mask import RowMask
from .unit_vectors import NO_ID, Ids


class AllowedAs(Enum):
    """The form in which an engine is told what it may find."""

    BITMAP = "bitmap"
    IDS = "ids"
    CONDITION = "condition"


@dataclass(frozen=True)
class Condition:
    """The allowed images as a question: one SELECT of their ids, with `parameters` for its placeholders (%s).

    It is asked in the SQL of the site's database, by an engine that lies there and joins it to its own search: what was
    true when the question was made does not matter, only what is true when it is asked.
    """

    sql: str
    parameters: tuple[Any, ...]


@dataclass(frozen=True)
class Allowed:
    """The images that a search may find. Every form that it can be had in means the same ones, and is made when first
    asked for. Made `of_rows` it can be had as bitmap and as ids, made `of_condition` as condition: whoever asks an
    engine makes what the engine takes (`Capabilities.allowed_as`). Another form raises ValueError.
    """

    _rows: tuple[RowMask, Codes] | None = None
    _condition: Condition | None = None

    @classmethod
    def of_rows(cls, mask: RowMask, codes: Codes) -> Self:
        """Allow the images of these rows of a snapshot, whose codes say which they are."""
        return cls(_rows=(mask, codes))

    @classmethod
    def of_condition(cls, condition: Condition) -> Self:
        return cls(_condition=condition)

    @property
    def bitmap(self) -> RowMask:
        """The rows of the snapshot."""
        return self._known_rows()[0]

    @cached_property
    def ids(self) -> Ids:
        """The image ids, ascending, (n,) int64. Rows that were cleared meanwhile have none."""
        mask, codes = self._known_rows()
        found = codes.ids_of(mask.rows)
        return np.sort(found[found != NO_ID])

    @property
    def condition(self) -> Condition:
        if self._condition is None:
            raise ValueError("what is allowed is known row by row, not as a condition")
        return self._condition

    def _known_rows(self) -> tuple[RowMask, Codes]:
        if self._rows is None:
            raise ValueError("what is allowed is known as a condition, not row by row")
        return self._rows
