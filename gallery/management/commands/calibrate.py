from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from gallery.conf import gallery
from gallery.encoders.abilities import Clarity
from gallery.encoders.base import Encoder, Vectors
from gallery.encoders.registry import choose_encoder_name, comparing_by_meaning, get_encoder
from gallery.errors import ImageSearchError, InvalidInput
from gallery.imaging import load_pixels
from gallery.management.command import GalleryCommand, Report, given_path
from gallery.measuring.calibrating import SILENCE, LabelledScores, Quality, fit
from gallery.measuring.labelled_scores import LabelledPictures, scores_of_pictures, scores_of_texts
from gallery.measuring.quality import read_queries
from gallery.measuring.quality.pictures import picture_files
from gallery.retrieval.cutoff import Calibration
from gallery.services.calibrations import keep_calibration
from gallery.services.decode_limits import decode_limits
from gallery.services.meanings import clarity, sentence_for, understood

FEWEST_QUERIES = 10


class Command(GalleryCommand):
    help = "Fit, on labelled pictures, from where on a search is confident of its results with an encoder."

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("queries", type=given_path, nargs="+", metavar="LABELLED.json")
        parser.add_argument(
            "--images",
            type=given_path,
            required=True,
            action="append",
            metavar="DIR",
            help="the pictures of all files, or, given once for each of them, of that one",
        )
        parser.add_argument("--encoder", metavar="X", help="offline, clip, or clip:MODEL (default: the settings')")

    def run(self, **options: Any) -> Report:
        files = _files_by_folder(options["queries"], options["images"])
        encoder = get_encoder(choose_encoder_name(options["encoder"] or gallery().encoder))
        with self.progress(sum(len(picture_files(folder)) for folder in files), "picture") as advance:
            sets = [_pictures(folder, files[folder], encoder, advance) for folder in files]
        texts = [each for pictures in sets for each in scores_of_texts(pictures, lambda text: _encoded(text, encoder))]
        _check(texts)
        comparing = comparing_by_meaning(encoder.key)
        by_pictures = [each for pictures in sets for each in scores_of_pictures(pictures, comparing)]
        report = {
            "measure": "shares" if texts[0].clarity is not None else "deviations",
            **_told(*fit(texts, silence=SILENCE)),
            "pictures": _told(*fit(by_pictures)) if by_pictures else None,
        }
        path = keep_calibration(encoder.key, report)
        images = sum(len(pictures.files) for pictures in sets)
        return {"encoder": encoder.key.id, "images": images, "queries": len(texts), **report, "file": str(path)}


def _files_by_folder(queries: Sequence[Path], folders: Sequence[Path]) -> Mapping[Path, list[Path]]:
    """Return the files of queries about each folder. Raises InvalidInput."""
    if len(folders) not in (1, len(queries)):
        raise InvalidInput(reason=f"--images is given {len(folders)} times; it must be once, or {len(queries)} times")
    files: dict[Path, list[Path]] = {}
    for place, path in enumerate(queries):
        files.setdefault(folders[place % len(folders)], []).append(path)
    return files


def _pictures(
    folder: Path, queries: Iterable[Path], encoder: Encoder, advance: Callable[[int], None]
) -> LabelledPictures:
    limit = gallery().max_query_characters
    read = [query for path in queries for query in read_queries(path, max_characters=limit)]
    names, rows = [], []
    for path in picture_files(folder):
        try:
            with path.open("rb") as file:
                rows.append(encoder.encode_images([load_pixels(file, limits=decode_limits())])[0])
            names.append(path.name)
        except (ImageSearchError, OSError):
            pass
        advance(1)
    if not names:
        raise InvalidInput(reason="no file of the folder is a picture that can be read")
    return LabelledPictures(str(folder), names, np.stack(rows), read)


def _encoded(text: str, encoder: Encoder) -> tuple[Vectors, Clarity | None]:
    sentence = sentence_for(encoder, understood(text, encoder))
    return encoder.encode_texts([sentence])[0], clarity(sentence, encoder)


def _check(labelled: Sequence[LabelledScores]) -> None:
    if len(labelled) < FEWEST_QUERIES or not any(query.relevant.any() for query in labelled):
        raise InvalidInput(reason=f"{len(labelled)} queries are about these pictures; {FEWEST_QUERIES} are needed")


def _told(calibration: Calibration, quality: Mapping[str, Mapping[str, Quality]]) -> Report:
    return {
        "weights": _rounded(asdict(calibration)),
        "held_out": {
            Path(data_set).name: {language: _rounded(asdict(found)) for language, found in languages.items()}
            for data_set, languages in quality.items()
        },
    }


def _rounded(values: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else round(value, 4) for name, value in values.items()}
