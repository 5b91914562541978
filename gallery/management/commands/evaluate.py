from argparse import ArgumentParser
from typing import Any

from gallery.encoders.registry import choose_encoder_name, get_encoder
from gallery.management.command import GalleryCommand, Report, given_path
from gallery.services.encoding import current_encoder_name
from gallery.services.evaluation import evaluate, read_queries


class Command(GalleryCommand):
    help = "Measure search quality on labelled pictures, in a throw-away library."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("queries", type=given_path, metavar="QUERIES.json")
        parser.add_argument("--images", type=given_path, required=True, metavar="DIR")
        parser.add_argument("--encoder", metavar="X", help="offline, clip, or clip:MODEL (default: the one in use)")

    def run(self, **options: Any) -> Report:
        queries = read_queries(options["queries"])
        name = choose_encoder_name(options["encoder"]) if options["encoder"] else current_encoder_name()
        encoder = get_encoder(name)
        with self.progress(0, "picture") as advance:
            found = evaluate(queries, folder=options["images"], encoder=encoder, progress=advance)
        return {
            "encoder": encoder.id,
            "images": found.images,
            "queries": found.queries,
            "map": found.mean_average_precision,
            "precision_at_10": found.precision_at_10,
            "skipped_queries": found.skipped,
            "failed": list(found.failed),
        }
