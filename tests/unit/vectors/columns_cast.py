"""Rows as Python objects, and the columns that are made of them: what columns are compared with."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from gallery.vectors.columns.columns import Columns
from gallery.vectors.columns.links import Links
from gallery.vectors.columns.table import NULL, Table
from gallery.vectors.columns.texts import Texts
from gallery.vectors.unit_vectors import NO_ID


@dataclass(frozen=True)
class Picture:
    """What a row says of its picture; `id` -1 is nobody."""

    id: int
    width: int = 1
    height: int = 1
    taken: int | None = None
    name: str = ""
    tags: frozenset[int] = frozenset()
    albums: dict[int, int] = field(default_factory=dict)  # album: position

    @property
    def is_live(self) -> bool:
        return self.id != NO_ID


NOBODY = Picture(NO_ID)


def table_of(pictures: Sequence[Picture]) -> Table:
    tags = [(row, tag) for row, one in enumerate(pictures) for tag in one.tags]
    places = [(row, album, position) for row, one in enumerate(pictures) for album, position in one.albums.items()]
    return Table(
        ids=np.array([one.id for one in pictures], dtype=np.int64),
        numbers={
            "width": np.array([one.width for one in pictures], dtype=np.int32),
            "height": np.array([one.height for one in pictures], dtype=np.int32),
            "taken": np.array([NULL if one.taken is None else one.taken for one in pictures], dtype=np.int64),
        },
        texts={"name": Texts.of([one.name for one in pictures])},
        links={
            "tag": Links.of([row for row, _ in tags], [tag for _, tag in tags]),
            "album": Links.of(*([place[part] for place in places] for part in range(3))),
        },
    )


def pictures_of(table: Table) -> list[Picture]:
    """Read a table back, row by row; what is left of a row of nobody does not matter."""
    tags: list[set[int]] = [set() for _ in range(table.row_count)]
    albums: list[dict[int, int]] = [{} for _ in range(table.row_count)]
    for key in table.links["tag"].keys.tolist():
        for row in table.links["tag"].rows_with([key]).tolist():
            tags[row].add(key)
    album_links = table.links["album"]
    for key in album_links.keys.tolist():
        at = album_links.of_key(key)
        for row, position in zip(album_links.rows[at].tolist(), album_links.positions[at].tolist(), strict=True):
            albums[row][key] = position
    return [
        Picture(
            id=int(table.ids[row]),
            width=int(table.numbers["width"][row]),
            height=int(table.numbers["height"][row]),
            taken=None if table.numbers["taken"][row] == NULL else int(table.numbers["taken"][row]),
            name=table.texts["name"].at(row).decode(),
            tags=frozenset(tags[row]),
            albums=albums[row],
        )
        if table.ids[row] != NO_ID
        else NOBODY
        for row in range(table.row_count)
    ]


numbers = st.integers(-3, 3)
SIGNS = "aAbé狗_ "
names = st.text(SIGNS, max_size=12)


def picture_of(number: int) -> Picture:
    """Return the facts that are the digits of a number: drawn at once, and simple ones where it is small."""

    def digit(base: int) -> int:
        nonlocal number
        number, found = divmod(number, base)
        return found

    taken, width, height = digit(8), digit(7), digit(7)
    name = "".join(SIGNS[digit(len(SIGNS))] for _ in range(digit(16)))
    tags = frozenset(1 + digit(6) for _ in range(digit(4)))
    albums = dict.fromkeys((1 + digit(3) for _ in range(digit(3))), 0)
    return Picture(0, width - 3, height - 3, None if taken == 0 else taken - 4, name, tags, albums)


facts = st.just(NOBODY) | st.integers(0, 2**80).map(picture_of)


@dataclass(frozen=True)
class Library:
    """The same rows twice."""

    pictures: list[Picture]
    columns: Columns


@st.composite
def libraries(draw: st.DrawFn) -> Library:
    """A table that was changed, and perhaps merged, a few times; some rows are nobody's."""
    pictures = _with_ids(draw, draw(st.lists(facts, max_size=12)), used=set())
    columns = Columns.of(table_of(pictures))
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()) and draw(st.booleans()):
            columns = Columns.of(columns.merged())
        rows = sorted(draw(st.sets(st.integers(0, len(pictures) + 3), max_size=5)))
        changes = draw(st.lists(facts, min_size=len(rows), max_size=len(rows)))
        used = {one.id for row, one in enumerate(pictures) if row not in rows}
        changes = _with_ids(draw, changes, used=used)
        columns = columns.changed(np.array(rows, dtype=np.int64), table_of(changes))
        pictures = pictures + [NOBODY] * (max([len(pictures) - 1, *rows]) + 1 - len(pictures))
        for row, change in zip(rows, changes, strict=True):
            pictures[row] = change
    return Library(pictures, columns)


def _with_ids(draw: st.DrawFn, pictures: list[Picture], *, used: set[int]) -> list[Picture]:
    """Give each picture an id of its own, in no order, and a place of its own in each album."""
    step = draw(st.sampled_from([1, 5, 78]))
    free = (number for number in (1 + place * step % 79 for place in range(79)) if number not in used)
    given = []
    for picture, number in zip(pictures, free, strict=False):
        albums = dict.fromkeys(picture.albums, number * 7919 % 83)
        given.append(
            picture
            if not picture.is_live
            else Picture(number, picture.width, picture.height, picture.taken, picture.name, picture.tags, albums)
        )
    return given
