"""The results as Markdown, between marks of a document that says what they mean, and as a plot."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.load.tables import load_report

from .figures import figures
from .plot import draw
from .results import Results
from .site_report import site_report
from .tables import milliseconds, table

DOCUMENT = "performance.md"
PLOT = Path("images") / "search_speed.svg"
ALONE = """# Performance
<!-- results: machine -->
<!-- end -->

## Figures
<!-- results: figures -->
<!-- end -->

## Search
<!-- results: search -->
<!-- end -->

## Library
<!-- results: library -->
<!-- end -->

## Pages
<!-- results: sites -->
<!-- end -->

## Which results are meant
<!-- results: cutoff -->
<!-- end -->

## Columns by row
<!-- results: columns -->
<!-- end -->

## Encoders
<!-- results: encoders -->
<!-- end -->

## Under load
<!-- results: load -->
<!-- end -->
"""
Result = dict[str, Any]


def write_report(folder: Path, results: Results) -> None:
    """Write what `results` has into FOLDER/performance.md, between its marks; a document without marks is an error."""
    found = results.read()
    path = folder / DOCUMENT
    text = path.read_text(encoding="utf-8") if path.exists() else ALONE
    for name, lines in _sections(found).items():
        text = _between_marks(text, name, lines)
    path.write_text(text, encoding="utf-8")
    if found.get("search"):
        (folder / PLOT).parent.mkdir(exist_ok=True)
        draw(found["search"], folder / PLOT)
    print(f"written: {path}")


def _between_marks(text: str, name: str, lines: list[str]) -> str:
    mark, end = f"<!-- results: {name} -->\n", "<!-- end -->"
    before, found, after = text.partition(mark)
    if not found or end not in after:
        raise SystemExit(f"{DOCUMENT} has no place for the results: the lines {mark.strip()} and {end} are missing")
    return before + mark + "\n".join(lines) + "\n" + end + after.partition(end)[2]


def _sections(found: Result) -> dict[str, list[str]]:
    sections = {"machine": [_machine(found["machine"])]} if "machine" in found else {}
    sections["figures"] = list(table(("what", "first", "aim", "measured"), figures(found)))
    if found.get("search"):
        sections["search"] = list(_search(found["search"]))
    if "library" in found:
        sections["library"] = list(_library(found["library"]))
    if sites := list(site_report(found)):
        sections["sites"] = sites
    if "cutoff" in found:
        sections["cutoff"] = list(_cutoff(found["cutoff"]))
    if "columns" in found:
        sections["columns"] = list(_columns(found["columns"]))
    if "encoders" in found:
        sections["encoders"] = list(_encoders(found["encoders"]))
    if "load" in found:
        sections["load"] = list(load_report(found["load"]))
    return sections


def _machine(machine: Result) -> str:
    kind = "a virtual machine" if machine["virtual"] else "a machine"
    memory = f", {machine['memory_gb']} GiB of memory" if machine["memory_gb"] else ""
    return (
        f"Measured on {kind} with {machine['cores']} cores ({machine['processor']}){memory}; "
        f"{machine['system']}, Python {machine['python']}, NumPy {machine['numpy']}, faiss {machine['faiss-cpu']}, "
        f"Django {machine['django']}."
    )


def _search(sizes: list[Result]) -> Iterator[str]:
    yield f"![Milliseconds per query against rows]({PLOT.as_posix()})"
    for found in sizes:
        yield ""
        yield from _one_size(found)


def _one_size(found: Result) -> Iterator[str]:
    limit_ms = found["read_limit_ms"]
    certificate = "held in every answer" if found["certificate_held"] else "**did not hold**"
    yield f"### {found['rows']:,} × {found['dimension']}, {found['source']}, {found['threads']} threads"
    readers = ", ".join(f"{one['name']} {milliseconds(one['p50_ms'])} ms" for one in found["read_times"])
    built = found["hnsw_build_seconds"]
    yield (
        f"Read limit {milliseconds(limit_ms)} ms (p50 of the faster of: {readers}). "
        f"Kernel: {found['instruction_set']}. Certificate of `exact`: {certificate}."
        + (f" `faiss_hnsw` took {built:,.0f} s to make." if built else "")
    )
    yield ""
    rows = []
    exact_ms = next(run["p50_ms"] for run in found["runs"] if run["name"] == "exact")
    for run in found["runs"]:
        p50_ms, p99_ms = (milliseconds(run[name]) for name in ("p50_ms", "p99_ms"))
        ratios = (f"{run['p50_ms'] / limit_ms:.2f}", f"{run['p50_ms'] / exact_ms:.2f}")
        rows.append((f"`{run['name']}`", p50_ms, p99_ms, *ratios, f"{run['recall_at_10']:.4f}"))
    for count in found.get("count_times", ()):
        p50_ms, p99_ms = (milliseconds(count[name]) for name in ("p50_ms", "p99_ms"))
        ratios = (f"{count['p50_ms'] / limit_ms:.2f}", f"{count['p50_ms'] / exact_ms:.2f}")
        rows.append((f"`exact`, counting {count['matches']:,}", p50_ms, p99_ms, *ratios, ""))
    yield from table(("run", "p50 ms", "p99 ms", "p50 / read limit", "p50 / `exact`", "recall@10"), rows)


LIBRARY_LINES = (
    ("open", "first_answer_of_index_ms", "new process to first answer of the index, ms"),
    ("open", "first_answer_ms", "new process to first answer of `find_images`, operator, ms"),
    ("open", "first_answer_of_user_ms", "the same, user who may see half, ms"),
    ("path", "find_images_ms", "`find_images` for that user, p50 ms"),
    ("path", "engine_filtered_ms", "`exact` alone with the user's filter, p50 ms"),
    ("path", "engine_ms", "`exact` alone without a filter, p50 ms"),
    ("path", "ratio", "`find_images` / `exact` without a filter"),
    ("path", "ratio_filtered", "`find_images` / `exact` with the user's filter"),
    ("memory", "idle_mb", "private memory of an idle worker, MB"),
    ("memory", "index_above_idle_mb", "what searches of the index add, MB"),
    ("memory", "above_idle_mb", "what searches of the index and of a user who may see half add, MB"),
    ("append", "small_ms", "append one row at 1,000 rows (vector and codes), p50 ms"),
    ("append", "large_ms", "the same at all rows, p50 ms"),
    ("append", "ratio", "ratio"),
    ("add", "small_ms", "`SearchIndex.add` of one picture at 1,000 rows (database too), p50 ms"),
    ("add", "large_ms", "the same at all rows, p50 ms"),
    ("add", "ratio", "ratio"),
)


def _library(found: Result) -> Iterator[str]:
    yield f"A library of {found['rows']:,} pictures × {found['dimension']} in SQLite."
    yield ""
    values = ((said, found[part][name]) for part, name, said in LIBRARY_LINES)
    yield from table(
        ("what", "measured"), [(said, "-" if value is None else f"{value:,.2f}") for said, value in values]
    )


ENCODER_SIDES = (
    ("plain_modules", "transformers' own modules, all threads"),
    ("tensors", "`float32`, ready tensors"),
    ("decoded", "`float32`, decoded pictures of 480 × 360"),
    ("bfloat16_tensors", "`bfloat16`, ready tensors"),
    ("bfloat16_decoded", "`bfloat16`, decoded pictures of 480 × 360"),
)


CUTOFF_SIDES = (
    ("search", "the search itself, 20 results"),
    ("judged", "judging them twice, by shares and by deviations"),
    ("counted", "counting what is above the line, where that is beyond the results"),
    ("sampled", "the spread of scores, for an engine that does not tell it"),
)


def _cutoff(found: Result) -> Iterator[str]:
    yield f"{found['rows']:,} × {found['dimension']}, p50, in turns."
    yield ""
    rows = [
        (said, f"{found[f'{name}_ms']:.2f}", f"{found[f'{name}_ms'] / found['search_ms']:.2f}")
        for name, said in CUTOFF_SIDES
    ]
    yield from table(("what", "ms", "/ search"), rows)


def _columns(found: Result) -> Iterator[str]:
    yield (
        f"{found['rows']:,} rows: a file of {found['file_mb']:.0f} MB, written in {found['write_s']:.1f} s, opened in "
        f"{found['open_ms']:.1f} ms. After all of these a process has {found['private_mb']:.0f} MB of its own."
    )
    yield ""
    rows = []
    for what, patched_ms in found["patched_ms"].items():
        plain_ms = found["plain_ms"].get(what)
        rows.append((what, "" if plain_ms is None else milliseconds(plain_ms), milliseconds(patched_ms)))
    yield from table(("what", "ms", "ms beside 10,000 changed rows"), rows)


def _encoders(found: Result) -> Iterator[str]:
    pictures, texts = found["pictures"], found["texts"]
    yield "CLIP ViT-B/32 in full size with random weights."
    yield ""
    rows = []
    for name, said in ENCODER_SIDES:
        ratios = (f"{pictures['ratios'][f'{name}/{of}']:.2f}" for of in ("best", "plain"))
        rows.append((said, milliseconds(pictures["per_second"][name]), *ratios))
    yield from table(("pictures", "per second", "/ best product", "/ best plain product"), rows)
    yield ""
    yield from table(
        ("texts", "ms"),
        [
            (f"short, {texts['tokens_of_short']} tokens", milliseconds(texts["short_ms"])),
            ("the same padded to 77 tokens", milliseconds(texts["padded_ms"])),
            ("16 texts, one after the other", milliseconds(texts["one_at_a_time_ms"])),
            ("16 texts from 16 threads", milliseconds(texts["at_once_ms"])),
        ],
    )
    yield ""
    columns = ("resident", "private", "shareable")
    rows = [
        (f"`{name}`, after {said}", *(f"{memory[state][column]:,.0f}" for column in columns))
        for name, memory in found["memory"].items()
        if memory is not None
        for state, said in (("texts", "texts"), ("texts_and_pictures", "texts and pictures"))
    ]
    yield from table(("memory of a worker, MB", "resident", "private", "of files"), rows)
