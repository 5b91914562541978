"""How many pictures of what is excluded are among the first ones, beside the same search without the exclusion.

    python -m tests.benchmarks exclusions --images DIR --labels FILE

FILE is {file name: [things that it shows]}, by COCO's names. What is searched for and what is excluded are two things
that are seen together at least three times. Pictures are imported under numbers, without tags, and searched as the site
searches: by signs (`chair -person`), and by sentences of both languages that say the same in words.
"""

import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, cycle, islice
from pathlib import Path
from typing import Any

from gallery.encoders.offline.concepts import thing_names
from gallery.measuring.quality.library import ThrowAwayLibrary
from gallery.measuring.quality.pictures import link_by_number, picture_files

Labels = Mapping[str, frozenset[str]]
Ranker = Callable[[str], Sequence[int]]

FEWEST_TOGETHER = 3  # pictures: of a pair that is seen less often plain searches show little
FEWEST_WANTED = 5
FIRST_OF_SIGNS, FIRST_OF_SENTENCES = 20, 10
SENTENCES = {
    "en": ("{a} without {n}", "{a}, no {n}", "{a} but not {n}", "{a} with no {n}", "{a} not {n}"),
    "zh": ("没有{n}的{a}", "{a}，没有{n}", "不带{n}的{a}", "{a}，不要{n}", "{a}，但没有{n}"),
}
SENTENCES_PER_LANGUAGE = 20


@dataclass(frozen=True)
class Pair:
    wanted: str
    excluded: str


@dataclass(frozen=True)
class Asked:
    """A search, the plain one beside it, and how many of their first results are looked at."""

    plain: str
    text: str
    excluded: str
    first: int


def bench_exclusions(images: Path, labels: Path, *, encoder: str) -> dict[str, Any]:
    """Measure and print. Raises what a ThrowAwayLibrary does."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch_project.settings")  # of the library's process
    shown = {name: frozenset(things) for name, things in json.loads(labels.read_text(encoding="utf-8")).items()}
    files = picture_files(images)
    with tempfile.TemporaryDirectory(prefix="imagesearch-exclusions-") as scratch:
        link_by_number(files, Path(scratch) / "pictures")
        (Path(scratch) / "data").mkdir()
        with ThrowAwayLibrary(encoder, Path(scratch) / "data") as library:
            library.load()
            library.fill(Path(scratch) / "pictures", lambda _count: None)
            names = [path.name for path in files]
            result = measured(shown, names, lambda text: library.rank(text).numbers)
    found = {"encoder": encoder, "pictures": len(files), **result}
    print("\n".join(table(found)), flush=True)
    return found


def measured(labels: Labels, names: Sequence[str], rank: Ranker) -> dict[str, Any]:
    """Return the figures of each kind of exclusion and language; `rank` gives places in `names`, best first."""
    pairs = pairs_of(labels)
    kinds = {
        f"{kind}_{language}": asked_of(pairs, language)
        for language in SENTENCES
        for kind, asked_of in (("signs", asked_by_signs), ("sentences", asked_in_sentences))
    }
    return {"pairs": len(pairs), **{name: _counted(asked, labels, names, rank) for name, asked in kinds.items()}}


def pairs_of(labels: Labels) -> list[Pair]:
    """Return the pairs of things that are seen together, either way round, those seen most often first."""
    shown = Counter(thing for things in labels.values() for thing in things)
    together = Counter(pair for things in labels.values() for pair in combinations(sorted(things), 2))
    often = [pair for pair, count in together.most_common() if count >= FEWEST_TOGETHER]
    return [
        Pair(wanted, excluded)
        for pair in often
        for wanted, excluded in (pair, pair[::-1])
        if shown[wanted] >= FEWEST_WANTED
    ]


def asked_by_signs(pairs: Sequence[Pair], language: str) -> list[Asked]:
    words = _words(language)
    return [
        Asked(words[pair.wanted], f"({words[pair.wanted]}) -({words[pair.excluded]})", pair.excluded, FIRST_OF_SIGNS)
        for pair in pairs
    ]


def asked_in_sentences(pairs: Sequence[Pair], language: str) -> list[Asked]:
    words = _words(language)
    worded = zip(pairs, cycle(SENTENCES[language]), strict=False)
    return [
        Asked(
            words[pair.wanted],
            sentence.format(a=words[pair.wanted], n=words[pair.excluded]),
            pair.excluded,
            FIRST_OF_SENTENCES,
        )
        for pair, sentence in islice(worded, SENTENCES_PER_LANGUAGE)
    ]


def _words(language: str) -> dict[str, str]:
    return {thing.english: thing.english if language == "en" else thing.chinese for thing in thing_names()}


def _counted(asked: Sequence[Asked], labels: Labels, names: Sequence[str], rank: Ranker) -> dict[str, Any]:
    """Return how many pictures of what is excluded plain searches show, and how many the others."""
    plain = excluding = 0
    for each in asked:
        shows = [each.excluded in labels.get(name, ()) for name in names]
        plain += sum(shows[place] for place in rank(each.plain)[: each.first])
        excluding += sum(shows[place] for place in rank(each.text)[: each.first])
    ratio = round(excluding / plain, 3) if plain else None
    return {"searches": len(asked), "plain": plain, "excluding": excluding, "ratio": ratio}


def table(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"`{found['encoder']}`, {found['pictures']} pictures, {found['pairs']} pairs"
    yield ""
    yield "| exclusions | searches | excluded things shown by plain searches | by those that exclude them | ratio |"
    yield "| --- | --- | --- | --- | --- |"
    for kind, first in (("signs", FIRST_OF_SIGNS), ("sentences", FIRST_OF_SENTENCES)):
        for language in SENTENCES:
            one = found[f"{kind}_{language}"]
            cells = (one["searches"], one["plain"], one["excluding"], one["ratio"])
            yield f"| {kind}, {language}, first {first} | {' | '.join(map(str, cells))} |"
