"""The comparison itself: each picture is decoded once and goes through all encoders in turn, then come the queries."""

import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from gallery.conf import gallery
from gallery.encoders.base import Encoder
from gallery.encoders.registry import choose_encoder_name, get_encoder
from gallery.errors import InvalidInput, InvalidPicture, NoPictures, UnreadablePath

from .copies import KINDS, altered_copies
from .library import ThrowAwayLibrary
from .metrics import FloatArray, measures
from .pictures import OpenedPicture, open_picture, opened_batches, picture_files, spread
from .queries import LabelledQuery

Progress = Callable[[int], None]
WARM_UP_PX = 256


@dataclass(frozen=True, slots=True)
class EncoderResult:
    """`values` is (queries, len(METRICS)).

    `copies_found` is (pictures, len(KINDS)), 1 where the original came first; it has no rows if nobody asked.
    """

    encoder_id: str
    revision: str
    dimension: int
    values: FloatArray
    copies_found: FloatArray
    pictures_per_second: float
    milliseconds_per_text: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """`languages` and `questions` have an entry per query that was asked; equal questions ask for the same pictures.

    `skipped` queries name no picture that could be read, `failed` are the names of files that could not be read.
    """

    images: int
    languages: tuple[str, ...]
    questions: tuple[int, ...]
    skipped: int
    failed: tuple[str, ...]
    results: tuple[EncoderResult, ...]


def load_encoders(names: Sequence[str]) -> list[Encoder]:
    """Return the encoders of these names, ready: a wrong name or missing weights end it before anything is measured.

    Raises UnknownEncoder, EncoderUnavailable, InvalidInput for one that is named twice.
    """
    chosen = [choose_encoder_name(name) for name in names]
    for name in chosen:
        if chosen.count(name) > 1:
            raise InvalidInput(reason=f"the encoder “{name}” is named twice")
    encoders = [get_encoder(name) for name in chosen]
    for encoder in encoders:
        encoder.encode_images([Image.new("RGB", (WARM_UP_PX, WARM_UP_PX))])
        encoder.encode_texts(["a picture"])
    return encoders


def steps(folder: Path, *, queries: int, encoders: int, copies: int) -> int:
    """Return how much `compare` will report as progress, if every file is a picture. Raises UnreadablePath."""
    files = len(picture_files(folder))
    return encoders * (files + queries + min(copies, files) * len(KINDS))


def compare(
    queries: Sequence[LabelledQuery],
    *,
    folder: Path,
    encoders: Sequence[Encoder],
    copies: int = 0,
    progress: Progress = lambda _count: None,
) -> Comparison:
    """Ask every encoder every query over all pictures of `folder`, and about altered copies of `copies` of them.

    Raises UnreadablePath, NoPictures, InvalidInput if no query is about these pictures.
    """
    files = picture_files(folder)
    _asked(queries, {path.name for path in files}, folder)  # before hours of encoding
    with _libraries(encoders) as libraries:
        pictures = _add_all(files, libraries, progress)
        if not pictures.paths:
            raise NoPictures(path=str(folder), files=len(files))
        numbers = {path.name: number for number, path in enumerate(pictures.paths)}
        asked = _asked(queries, numbers.keys(), folder)
        wanted = [sorted(numbers[name] for name in query.relevant if name in numbers) for query in asked]
        values = [_ask_all(asked, wanted, library, progress) for library in libraries]
        found = _find_copies(pictures, copies, libraries, progress)
        results = [_result(*parts) for parts in zip(libraries, values, found, strict=True)]
    return Comparison(
        images=len(pictures.paths),
        languages=tuple(query.language for query in asked),
        questions=_questions(wanted),
        skipped=len(queries) - len(asked),
        failed=tuple(pictures.failed),
        results=tuple(results),
    )


@dataclass(frozen=True, slots=True)
class _Pictures:
    """`paths` and `digests` by the pictures' numbers."""

    paths: list[Path]
    digests: list[bytes]
    failed: list[str]


@contextmanager
def _libraries(encoders: Sequence[Encoder]) -> Iterator[list[ThrowAwayLibrary]]:
    with tempfile.TemporaryDirectory(prefix="imagesearch-evaluate-") as scratch:
        yield [ThrowAwayLibrary(encoder, Path(scratch) / str(place)) for place, encoder in enumerate(encoders)]


def _asked(queries: Sequence[LabelledQuery], names: AbstractSet[str], folder: Path) -> list[LabelledQuery]:
    asked = [query for query in queries if not query.relevant.isdisjoint(names)]
    if not asked:
        raise InvalidInput(reason=f"no query names a picture that can be read in “{folder}”")
    return asked


def _add_all(files: Sequence[Path], libraries: Sequence[ThrowAwayLibrary], progress: Progress) -> _Pictures:
    pictures = _Pictures([], [], [])
    for opened in opened_batches(files, size=gallery().embed_batch_size, failed=pictures.failed):
        pictures.paths.extend(picture.path for picture in opened)
        pictures.digests.extend(picture.digest for picture in opened)
        for library in libraries if opened else ():
            library.add([picture.pixels for picture in opened], names=[picture.path.name for picture in opened])
            progress(len(opened))
    return pictures


def _ask_all(
    asked: Sequence[LabelledQuery], wanted: Sequence[list[int]], library: ThrowAwayLibrary, progress: Progress
) -> FloatArray:
    """Return (queries, len(METRICS)); `wanted` are the numbers of each query's relevant pictures."""
    library.close()
    values = []
    for query, relevant in zip(asked, wanted, strict=True):
        values.append(measures(library.ranks(query.text, relevant), relevant=len(relevant)))
        progress(1)
    return np.stack(values)


def _questions(wanted: Sequence[list[int]]) -> tuple[int, ...]:
    """Return a number per query, the same for queries that want the same pictures."""
    known: dict[tuple[int, ...], int] = {}
    return tuple(known.setdefault(tuple(relevant), len(known)) for relevant in wanted)


def _find_copies(
    pictures: _Pictures, count: int, libraries: Sequence[ThrowAwayLibrary], progress: Progress
) -> list[FloatArray]:
    """Return, per library, whether the original of each copy came first: (pictures, len(KINDS)).

    An original that lies in the folder twice, byte for byte, is found under either name.
    """
    found: list[list[list[bool]]] = [[] for _ in libraries]
    for path in spread(pictures.paths, count):
        opened = _open_again(path)
        copies = altered_copies(opened.pixels)
        for library, rows in zip(libraries, found, strict=True):
            rows.append([pictures.digests[number] == opened.digest for number in library.nearest(copies)])
            progress(len(copies))
    return [np.array(rows, dtype=np.float64).reshape(-1, len(KINDS)) for rows in found]


def _open_again(path: Path) -> OpenedPicture:
    try:
        return open_picture(path)
    except (InvalidPicture, OSError) as error:
        raise UnreadablePath(path=str(path), reason="it changed while it was measured") from error


def _result(library: ThrowAwayLibrary, values: FloatArray, copies_found: FloatArray) -> EncoderResult:
    return EncoderResult(
        encoder_id=library.encoder.key.id,
        revision=library.encoder.key.revision,
        dimension=library.encoder.dimension,
        values=values,
        copies_found=copies_found,
        pictures_per_second=library.images / library.image_seconds,
        milliseconds_per_text=statistics.median(library.text_seconds) * 1000,
    )
