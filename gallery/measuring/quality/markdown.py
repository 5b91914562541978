"""A report as Markdown tables: the text of `evaluation.md`, and what the command says to people."""

from collections.abc import Iterator, Sequence

from .figures import COPIES, SIMILAR, Report
from .metrics import CUTOFF_METRICS, HIT_AT_1, MAP, METRICS, RECALL_AT_10

LABELS = {
    MAP: "mAP",
    "recall_at_1": "recall@1",
    "recall_at_5": "recall@5",
    RECALL_AT_10: "recall@10",
    "precision_at_10": "precision@10",
    HIT_AT_1: "hit@1",
    "r_precision": "R-precision",
    SIMILAR: "mAP of similar pictures",
    COPIES: "copies found",
}
KIND_LABELS = {
    "centre_crop": "crop: the middle, 80 % of each side",
    "corner_crop": "crop: the upper left, 70 % of each side",
    "half_size": "half the size",
    "quarter_size": "a quarter of the size",
    "jpeg_30": "JPEG at quality 30",
    "flip": "mirrored",
    "colour": "brighter by 30 %, half the saturation",
    "grey": "grey",
    "caption": "a bar with a caption below",
    "turn": "turned by 5 degrees",
}
COMPARED = (MAP, HIT_AT_1, RECALL_AT_10, SIMILAR, COPIES)  # the others are in the JSON


def document(report: Report, *, plot: str | None, reliability: str) -> str:
    """Return evaluation.md. `plot` and `reliability` are names of files; None if there is no plot."""
    picture = f"![Quality per encoder]({plot})" if plot else "No plot was drawn: matplotlib is not installed here."
    diagram = f"![How far probabilities hold]({reliability})"
    return f"# Evaluation\n\n{picture}\n\n{diagram}\n\n{summary(report)}\n"


def summary(report: Report) -> str:
    """Return all tables."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    encoders = report["encoders"]
    yield from _what_was_measured(report)
    yield "\n## Text to picture\n"
    yield from _table(("language", "encoder", *(LABELS[metric] for metric in METRICS)), _quality(encoders))
    yield "\n## What is shown as confident\n"
    yield from _table(("language", "encoder", *CUTOFF_METRICS, "absent: nothing confident"), _cutoff(encoders))
    if report["reliability"]:
        yield "\n## How likely a result is called, and how many are relevant\n"
        yield from _table(("encoder", "called", "results", "mean", "relevant"), _reliability(encoders))
    if report["differences"]:
        yield "\n## Differences\n"
        yield from _table(("encoder", "than", "language", "measure", "difference", "verdict"), _differences(report))
    if report["similar"]["pairs"]:
        yield "\n## Similar pictures: those of the same list come first\n"
        yield from _table(("encoder", "mAP", "pairs of picture and list"), _similar(encoders))
    if report["copies"]:
        yield f"\n## Copies of {report['copies']['pictures']:,} pictures: the original comes first\n"
        yield from _table(("the copy", *(one["encoder"] for one in encoders)), _copies(encoders))
    yield "\n## Speed\n"
    yield from _table(("encoder", "revision", "dimension", "pictures/s", "ms per text"), _speed(encoders))


def _what_was_measured(report: Report) -> Iterator[str]:
    languages = ", ".join(f"{language}: {count:,}" for language, count in report["queries_per_language"].items())
    yield f"{report['images']:,} pictures, {report['queries']:,} queries ({languages})."
    if report["skipped_queries"]:
        yield f"Queries without a relevant picture in the folder, left out: {report['skipped_queries']:,}."
    if report["failed"]:
        yield f"Files that could not be read: {len(report['failed']):,}."
    bootstrap = report["bootstrap"]
    yield (
        f"In brackets: {bootstrap['confidence'] * 100:.0f} % intervals over questions (lists for similar pictures, "
        f"pictures for copies), bootstrap of {bootstrap['resamples']:,} draws; none for fewer than "
        f"{bootstrap['fewest_questions']}."
    )


def _quality(encoders: Sequence[Report]) -> Iterator[Sequence[str]]:
    for language in encoders[0]["queries_per_language"]:
        for one in encoders:
            cells = (_with_interval(one[metric][language], one["intervals"][metric][language]) for metric in METRICS)
            yield language, one["encoder"], *cells


def _cutoff(encoders: Sequence[Report]) -> Iterator[Sequence[str]]:
    for language in sorted({*encoders[0]["cutoff"], *encoders[0]["absent"]}):
        for one in encoders:
            values, ends = one["cutoff"].get(language), one["intervals"]["cutoff"].get(language)
            cells = [_with_interval(values[metric], ends[metric]) if values else "" for metric in CUTOFF_METRICS]
            yield language, one["encoder"], *cells, _absent(one, language)


def _absent(one: Report, language: str) -> str:
    absent = one["absent"].get(language)
    if absent is None:
        return ""
    return f"{_with_interval(absent['nothing_confident'], one['intervals']['absent'][language])} of {absent['queries']}"


def _reliability(encoders: Sequence[Report]) -> Iterator[Sequence[str]]:
    for one in encoders:
        for each in one["reliability"]:
            said, right = f"{each['mean_probability']:.3f}", f"{each['relevant']:.3f}"
            yield one["encoder"], f"from {each['from']:.1f}", f"{each['results']:,}", said, right


def _differences(report: Report) -> Iterator[Sequence[str]]:
    for row in report["differences"]:
        if row["metric"] in COMPARED:
            gain = _with_interval(row["difference"], row["interval"], sign="+")
            yield row["encoder"], row["than"], row["language"] or "", LABELS[row["metric"]], gain, _said(row["verdict"])


def _said(verdict: str) -> str:
    return "no difference shown" if verdict == "not shown" else verdict


def _copies(encoders: Sequence[Report]) -> Iterator[Sequence[str]]:
    for kind, label in KIND_LABELS.items():
        yield label, *(f"{one['copies']['recall_at_1'][kind]:.3f}" for one in encoders)
    yield "mean", *(_with_interval(one["copies"]["mean"], one["copies"]["interval"]) for one in encoders)


def _similar(encoders: Sequence[Report]) -> Iterator[Sequence[str]]:
    for one in encoders:
        similar = one["similar"]
        yield one["encoder"], _with_interval(similar["map"], similar["interval"]), f"{similar['pairs']:,}"


def _speed(encoders: Sequence[Report]) -> Iterator[Sequence[str]]:
    for one in encoders:
        speed = one["speed"]
        per_second, per_text = f"{speed['pictures_per_second']:.1f}", f"{speed['milliseconds_per_text']:.1f}"
        yield one["encoder"], one["revision"], str(one["dimension"]), per_second, per_text


def _with_interval(value: float, ends: Sequence[float] | None, *, sign: str = "") -> str:
    if ends is None:
        return f"{value:{sign}.3f}"
    return f"{value:{sign}.3f} ({ends[0]:{sign}.3f} to {ends[1]:{sign}.3f})"


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield _row(head)
    yield _row(["---"] * len(head))
    yield from map(_row, rows)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
