"""Mistakes in a query of the search box's language.

The details of each hold, beside what its sentence names, `start` and `end`, code points of the query as it was sent,
`end` exclusive, and `suggestion`: what to write there instead ("" to leave it out), None where nothing is known.
"""

from typing import TypeVar

from .base import ImageSearchError, gettext_noop
from .inputs import InvalidInput

Mistake = TypeVar("Mistake", bound=ImageSearchError)


class QueryMistake(InvalidInput):
    code = "query_mistake"
    message = gettext_noop("This search cannot be understood. Check its signs, or search for its plain words.")


class UnclosedQuote(QueryMistake):
    code = "unclosed_quote"
    message = gettext_noop("The quote %(sign)s is not closed. Close it, or put a backslash before it to make it text.")


class UnclosedBracket(QueryMistake):
    code = "unclosed_bracket"
    message = gettext_noop(
        "The bracket %(sign)s is not closed. Close it, or put a backslash before it to make it text."
    )


class EmptyQuote(QueryMistake):
    code = "empty_quote"
    message = gettext_noop("There is nothing between these quotes. Put words there, or take the quotes away.")


class EmptyBrackets(QueryMistake):
    code = "empty_brackets"
    message = gettext_noop("There is nothing between these brackets. Put words there, or take the brackets away.")


class NothingToExclude(QueryMistake):
    code = "nothing_to_exclude"
    message = gettext_noop(
        "“%(operator)s” excludes what stands right behind it, and there is nothing that it could exclude. Put a word, "
        "a phrase, brackets or a filter behind it, or take it away."
    )


class NothingToJoin(QueryMistake):
    code = "nothing_to_join"
    message = gettext_noop(
        "“%(operator)s” stands between two things of which one is enough, and one of them is missing. Add it, or take "
        "that sign away."
    )


class WeightOnExclusion(QueryMistake):
    code = "weight_on_exclusion"
    message = gettext_noop("“%(weight)s” is a weight, and what is excluded has none. Take it away.")


class InvalidFilterValue(QueryMistake):
    code = "invalid_filter_value"
    message = gettext_noop("“%(filter)s” is no filter: %(expected)s. Change it, or put a backslash before the colon.")


class QueryNestedTooDeep(QueryMistake):
    code = "query_nested_too_deep"
    message = gettext_noop("The brackets of this search lie more than %(limit)s deep, which is the limit. Use fewer.")


class TooManyClauses(QueryMistake):
    code = "too_many_clauses"
    message = gettext_noop("This search has more than %(limit)s parts, which is the limit. Leave some of them out.")


class TooManyMeanings(QueryMistake):
    code = "too_many_meanings"
    message = gettext_noop(
        "This search asks for more than %(limit)s meanings (sentences, pictures, parts of pictures), which is the "
        "limit. Leave some of them out, or put words into quotes, which asks for the words alone."
    )


class NobodySignedIn(QueryMistake):
    code = "nobody_signed_in"
    message = gettext_noop("“%(filter)s” means what is your own, and you are not signed in. Sign in, or leave it out.")


class UnknownAlbum(QueryMistake):
    code = "unknown_album"
    http_status = 404
    message = gettext_noop("There is no album “%(title)s” that you may search in. Check its title.")


def placed(error: Mistake, *, start: int, end: int, suggestion: str | None = None) -> Mistake:
    """Return an error that something within a query has made, with its place there."""
    return type(error)(**error.details | {"start": start, "end": end, "suggestion": suggestion})
