"""The figures that vector engine and encoders are to reach, computed from the largest size that was measured."""

from typing import Any

Result = dict[str, Any]
Line = tuple[str, str, str, str]  # what, first goal, aim, measured

NOT_MEASURED = "-"


def figures(found: Result) -> list[Line]:
    sizes, library = found.get("search"), found.get("library")
    return [*_of_search(sizes[-1] if sizes else None), *_of_library(library), *_of_encoders(found.get("encoders"))]


def _of_search(found: Result | None) -> list[Line]:
    if found is None:
        return []
    p50_ms = {run["name"]: run["p50_ms"] for run in found["runs"]}
    recall = {run["name"]: run["recall_at_10"] for run in found["runs"]}
    exact_ms, rows = p50_ms["exact"], f"{found['rows']:,} rows"
    filtered = {name: ms / exact_ms for name, ms in p50_ms.items() if name.startswith("exact_allowed_")}
    worst = max(filtered, key=lambda name: filtered[name])
    certificate = "holding" if found["certificate_held"] else "NOT holding"
    ratios = [p50_ms[name] / exact_ms for name in ("numpy_argpartition", "faiss_flat")]
    return [
        (f"`exact` p50 / read limit, {rows}", "1.25", "1.10", f"{exact_ms / found['read_limit_ms']:.2f}"),
        (f"`numpy_argpartition` / `exact`, {rows}", "4", "5", f"{ratios[0]:.2f}"),
        (f"`faiss_flat` / `exact`, {rows}", "6", "8", f"{ratios[1]:.2f}"),
        (f"recall@10 of `exact`, {rows}", "1.0", "1.0", f"{recall['exact']:.4f}, certificate {certificate}"),
        (
            f"`fast`: p50 at its recall@10 (`numpy_argpartition` / `fast`), {rows}",
            "10 ms at 0.99 (14.2)",
            "5 ms at 0.995 (28.4)",
            f"{p50_ms['fast']:.2f} ms at {recall['fast']:.4f} ({p50_ms['numpy_argpartition'] / p50_ms['fast']:.1f})",
        ),
        (
            f"slowest filter: p50 / unfiltered p50, {rows}",
            "1.3",
            "1.0",
            f"{filtered[worst]:.2f} ({worst.removeprefix('exact_allowed_')} allowed)",
        ),
        (f"batch of 64, per query / single query, {rows}", "0.25", "0.1", f"{p50_ms['exact_batch_64'] / exact_ms:.2f}"),
    ]


def _of_library(found: Result | None) -> list[Line]:
    if found is None:
        return []
    rows, memory_mb, opened = f"{found['rows']:,} rows", found["memory"]["above_idle_mb"], found["open"]
    return [
        (
            f"`find_images` for a user who may see half, without encoding / engine, {rows}",
            "2",
            "1.3",
            f"{found['path']['ratio']:.2f} (with the same filter: {found['path']['ratio_filtered']:.2f})",
        ),
        (
            f"open in a new process to first answer, {rows}",
            "0.3 s",
            "0.1 s",
            f"{opened['first_answer_of_index_ms'] / 1000:.2f} s of the index "
            f"({opened['first_answer_of_user_ms'] / 1000:.2f} s of `find_images` for that user)",
        ),
        (
            f"private memory of a further worker above an idle one, {rows}",
            "64 MB",
            "16 MB",
            NOT_MEASURED if memory_mb is None else f"{memory_mb:.1f} MB",
        ),
        (f"durable append of one row, {rows} / 1,000 rows", "1.2", "1.0", f"{found['append']['ratio']:.2f}"),
    ]


def _of_encoders(found: Result | None) -> list[Line]:
    if found is None:
        return []
    ratios, texts = found["pictures"]["ratios"], found["texts"]
    cosine = f"cosine {found['pictures']['cosine_of_bfloat16']:.6f}, random weights"
    lines = [
        (
            "CLIP B/32 pictures per second / (best float32 product / operations per picture), ready tensors",
            "0.95",
            "1.0",
            f"{ratios['tensors/best']:.2f} (of plain products {ratios['tensors/plain']:.2f})",
        ),
        ("the same from decoded pictures", "0.95", "1.0", f"{ratios['decoded/best']:.2f}"),
        ("CLIP B/32 `bfloat16` / `float32`", "1.4", "1.4", f"{ratios['bfloat16/float32']:.2f} ({cosine})"),
        ("text padded to 77 tokens / short text", "2", "3", f"{texts['padded/short']:.2f}"),
        ("16 texts one at a time / at once", "2", "4", f"{texts['at_once/one_at_a_time']:.2f}"),
    ]
    for name, one in found["import"].items():
        lines.append((f"import / encoder alone, `{name}`", "0.85", "0.95", f"{one['ratio']:.2f}"))
        if "large_ratio" in one:
            lines.append((f"the same with JPEGs of 12 megapixels, `{name}`", "", "", f"{one['large_ratio']:.2f}"))
    for name, limits in (("offline", ("1,000 MB", "600 MB")), ("clip", ("1,500 MB", "1,200 MB"))):
        memory = found["memory"][name]
        measured = NOT_MEASURED if memory is None else f"{memory['texts_and_pictures']['resident']:,.0f} MB"
        lines.append((f"memory of a serving process, `{name}`", *limits, measured))
    return lines
