"""A comparison as `--json` prints it: one object per encoder, and what each further one gains over the first."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .bootstrap import CONFIDENCE, FEWEST_QUESTIONS, RESAMPLES, SEED, mean_intervals, verdict
from .comparing import Comparison, EncoderResult
from .confidence import RELIABILITY_BINS, ConfidenceResult
from .copies import KINDS
from .metrics import CUTOFF_METRICS, METRICS, FloatArray

Report = dict[str, Any]
COPIES, SIMILAR = "copies", "similar"  # the metrics' names in a difference
DIGITS = 4


def as_report(found: Comparison) -> Report:
    """Return the first encoder's figures at top level, all of them in `encoders`, and how they differ."""
    encoders = [_of_encoder(found, result) for result in found.results]
    return {
        **encoders[0],
        "encoders": encoders,
        "differences": [row for result in found.results[1:] for row in _differences(found, found.results[0], result)],
        "bootstrap": {
            "resamples": RESAMPLES,
            "seed": SEED,
            "confidence": CONFIDENCE,
            "fewest_questions": FEWEST_QUESTIONS,
        },
    }


def _of_encoder(found: Comparison, result: EncoderResult) -> Report:
    chosen = _chosen_by_language(found.languages)
    means = {language: result.values[rows].mean(axis=0) for language, rows in chosen.items()}
    intervals = {language: _intervals(found, result.values, rows) for language, rows in chosen.items()}
    absent, absent_intervals = _of_absent(found, result.confidence)
    cutoff, cutoff_intervals = _of_cutoff(found, result.confidence)
    return {
        "encoder": result.encoder_id,
        "revision": result.revision,
        "dimension": result.dimension,
        "images": found.images,
        "queries": len(found.languages),
        "queries_per_language": dict(sorted(Counter(found.languages).items())),
        **{
            metric: {language: _rounded(values[place]) for language, values in means.items()}
            for place, metric in enumerate(METRICS)
        },
        "cutoff": cutoff,
        "absent": absent,
        "intervals": {
            **{
                metric: {language: _ends(ends, place) for language, ends in intervals.items()}
                for place, metric in enumerate(METRICS)
            },
            "cutoff": cutoff_intervals,
            "absent": absent_intervals,
        },
        "reliability": _of_reliability(result.confidence),
        "similar": _of_similar(found, result.similar),
        "copies": _of_copies(result.copies_found),
        "speed": {
            "pictures_per_second": round(result.pictures_per_second, 2),
            "milliseconds_per_text": round(result.milliseconds_per_text, 2),
        },
        "skipped_queries": found.skipped,
        "failed": list(found.failed),
    }


def _of_similar(found: Comparison, values: FloatArray) -> Report:
    """Return no mean where no list has two pictures. The interval draws lists: what is in one is right together."""
    return {
        "map": _rounded(values.mean()) if len(values) else None,
        "pairs": len(values),
        "interval": _ends(mean_intervals(values, found.similar_lists), 0),
    }


def _of_cutoff(found: Comparison, confidence: ConfidenceResult) -> tuple[Report, Report]:
    """Return the means per language and measure, and their intervals."""
    means, intervals = {}, {}
    for language, chosen in _chosen_by_language(found.languages).items():
        values, ends = confidence.values[chosen].mean(axis=0), _intervals(found, confidence.values, chosen)
        means[language] = {metric: _rounded(values[place]) for place, metric in enumerate(CUTOFF_METRICS)}
        intervals[language] = {metric: _ends(ends, place) for place, metric in enumerate(CUTOFF_METRICS)}
    return means, intervals


