"""Conditions of image querysets that say of themselves what they ask, so that others than the database can answer.

To the database each is what it is made from.
"""

from collections.abc import Collection
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Exists, ExpressionWrapper, Func, Q, QuerySet
from django.db.models.sql.compiler import SQLCompiler


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


class Mentioning(ExpressionWrapper):  # type: ignore[type-arg]  # takes none at run time
    """That an image mentions this text: has `folded` in its folded text or, while it is not folded, what was typed."""

    def __init__(self, condition: Q, *, text: str, folded: str) -> None:
        super().__init__(condition, output_field=BooleanField())
        self.text, self.folded = text, folded


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
