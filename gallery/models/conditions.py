"""Conditions of image querysets that say of themselves what they ask, so that others than the database can answer.

To the database each is what it is made from.
"""

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, BooleanField, Exists, ExpressionWrapper, F, Func, Q, QuerySet
from django.db.models.functions import Cast
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual
from django.db.models.sql.compiler import SQLCompiler

Fingerprint = tuple[str, tuple[Any, ...]]  # what the database is asked: SQL and its parameters


class Tagged(Exists):
    """That an image carries a tag with one of these folded names; `links` are the links of images to tags."""

    def __init__(self, links: QuerySet[Any], *, folded_names: Collection[str]) -> None:
        super().__init__(links.filter(tag__folded_name__in=folded_names))
        self.folded_names = folded_names


class ShownIn(Exists):
    """That one of these albums shows an image; `places` are its places in them, as `is_shown_in_album` has them."""

    def __init__(self, places: QuerySet[Any], *, albums: QuerySet[Any]) -> None:
        super().__init__(places)
        self.albums = albums


class OfFoldedText(ExpressionWrapper):  # type: ignore[type-arg]  # takes none at run time
    """What is asked of an image's folded text or, while that is not folded, of what was typed: `condition`."""

    def __init__(self, condition: Q) -> None:
        super().__init__(condition, output_field=BooleanField())
        self.condition = condition


class Mentioning(OfFoldedText):
    """That an image's name or description, folded, has `folded` in it."""

    def __init__(self, condition: Q, *, folded: str) -> None:
        super().__init__(condition)
        self.folded = folded


class Named(OfFoldedText):
    """That an image's file name, folded, is these pieces, with anything or nothing between two of them."""

    def __init__(self, condition: Q, *, pieces: tuple[str, ...]) -> None:
        super().__init__(condition)
        self.pieces = pieces


class TaggedSomehow(Exists):
    """That an image carries a tag; `links` are the links of images to tags, `OuterRef("pk")` the image."""


class Coloured(Exists):
    """That an image has one of the colours of these bits; `looks` are those at the colours of images, `OuterRef("pk")`
    the image.
    """

    def __init__(self, looks: QuerySet[Any], *, bits: int) -> None:
        super().__init__(looks.alias(asked=F("colours").bitand(bits)).filter(asked__gt=0))
        self.bits = bits


class IsSquare(ExpressionWrapper):  # type: ignore[type-arg]  # takes none at run time
    """That the shorter side of an image has at least 95 % of the longer one."""

    PARTS = (19, 20)

    def __init__(self) -> None:
        some, all_ = self.PARTS
        is_wide_enough = GreaterThanOrEqual(_many("width_px") * all_, _many("height_px") * some)
        is_high_enough = GreaterThanOrEqual(_many("height_px") * all_, _many("width_px") * some)
        super().__init__(Q(is_wide_enough) & Q(is_high_enough), output_field=BooleanField())


class HasPixels(ExpressionWrapper):  # type: ignore[type-arg]  # takes none at run time
    """That the number of an image's pixels, its width times its height, compares so ("lt", "lte"...) with this one."""

    LOOKUPS = {"lt": LessThan, "lte": LessThanOrEqual, "gt": GreaterThan, "gte": GreaterThanOrEqual}

    def __init__(self, lookup: str, number: int) -> None:
        compared = self.LOOKUPS[lookup](_many("width_px") * _many("height_px"), number)
        super().__init__(Q(compared), output_field=BooleanField())
        self.lookup, self.number = lookup, number


def _many(column: str) -> Cast:
    """Return a number whose multiples PostgreSQL can hold."""
    return Cast(column, BigIntegerField())


class TaggedAny(Exists):
    """That an image carries one of these tags; `links` are the links of images to tags, `OuterRef("pk")` the image.

    Asked of each image: a list of all that carry one is longer than the few that the database is asked about.
    """

    def __init__(self, links: QuerySet[Any], *, tags: QuerySet[Any]) -> None:
        super().__init__(links.filter(tag__in=tags.order_by()))
        self.tags = tags


class HasNoRow(Func):
    """That an image has no row of the index, as the index of those images in the database has it.

    With `IS NULL` SQLite would rather go through the index of all rows, fetch each image and sort them.
    """

    template = "COALESCE(%(expressions)s, -1) = -1"
    output_field = BooleanField()

    def __init__(self) -> None:
        super().__init__("embedding_row")


class ImageIds:
    """Ids of images that were found otherwise, any number of them: (n,) int64."""

    def __init__(self, ids: npt.NDArray[np.int64]) -> None:
        self.ids = ids

    def among(self, ids: Sequence[int]) -> "ImageIds":
        """Return those of these ids that are here."""
        given = np.array(ids, dtype=np.int64)
        return ImageIds(given[np.isin(given, self.ids)])

    @cached_property
    def text(self) -> str:
        """The ids with commas between them: one value of a statement, however many they are."""
        return ",".join(map(str, self.ids.tolist()))


class Among(Func):
    """That an image is one of these."""

    output_field = BooleanField()

    def __init__(self, expression: Any, *, images: ImageIds) -> None:
        super().__init__(expression)
        self.images = images

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_extra: Any) -> tuple[str, Any]:
        sql, parameters = compiler.compile(self.source_expressions[0])
        return "%s IN (SELECT value FROM json_each(%%s))" % sql, [*parameters, f"[{self.images.text}]"]  # noqa: S608, UP031 -- a column

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_extra: Any) -> tuple[str, Any]:
        sql, parameters = compiler.compile(self.source_expressions[0])
        return f"{sql} = ANY(%s::bigint[])", [*parameters, f"{{{self.images.text}}}"]