def _of_absent(found: Comparison, confidence: ConfidenceResult) -> tuple[Report, Report]:
    """Return per language how many queries are of something absent and the share that nothing is confident for, and
    the intervals of the shares: each query is a question of its own.
    """
    shares, intervals = {}, {}
    for language, chosen in _chosen_by_language(found.absent_languages).items():
        silent = confidence.nothing_confident[chosen]
        shares[language] = {"queries": len(chosen), "nothing_confident": _rounded(silent.mean())}
        intervals[language] = _ends(mean_intervals(silent[:, np.newaxis], range(len(silent))), 0)
    return shares, intervals


def _of_reliability(confidence: ConfidenceResult) -> list[Report]:
    """Return, for each range of probabilities with any results, how likely they were called and how many were right."""
    return [
        {
            "from": place / RELIABILITY_BINS,
            "results": int(count),
            "mean_probability": _rounded(said / count),
            "relevant": _rounded(right / count),
        }
        for place, (count, said, right) in enumerate(confidence.reliability)
        if count
    ]


def _of_copies(copies_found: FloatArray) -> Report | None:
    """Return None if no copies were asked for."""
    if not len(copies_found):
        return None
    return {
        "pictures": len(copies_found),
        "recall_at_1": {kind: _rounded(share) for kind, share in zip(KINDS, copies_found.mean(axis=0), strict=True)},
        "mean": _rounded(copies_found.mean()),
        "interval": _ends(_copy_intervals(copies_found), 0),
    }


def _differences(found: Comparison, first: EncoderResult, other: EncoderResult) -> list[Report]:
    """Return what `other` gains over `first` on the same queries, pairs and copies, per language and metric."""
    rows = []
    names = {"encoder": other.encoder_id, "than": first.encoder_id}
    gains = other.values - first.values
    for language, chosen in _chosen_by_language(found.languages).items():
        intervals = _intervals(found, gains, chosen)
        for place, metric in enumerate(METRICS):
            interval = None if intervals is None else intervals[place]
            rows.append(_difference(metric, gains[chosen, place], interval, language=language, names=names))
    for metric, gains, intervals in _gains_without_language(found, first, other):
        interval = None if intervals is None else intervals[0]
        rows.append(_difference(metric, gains, interval, language=None, names=names))
    return rows


def _gains_without_language(
    found: Comparison, first: EncoderResult, other: EncoderResult
) -> Iterator[tuple[str, FloatArray, FloatArray | None]]:
    """Yield the metric, the gains and their interval of what is asked with pictures, if it was asked."""
    if len(first.similar):
        gains = other.similar - first.similar
        yield SIMILAR, gains, mean_intervals(gains, found.similar_lists)
    if len(first.copies_found):
        gains = other.copies_found - first.copies_found
        yield COPIES, gains, _copy_intervals(gains)


def _difference(
    metric: str, gains: FloatArray, interval: FloatArray | None, *, language: str | None, names: Report
) -> Report:
    return {
        **names,
        "metric": metric,
        "language": language,
        "difference": _rounded(gains.mean()),
        "interval": None if interval is None else [_rounded(end) for end in interval],
        "verdict": verdict(interval),
    }


def _chosen_by_language(each: Sequence[str]) -> dict[str, npt.NDArray[np.intp]]:
    """Return the places of each language's queries, whose languages these are."""
    languages = np.array(each)
    return {language: np.flatnonzero(languages == language) for language in sorted(set(each))}


def _intervals(found: Comparison, values: FloatArray, chosen: npt.NDArray[np.intp]) -> FloatArray | None:
    return mean_intervals(values[chosen], np.array(found.questions)[chosen].tolist())


def _copy_intervals(values: FloatArray) -> FloatArray | None:
    """Return the interval for (pictures, kinds): pictures are drawn, for the copies of one share its fate."""
    return mean_intervals(values.mean(axis=1, keepdims=True), range(len(values)))


def _ends(intervals: FloatArray | None, place: int) -> list[float] | None:
    return None if intervals is None else [_rounded(end) for end in intervals[place]]


def _rounded(value: float | np.floating[Any]) -> float:
    return round(float(value), DIGITS) + 0.0  # no -0.0
