"""The comparison itself: each encoder has a library of its own, where every query is searched as the site searches."""

import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gallery.encoders.registry import choose_encoder_name
from gallery.errors import InvalidInput, NoPictures

from .confidence import ConfidenceResult, confidence_of
from .copies import KINDS
from .library import Filled, LoadedEncoder, Ranked, ThrowAwayLibrary
from .metrics import METRICS, FloatArray, average_precision, measures
from .pictures import link_by_number, picture_files, spread
from .queries import LabelledQuery

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class EncoderResult:
    """`values` is (queries, len(METRICS)).

    `similar` is (pairs of picture and list, 1): the average precision of what is similar to the picture.
    `copies_found` is (pictures, len(KINDS)), 1 where the original came first; it has no rows if nobody asked.
    """

    encoder_id: str
    revision: str
    dimension: int
    values: FloatArray
    similar: FloatArray
    copies_found: FloatArray
    confidence: ConfidenceResult
    pictures_per_second: float
    milliseconds_per_text: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """`languages` and `questions` have an entry per query that was asked; equal questions ask for the same pictures.

    `similar_lists` has an entry per pair of a picture and a list where it is not alone, equal for the same list.
    `absent_languages` has an entry per query that nothing is relevant for. `skipped` queries name pictures of which
    none could be read, `failed` are the names of files that could not be read.
    """

    images: int
    languages: tuple[str, ...]
    questions: tuple[int, ...]
    similar_lists: tuple[int, ...]
    absent_languages: tuple[str, ...]
    skipped: int
    failed: tuple[str, ...]
    results: tuple[EncoderResult, ...]


def encoder_names(names: Sequence[str]) -> list[str]:
    """Return what these names mean. Raises UnknownEncoder, InvalidInput for one that is named twice."""
    chosen = [choose_encoder_name(name) for name in names]
    for name in chosen:
        if chosen.count(name) > 1:
            raise InvalidInput(reason=f"the encoder “{name}” is named twice")
    return chosen


def steps(queries: Sequence[LabelledQuery], *, folder: Path, encoders: int, copies: int) -> int:
    """Return how much `compare` will report as progress, if every file is a picture. Raises UnreadablePath."""
    names = {path.name for path in picture_files(folder)}
    lists = [query.relevant & names for query in queries]
    in_company = frozenset[str]().union(*(names for names in lists if len(names) > 1))
    return encoders * (len(names) + len(queries) + len(in_company) + min(copies, len(names)) * len(KINDS))


