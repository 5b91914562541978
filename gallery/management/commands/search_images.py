import re
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.translation import gettext

from gallery.conf import gallery
from gallery.durable.regular_file import open_regular_file
from gallery.error_messages import sentence
from gallery.errors import ImageSearchError, NobodySignedIn
from gallery.management.command import GalleryCommand, Report, SentenceParser, given_path, named_user
from gallery.models import OPERATOR, Actor, Door
from gallery.retrieval.request import Order, SearchRequest, with_box
from gallery.retrieval.tree import BroughtPicture
from gallery.services.query_pictures import brought_picture
from gallery.services.search import ResultPage, find_images
from gallery.text.one_line import one_line

LONGEST_TOLD = 120  # characters of a part of a query
VERBOSITY = re.compile(r"-v\d?")


class QueryParser(SentenceParser):
    """Takes a word with one dash for a query, unless it is an option itself: -cat is "no cat", -5°C a temperature."""

    def parse_known_args(  # type: ignore[override]  # what parse_args calls
        self, args: Sequence[str] | None = None, namespace: Namespace | None = None
    ) -> tuple[Namespace, list[str]]:
        given = sys.argv[1:] if args is None else list(args)
        end = given.index("--") if "--" in given else len(given)
        queries = {place for place in range(end) if self._is_query(given[place], given[place - 1] if place else "")}
        spaced = [f" {word}" if place in queries else word for place, word in enumerate(given)]
        return super().parse_known_args(spaced, namespace)

    def _is_query(self, word: str, before: str) -> bool:
        """Say whether argparse would take a query for an option. A space before it, which no search minds, helps."""
        if not word.startswith("-") or word.startswith("--"):
            return False
        return (
            not VERBOSITY.fullmatch(word) and word not in self._option_string_actions and not self._takes_value(before)
        )

    def _takes_value(self, option: str) -> bool:
        action = self._option_string_actions.get(option)
        return action is not None and action.nargs is None


class Command(GalleryCommand):
    help = "Find pictures by words, by another picture or by both. Without --user it searches everything."

    parser_class = QueryParser

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("query", nargs="?", default="", metavar="QUERY", help="in the language of the search box")
        parser.add_argument("--words", action="store_true", help="take QUERY as plain words, without signs or filters")
        parser.add_argument("--image", type=given_path, metavar="PATH", help="search with this picture, too")
        parser.add_argument(
            "--region", metavar="L,T,W,H", help="only this part of --image: left, top, width, height as shares of it"
        )
        parser.add_argument("--tags", default="", metavar="A,B", help="search only pictures with all of these tags")
        parser.add_argument(
            "--as-typed", action="store_true", help="search misspelt words as they are, instead of what they may mean"
        )
        parser.add_argument("--top", default="10", help="number of results (default: 10)")
        parser.add_argument(
            "--order",
            default=Order.RELEVANCE,
            help=f"one of {', '.join(Order)}; all but relevance list what is confident",
        )
        parser.add_argument("--user", help="search only what this user may see")

    def run(self, **options: Any) -> Report:
        by = OPERATOR if options["user"] is None else Actor.of(named_user(options["user"]), door=Door.COMMAND)
        started = time.perf_counter()
        with _told_with_place(options["query"]):
            request = _request(**options)
            prepared_milliseconds = (time.perf_counter() - started) * 1000
            page = find_images(request, by=by)
        return _report(
            page, text=options["query"], encoding_milliseconds=prepared_milliseconds + page.encoding_milliseconds
        )

    def describe(self, report: Report) -> str:
        likely = [row for row in report["results"] if row["confident"]]
        others = [row for row in report["results"] if not row["confident"]]
        lines = [*_spelling(report), *_excluded(report), *map(_line, likely)]
        if not likely and others:
            lines.append(f"Nothing here looks like {_asked(report['text'])}. The nearest pictures:")
        elif others:
            lines.append("Less likely:")
        lines += map(_line, others)
        return "\n".join(
            [
                *lines,
                f"{report['confident_total']:,} found in {report['milliseconds']:.1f} ms with “{report['encoder']}”.",
            ]
        )


@contextmanager
def _told_with_place(query: str) -> Iterator[None]:
    """Say of what is wrong in a query where that is, too: a terminal marks nothing."""
    try:
        yield
    except NobodySignedIn as error:
        asked = error.details["filter"]
        raise CommandError(f"“{asked}” means what is somebody's own. Say whose: --user NAME.") from error
    except ImageSearchError as error:
        start, end = error.details.get("start", 0), error.details.get("end", len(query))
        if (start, end) == (0, len(query)):
            raise
        place = gettext("It stands at characters %(first)s to %(last)s: “%(part)s”.")
        told = place % {"first": start + 1, "last": end, "part": query[start:end][:LONGEST_TOLD]}
        raise CommandError(one_line(f"{sentence(error)} {told}")) from error


def _line(row: Mapping[str, Any]) -> str:
    return f"{row['id']:>8}  {row['name']}"


def _asked(text: str) -> str:
    return f"“{text}”" if text.strip() else "this picture"


def _excluded(report: Report) -> list[str]:
    return [f"Without: {', '.join(report['excluded'])}."] if report["excluded"] else []


def _spelling(report: Report) -> list[str]:
    if report["understood"]:
        return [f"“{report['text']}” seems to be misspelt: these are the results for “{report['understood']}”."]
    return [f"Did you mean “{report['suggestion']}”?"] if report["suggestion"] else []


def _request(
    *,
    query: str,
    words: bool,
    as_typed: bool,
    image: Path | None,
    region: str | None,
    tags: str,
    top: str,
    order: str,
    **_others: Any,
) -> SearchRequest:
    picture = with_box(None if image is None else _picture(image), region)
    return SearchRequest.of(
        query="" if words else query,
        today=timezone.localdate(),
        text=query if words else "",
        as_typed=as_typed,
        meanings=[] if picture is None else [picture],
        tags=[tags],
        top=top,
        order=order,
        max_top=gallery().max_results,
        max_characters=gallery().max_query_characters,
    )


def _picture(path: Path) -> BroughtPicture:
    with open_regular_file(path) as file:
        return brought_picture(file)


def _report(page: ResultPage, *, text: str, encoding_milliseconds: float) -> Report:
    return {
        "encoder": page.encoder,
        "text": text.strip(),
        "results": [
            {
                "id": result.image.pk,
                "md5": result.image.md5,
                "name": result.image.original_name,
                "score": None if result.score is None else round(result.score, 6),
                "confident": result.confident,
                "why": [{"kind": str(each.kind), "detail": each.detail} for each in result.why],
            }
            for result in page.results
        ],
        "total": page.total,
        "confident_total": page.confident_total,
        "total_is_at_least": page.total_is_at_least,
        "suggestion": page.suggestion,
        "understood": page.understood,
        "excluded": list(page.excluded),
        "milliseconds": round(page.milliseconds, 2),
        "encoding_milliseconds": round(encoding_milliseconds, 2),  # loading the model included
    }
