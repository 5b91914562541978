"""What a search consists of, part by part, each with the address of the search without it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from gallery.forms.part import PER_CENT
from gallery.forms.search import SearchForm
from gallery.models import Image, QueryPicture
from gallery.retrieval.language import format as query_of
from gallery.retrieval.tree import Box, Comparison, Field, Filter, Like, Node, Picture, Region, Text
from gallery.retrieval.tree_changes import parts_of, without
from gallery.services.meanings import NamedRows

from .search_words import in_words

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Chip:
    """A part of the search. `image` or `picture` is what it asks with, where it asks for what resembles that or, with a
    `box`, a part of that.
    """

    label: str
    address: str
    image: Image | None = None
    picture: QueryPicture | None = None
    box: Box | None = None

    @property
    def is_part(self) -> bool:
        return self.box is not None

    @property
    def percents(self) -> dict[str, str]:
        """Where the part lies, as the form for a part writes it; nothing for a whole picture."""
        shares = self.box.shares if self.box else ()
        values = (f"{share * PER_CENT:.10g}" for share in shares)
        return dict(zip(("left", "top", "width", "height"), values, strict=False))

    @property
    def has_picture(self) -> bool:
        return self.image is not None or self.picture is not None


def chips_of(form: SearchForm, asked: NamedRows) -> tuple[Chip, ...]:
    """Return the parts of a valid search in the order of its address; a sentence alone is none."""
    found = [*_of_query(form, asked), *_of_address(form, asked)]
    return tuple(found)


def address_of(pairs: Pairs) -> str:
    """Return where this page shows another search."""
    return f"?{urlencode(pairs)}"


def address_with_query(form: SearchForm, query: str, *, but: Collection[str] = ()) -> str:
    """Return where this page shows another query and what else is asked for, `but` some of it; "" asks for none."""
    rest = [pair for pair in form.address if pair[0] not in {"q", *but}]
    return address_of([*([("q", query)] if query else []), *rest])


def _of_query(form: SearchForm, asked: NamedRows) -> Iterator[Chip]:
    tree = form.query_tree
    if tree is None or isinstance(tree, Text):
        return
    for place, part in enumerate(parts_of(tree)):
        left = without(tree, place)
        yield _chip(part, address_with_query(form, query_of(left) if left else ""), asked)


def _of_address(form: SearchForm, asked: NamedRows) -> Iterator[Chip]:
    address = form.address
    if form.cleaned_data["q"].strip() and (words := form.cleaned_data["words"].strip()):
        yield Chip(words, address_of([pair for pair in address if pair[0] != "words"]))
    for meaning in form.meanings:
        whole = meaning.of if isinstance(meaning, Region) else meaning
        names = {"picture" if isinstance(whole, Picture) else "like", *(["box"] if whole is not meaning else [])}
        yield _chip(meaning, address_of([pair for pair in address if pair[0] not in names]), asked)
    untagged = [pair for pair in address if pair[0] != "tag"]
    for tag in form.tags:
        others = [("tag", other) for other in form.tags if other != tag]
        yield Chip(in_words(Filter(Field.TAG, Comparison.EQUALS, tag)), address_of([*untagged, *others]))


def _chip(part: Node, address: str, asked: NamedRows) -> Chip:
    meant = part.of if isinstance(part, Region) else part
    image = asked.images.get(meant.image_id) if isinstance(meant, Like) else None
    picture = asked.pictures.get(meant.id) if isinstance(meant, Picture) else None
    return Chip(in_words(part), address, image, picture, part.box if isinstance(part, Region) else None)