def compare(
    queries: Sequence[LabelledQuery],
    *,
    folder: Path,
    encoders: Sequence[str],
    copies: int = 0,
    calibrations: Path | None = None,
    progress: Progress = lambda _count: None,
) -> Comparison:
    """Ask every encoder every query over all pictures of `folder`, and about altered copies of `copies` of them.

    Searches are judged by the lines of the folder `calibrations`, or by those that come with the program.
    A picture that one encoder fails at is left out for all of them. Raises UnreadablePath, NoPictures, InvalidInput if
    no query is about these pictures or about what is absent, EncoderUnavailable before any picture is read.
    """
    files = picture_files(folder)
    absent = [query for query in queries if not query.relevant]
    named = [query for query in queries if query.relevant]
    _check_asked(_asked(named, {path.name for path in files}), absent, folder)  # before hours of encoding
    with _libraries(encoders, files, calibrations) as (libraries, pictures):
        loaded = [library.load() for library in libraries]
        filled = [library.fill(pictures, progress) for library in libraries]
        numbers = _common(filled)
        if not numbers:
            raise NoPictures(path=str(folder), files=len(files))
        places = {files[number].name: number for number in numbers}
        asked = _asked(named, places.keys())
        _check_asked(asked, absent, folder)
        wanted = [sorted(places[name] for name in query.relevant if name in places) for query in asked]
        questions = _questions(wanted)
        pairs = _pairs(wanted, questions)
        chosen = spread(numbers, copies)
        answers = [
            _ask_all(library, asked, absent=absent, pairs=pairs, chosen=chosen, progress=progress)
            for library in libraries
        ]
    labels = _Labels(wanted, pairs, numbers)
    results = [_result(*parts, labels=labels) for parts in zip(loaded, filled, answers, strict=True)]
    return Comparison(
        images=len(numbers),
        languages=tuple(query.language for query in asked),
        questions=questions,
        similar_lists=tuple(pair.of_list for pair in pairs),
        absent_languages=tuple(query.language for query in absent),
        skipped=len(named) - len(asked),
        failed=tuple(path.name for number, path in enumerate(files) if number not in numbers),
        results=tuple(results),
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    """A picture, and the others of one list that it stands in."""

    number: int
    others: tuple[int, ...]
    of_list: int


@dataclass(frozen=True, slots=True)
class _Labels:
    """What is right: for each query, for each pair; `numbers` are the pictures that count."""

    wanted: list[list[int]]
    pairs: list[_Pair]
    numbers: list[int]


@dataclass(frozen=True, slots=True)
class _Answers:
    """What one library said: a ranking per query, per query for what is absent, and per picture of a pair;
    (pictures, len(KINDS)), 1 where a copy's original came first.
    """

    rankings: list[Ranked]
    absent: list[Ranked]
    similar: dict[int, list[int]]
    copies_found: FloatArray


@contextmanager
def _libraries(
    encoders: Sequence[str], files: Sequence[Path], calibrations: Path | None
) -> Iterator[tuple[list[ThrowAwayLibrary], Path]]:
    """Yield the libraries, and the folder of the pictures, which are named by their places in `files`."""
    with tempfile.TemporaryDirectory(prefix="imagesearch-evaluate-") as scratch, ExitStack() as stack:
        pictures = Path(scratch) / "pictures"
        link_by_number(files, pictures)
        folders = [Path(scratch) / f"data-{place}" for place in range(len(encoders))]
        yield (
            [
                stack.enter_context(ThrowAwayLibrary(*own, calibrations=calibrations))
                for own in zip(encoders, folders, strict=True)
            ],
            pictures,
        )


def _asked(queries: Sequence[LabelledQuery], names: AbstractSet[str]) -> list[LabelledQuery]:
    return [query for query in queries if not query.relevant.isdisjoint(names)]


def _check_asked(asked: Sequence[LabelledQuery], absent: Sequence[LabelledQuery], folder: Path) -> None:
    if not asked and not absent:
        raise InvalidInput(reason=f"no query names a picture that can be read in “{folder}”")


def _common(filled: Sequence[Filled]) -> list[int]:
    """Return the numbers of the pictures that all libraries can find, ascending."""
    return sorted(frozenset.intersection(*(one.searchable for one in filled)))


def _ask_all(
    library: ThrowAwayLibrary,
    asked: Sequence[LabelledQuery],
    *,
    absent: Sequence[LabelledQuery],
    pairs: Sequence[_Pair],
    chosen: Sequence[int],
    progress: Progress,
) -> _Answers:
    """Ask for each query, for what is similar to each picture of a pair, and for the original of each altered copy of
    the `chosen` pictures.

    An original that lies in the folder twice, byte for byte, is found under either name.
    """
    rankings, similar, found = [], {}, []
    for query in (*asked, *absent):
        rankings.append(library.rank(query.text))
        progress(1)
    for number in sorted({pair.number for pair in pairs}):
        similar[number] = library.similar_to(number)
        progress(1)
    for number in chosen:
        found.append([number in first for first in library.nearest_to_copies(number)])
        progress(len(KINDS))
    copies_found = np.array(found, dtype=np.float64).reshape(-1, len(KINDS))
    return _Answers(rankings[: len(asked)], rankings[len(asked) :], similar, copies_found)


def _questions(wanted: Sequence[list[int]]) -> tuple[int, ...]:
    """Return a number per query, the same for queries that want the same pictures."""
    known: dict[tuple[int, ...], int] = {}
    return tuple(known.setdefault(tuple(relevant), len(known)) for relevant in wanted)


def _pairs(wanted: Sequence[list[int]], questions: Sequence[int]) -> list[_Pair]:
    """Return each picture with the others of each distinct list."""
    lists = dict(zip(questions, wanted, strict=True))
    return [
        _Pair(number, tuple(other for other in relevant if other != number), place)
        for place, relevant in lists.items()
        if len(relevant) > 1
        for number in relevant
    ]


def _result(
    loaded: LoadedEncoder,
    filled: Filled,
    answers: _Answers,
    *,
    labels: _Labels,
) -> EncoderResult:
    values = [
        measures(ranks_of(relevant, ranked.numbers, among=labels.numbers), relevant=len(relevant))
        for relevant, ranked in zip(labels.wanted, answers.rankings, strict=True)
    ]
    similar = [
        average_precision(ranks_of(pair.others, answers.similar[pair.number], among=labels.numbers), len(pair.others))
        for pair in labels.pairs
    ]
    return EncoderResult(
        encoder_id=loaded.key.id,
        revision=loaded.key.revision,
        dimension=loaded.dimension,
        values=np.array(values, dtype=np.float64).reshape(-1, len(METRICS)),
        similar=np.array(similar, dtype=np.float64).reshape(-1, 1),
        copies_found=answers.copies_found,
        confidence=confidence_of(
            answers.rankings,
            answers.absent,
            wanted=[set(relevant) for relevant in labels.wanted],
            among=set(labels.numbers),
        ),
        pictures_per_second=filled.encoded / filled.encoding_seconds,
        milliseconds_per_text=statistics.median(
            ranked.encoding_seconds for ranked in (*answers.rankings, *answers.absent)
        )
        * 1000,
    )


def ranks_of(relevant: Sequence[int], ranking: Sequence[int], *, among: Sequence[int]) -> npt.NDArray[np.int64]:
    """Return the ranks of the relevant pictures, from 1, ascending, in a ranking of which only `among` counts."""
    counted = np.asarray(ranking)[np.isin(ranking, among)]
    return np.flatnonzero(np.isin(counted, relevant)) + 1
