"""What labelled pictures say about an encoder's scores: of texts, and of pictures that ask for others like them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gallery.encoders.abilities import Clarity, ComparesByMeaning
from gallery.encoders.base import Vectors

from .calibrating import LabelledScores
from .quality import LabelledQuery

BY_PICTURES = "pictures"  # in place of the language


@dataclass(frozen=True, slots=True)
class LabelledPictures:
    """One set of pictures: their file names and rows, and what is asked about them."""

    name: str
    files: Sequence[str]
    rows: Vectors
    queries: Sequence[LabelledQuery]

    def relevant(self, query: LabelledQuery) -> npt.NDArray[np.bool_]:
        """Return which of the pictures a query asks for, (pictures,)."""
        return np.array([name in query.relevant for name in self.files])

    @property
    def asked(self) -> list[LabelledQuery]:
        """The queries that name a picture that could be read, or none at all."""
        return [query for query in self.queries if not query.relevant or self.relevant(query).any()]


def scores_of_texts(
    pictures: LabelledPictures, encoded: Callable[[str], tuple[Vectors, Clarity | None]]
) -> Iterator[LabelledScores]:
    """Yield the scores of each query, whose vector and clarity `encoded` gives."""
    for query in pictures.asked:
        vector, clarity = encoded(query.text)
        yield LabelledScores(
            data_set=pictures.name,
            language=query.language,
            concept=_concept(query),
            scores=(pictures.rows @ vector).astype(np.float64),
            relevant=pictures.relevant(query),
            places=np.arange(len(pictures.files)),
            clarity=clarity,
        )


def scores_of_pictures(pictures: LabelledPictures, comparing: ComparesByMeaning | None) -> Iterator[LabelledScores]:
    """Yield what each picture of a list of two or more gives the others, by what orders similar pictures: those of its
    lists are relevant. It is asked twice, the second time of a library without them, where nothing is.
    """
    rows = pictures.rows
    meanings = rows if comparing is None else comparing.meaning_of(rows)
    own = np.einsum("ij,ij->i", meanings, rows)
    relatives, concepts = _relatives(pictures)
    for place in np.flatnonzero(relatives.any(axis=1)).tolist():
        others = np.arange(len(rows)) != place
        asked = LabelledScores(
            data_set=pictures.name,
            language=BY_PICTURES,
            concept=concepts[place],
            scores=(rows @ meanings[place]).astype(np.float64),
            relevant=relatives[place],
            places=np.arange(len(rows)),
            clarity=Clarity(sure_score=float(own[place]), weight=float(own[place])),
        )
        yield asked.among(others)
        yield asked.among(others & ~relatives[place])


def _relatives(pictures: LabelledPictures) -> tuple[npt.NDArray[np.bool_], dict[int, str]]:
    """Return which pictures share a list, (pictures, pictures), and what the shortest list of each asks for."""
    count = len(pictures.files)
    relatives = np.zeros((count, count), dtype=bool)
    concepts: dict[int, str] = {}
    for query in sorted(pictures.asked, key=lambda query: -len(query.relevant)):
        places = np.flatnonzero(pictures.relevant(query))
        relatives[np.ix_(places, places)] = True
        concepts |= dict.fromkeys(places.tolist(), _concept(query))
    np.fill_diagonal(relatives, False)
    return relatives, concepts


def _concept(query: LabelledQuery) -> str:
    return query.group or " ".join(sorted(query.relevant)) or query.text
