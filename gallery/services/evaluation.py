"""Search quality in figures: a throw-away library, labelled queries, mean average precision and precision@10."""

import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL.Image import Image as Pixels

from gallery.conf import gallery
from gallery.encoders.base import Encoder
from gallery.errors import InvalidInput, InvalidPicture, Phrase, UnreadablePath, gettext_noop
from gallery.imaging import load_pixels
from gallery.vectors.engines.exact import ExactEngine
from gallery.vectors.store import VectorStore

from .media import limits
from .query import parse

EPOCH = 1


@dataclass(frozen=True, slots=True)
class LabelledQuery:
    text: str
    language: str
    relevant: frozenset[str]  # file names


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`mean_average_precision` and `precision_at_10` are per language, means over its queries.

    `skipped` are queries of which no relevant picture is in the folder, `failed` files that could not be read.
    """

    images: int
    queries: int
    mean_average_precision: dict[str, float]
    precision_at_10: dict[str, float]
    skipped: int
    failed: tuple[str, ...]


def read_queries(path: Path) -> list[LabelledQuery]:
    """Read {"queries": [{"query", "lang", "relevant": [file names]}]}. Raises UnreadablePath, InvalidInput."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["queries"]
        return [_labelled_query(row) for row in rows]
    except OSError as error:
        raise UnreadablePath(path=str(path), reason=error.strerror or str(error)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(reason=f"“{path}” is not a query file ({type(error).__name__}: {error})") from error


def _labelled_query(row: Any) -> LabelledQuery:
    """Raises KeyError, TypeError."""
    text, language, relevant = row["query"], row["lang"], row["relevant"]
    if not isinstance(relevant, list) or not all(isinstance(value, str) for value in (text, language, *relevant)):
        raise TypeError("query and lang must be texts, relevant a list of file names")
    return LabelledQuery(text, language, frozenset(relevant))


def evaluate(
    queries: Sequence[LabelledQuery], *, folder: Path, encoder: Encoder, progress: Callable[[int], None]
) -> Evaluation:
    """Index every picture of `folder` in a temporary store and run each query over all of it.

    Raises UnreadablePath, and InvalidInput if there is nothing to measure.
    """
    if not folder.is_dir():
        raise UnreadablePath(path=str(folder), reason=Phrase(gettext_noop("it is not a folder")))
    with tempfile.TemporaryDirectory(prefix="imagesearch-evaluate-") as scratch:
        store = VectorStore(Path(scratch), dimension=encoder.dimension)
        names: list[str] = []
        failed: list[str] = []
        for batch_names, pixels in _batches(folder, failed):
            store.append(encoder.encode_images(pixels), epoch=EPOCH, image_ids=batch_names)
            names += batch_names
            progress(len(batch_names))
        engine = ExactEngine(encoder.dimension)
        engine.replace(matrix=store.read(epoch=EPOCH), ids=np.arange(len(names), dtype=np.int64))
        present = frozenset(names)
        asked = [query for query in queries if query.relevant & present]
        if not asked:
            raise InvalidInput(reason=f"no query names a picture that can be read in “{folder}”")
        scores = [_scores(query, engine, encoder, names, present) for query in asked]
    return Evaluation(
        images=len(names),
        queries=len(asked),
        mean_average_precision=_means(asked, [score[0] for score in scores]),
        precision_at_10=_means(asked, [score[1] for score in scores]),
        skipped=len(queries) - len(asked),
        failed=tuple(failed),
    )


def _batches(folder: Path, failed: list[str]) -> Iterator[tuple[list[str], list[Pixels]]]:
    size = gallery().embed_batch_size
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    for start in range(0, len(files), size):
        opened = {}
        for path in files[start : start + size]:
            try:
                with path.open("rb") as file:
                    opened[path.name] = load_pixels(file, limits=limits())
            except InvalidPicture:
                failed.append(path.name)
        if opened:
            yield list(opened), list(opened.values())


def _scores(
    query: LabelledQuery, engine: ExactEngine, encoder: Encoder, names: Sequence[str], present: frozenset[str]
) -> tuple[float, float]:
    """Return (average precision, precision@10) of one query over the whole folder."""
    text = parse(query.text, max_characters=gallery().max_query_characters).text
    hits = engine.search(encoder.encode_texts([text]), k=len(names)).of(0)
    relevant = [names[image_id] in query.relevant for image_id in hits.ids]
    return average_precision(relevant, len(query.relevant & present)), sum(relevant[:10]) / 10


def average_precision(relevant: Sequence[bool], total: int) -> float:
    """Return the mean, over the `total` relevant pictures, of the precision at each one's rank; unfound ones give 0."""
    found = 0
    precisions = 0.0
    for rank, is_relevant in enumerate(relevant, start=1):
        if is_relevant:
            found += 1
            precisions += found / rank
    return precisions / total


def _means(queries: Sequence[LabelledQuery], values: Sequence[float]) -> dict[str, float]:
    per_language = defaultdict(list)
    for query, value in zip(queries, values, strict=True):
        per_language[query.language].append(value)
    return {language: round(float(np.mean(found)), 4) for language, found in sorted(per_language.items())}
