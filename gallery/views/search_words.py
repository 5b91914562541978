"""The parts of a search in the reader's language, as chips and facets name them."""

from datetime import date
from functools import lru_cache, singledispatch

from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, pgettext

from gallery.errors import InvalidInput
from gallery.forms.search import SearchForm
from gallery.imaging.formats import LABELS
from gallery.retrieval.language import ME, parse
from gallery.retrieval.language import format as query_of
from gallery.retrieval.tree import Comparison, Field, Filter, Like, Node, Not, Phrase, Picture, Region, State, Text
from gallery.search_labels import COLOURS, FIELDS, STATES

REASONS = {
    "looks_like": gettext_lazy("Looks like"),
    "name": FIELDS[Field.NAME],
    "tag": FIELDS[Field.TAG],
    "album": FIELDS[Field.ALBUM],
    "description": gettext_lazy("Description"),
    "text": FIELDS[Field.TEXT],
    "colour": FIELDS[Field.COLOUR],
}


@singledispatch
def in_words(node: Node) -> str:
    """Return a part of a search for people: what has no name of its own as it is typed."""
    return query_of(node)


@in_words.register
def _(node: Text) -> str:
    return node.words


@in_words.register
def _(node: Phrase) -> str:
    return gettext("“%(text)s”") % {"text": node.text}


@in_words.register
def _(node: Not) -> str:
    return gettext("Not: %(part)s") % {"part": in_words(node.part)}


@in_words.register
def _(node: Like) -> str:
    return gettext("Like picture %(id)s") % {"id": node.image_id}


@in_words.register
def _(_node: Picture) -> str:
    return gettext("Like your picture")


@in_words.register
def _(node: Region) -> str:
    whole = in_words(node.of)
    return gettext("%(picture)s, a part of it") % {"picture": whole}


@in_words.register
def _(node: Filter) -> str:
    if node.field is Field.IS:
        return value_in_words(node)
    if node.field is Field.DATE:
        name = pgettext("date", "After") if node.comparison is Comparison.GREATER else pgettext("date", "Before")
    else:
        name = str(FIELDS[node.field])
    return gettext("%(name)s: %(value)s") % {"name": name, "value": value_in_words(node)}


def value_in_words(node: Filter) -> str:
    """Return what a filter asks its field for."""
    value = node.value
    if isinstance(value, State):
        return str(STATES[value])
    if node.field is Field.COLOUR:
        return str(COLOURS[str(value)])
    if node.field is Field.FORMAT:
        return LABELS[str(value)]
    if node.field is Field.OWNER and value == ME:
        return pgettext("owner", "me")
    return value if isinstance(value, str) else query_of(node).partition(":")[2]


def reason_in_words(kind: str, detail: str) -> str:
    """Return why a picture was found, for people: a kind of reason, and what of the search is true of it."""
    if kind == "filter":
        return _query_in_words(detail)
    if kind == "looks_like":
        detail = _query_in_words(detail)
    if kind == "colour":
        detail = str(COLOURS.get(detail, detail))
    return gettext("%(name)s: %(value)s") % {"name": REASONS[kind], "value": detail}


@lru_cache(maxsize=2_000)
def parsed(text: str, today: date) -> Node:
    """Return what `parse` does: facets and reasons of one page have the same few filters dozens of times."""
    return parse(text, today)


def _query_in_words(text: str) -> str:
    try:
        return in_words(parsed(text, timezone.localdate()))
    except InvalidInput:  # it is no query, but what was recognised
        return text


def search_in_words(form: SearchForm) -> str:
    """Return what an address of the search page asks for, as far as that can be read."""
    values = [form.text, *(in_words(Filter(Field.TAG, Comparison.EQUALS, tag)) for tag in form.tags)]
    if form.is_valid():
        values += [in_words(meaning) for meaning in form.meanings]
    return " · ".join(value for value in values if value.strip())
