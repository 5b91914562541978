import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from gallery.conf import gallery
from gallery.errors import InvalidInput, Phrase, UnreadablePath, gettext_noop
from gallery.management.command import GalleryCommand, Report, given_path, named_user
from gallery.services.query import Query, parse, parse_top
from gallery.services.query_pictures import query_by_file
from gallery.services.search import ResultPage, find_images


class Command(GalleryCommand):
    help = "Find pictures by words or by another picture. Without --user it searches everything."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("text", nargs="?", default="", metavar="TEXT")
        parser.add_argument("--image", type=given_path, metavar="PATH", help="search with this picture, not a text")
        parser.add_argument("--top", default="10", help="number of results (default: 10)")
        parser.add_argument("--user", help="search only what this user may see")

    def run(self, **options: Any) -> Report:
        top = parse_top(options["top"], limit=gallery().max_results)
        user = None if options["user"] is None else named_user(options["user"])
        started = time.perf_counter()
        query = _query(options["text"], options["image"])
        prepared_milliseconds = (time.perf_counter() - started) * 1000
        page = find_images(query, user=user, top=top)
        return _report(page, encoding_milliseconds=prepared_milliseconds + page.encoding_milliseconds)

    def describe(self, report: Report) -> str:
        lines = [f"{row['score']:.3f}  {row['id']:>8}  {row['name']}" for row in report["results"]]
        summary = f"{len(lines)} results in {report['milliseconds']:.1f} ms with “{report['encoder']}”."
        return "\n".join([*lines, summary])


def _query(text: str, image: Path | None) -> Query:
    if image is None:
        return parse(text, max_characters=gallery().max_query_characters)
    if text:
        raise InvalidInput(reason=Phrase(gettext_noop("give a text or --image, not both")))
    try:
        with image.open("rb") as file:
            return query_by_file(file)
    except OSError as error:
        raise UnreadablePath(path=str(image), reason=error.strerror or str(error)) from error


def _report(page: ResultPage, *, encoding_milliseconds: float) -> Report:
    return {
        "encoder": page.encoder,
        "results": [
            {
                "id": result.image.pk,
                "md5": result.image.md5,
                "name": result.image.original_name,
                "score": round(result.score, 6),
                "confident": result.confident,
            }
            for result in page.results
        ],
        "milliseconds": round(page.milliseconds, 2),
        "encoding_milliseconds": round(encoding_milliseconds, 2),  # loading the model included
    }
