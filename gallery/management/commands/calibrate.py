from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from gallery.conf import gallery
from gallery.encoders.base import Encoder, Vectors
from gallery.encoders.registry import choose_encoder_name, get_encoder
from gallery.errors import ImageSearchError, InvalidInput
from gallery.imaging import load_pixels
from gallery.management.command import GalleryCommand, Report, given_path
from gallery.measuring.calibrating import LabelledScores, fit
from gallery.measuring.quality import LabelledQuery, read_queries
from gallery.measuring.quality.pictures import picture_files
from gallery.services.calibrations import keep_calibration
from gallery.services.decode_limits import decode_limits
from gallery.services.meanings import clarity, sentence_for, understood

FEWEST_QUERIES = 10


class Command(GalleryCommand):
    help = "Fit, on labelled pictures, from where on a search is confident of its results with an encoder."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("queries", type=given_path, nargs="+", metavar="LABELLED.json")
        parser.add_argument("--images", type=given_path, required=True, metavar="DIR")
        parser.add_argument("--encoder", metavar="X", help="offline, clip, or clip:MODEL (default: the settings')")

    def run(self, **options: Any) -> Report:
        limit = gallery().max_query_characters
        queries = [query for path in options["queries"] for query in read_queries(path, max_characters=limit)]
        files = picture_files(options["images"])
        encoder = get_encoder(choose_encoder_name(options["encoder"] or gallery().encoder))
        with self.progress(len(files), "picture") as advance:
            names, rows = _encoded(files, encoder, advance)
        labelled = _labelled(queries, names, rows, encoder)
        calibration, quality = fit(labelled)
        measure = "shares" if labelled[0].clarity is not None else "deviations"
        report = {
            "measure": measure,
            "weights": {name: round(value, 4) for name, value in asdict(calibration).items()},
            "held_out": {language: _rounded(asdict(found)) for language, found in quality.items()},
        }
        path = keep_calibration(encoder.key, report)
        return {"encoder": encoder.key.id, "images": len(names), "queries": len(labelled), **report, "file": str(path)}


def _encoded(files: Sequence[Path], encoder: Encoder, advance: Callable[[int], None]) -> tuple[list[str], Vectors]:
    names, rows = [], []
    for path in files:
        try:
            with path.open("rb") as file:
                rows.append(encoder.encode_images([load_pixels(file, limits=decode_limits())])[0])
            names.append(path.name)
        except (ImageSearchError, OSError):
            pass
        advance(1)
    if not names:
        raise InvalidInput(reason="no file of the folder is a picture that can be read")
    return names, np.stack(rows)


def _labelled(
    queries: Sequence[LabelledQuery], names: Sequence[str], rows: Vectors, encoder: Encoder
) -> list[LabelledScores]:
    """Return the scores of the queries that name a picture that could be read, or none at all."""
    questions: dict[Any, int] = {}
    labelled = []
    for query in queries:
        relevant = np.array([name in query.relevant for name in names])
        if query.relevant and not relevant.any():
            continue
        sentence = sentence_for(encoder, understood(query.text, encoder))
        scores = (rows @ encoder.encode_texts([sentence])[0]).astype(np.float64)
        question = questions.setdefault(query.relevant or query.text, len(questions))
        labelled.append(LabelledScores(query.language, question, scores, relevant, clarity(sentence, encoder)))
    if len(labelled) < FEWEST_QUERIES or not any(query.relevant.any() for query in labelled):
        raise InvalidInput(reason=f"{len(labelled)} queries are about these pictures; {FEWEST_QUERIES} are needed")
    return labelled


def _rounded(values: dict[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else round(value, 4) for name, value in values.items()}
