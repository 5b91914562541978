"""The report of `make bench`: written from results, between the marks of a document."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import main
from tests.benchmarks.figures import figures
from tests.benchmarks.results import Results, machine

RUNS = ("exact", "fast", "numpy_argsort", "numpy_argpartition", "faiss_flat", "exact_batch_64", "exact_allowed_50%")


def search_result(rows: int) -> dict[str, object]:
    return {
        "rows": rows,
        "dimension": 512,
        "source": "synthetic clusters",
        "threads": 2,
        "read_limit_ms": rows / 40_000,
        "runs": [
            {"name": name, "p50_ms": rows / 30_000 * place, "p99_ms": rows / 20_000 * place, "recall_at_10": 1.0}
            for place, name in enumerate(RUNS, start=1)
        ],
        "certificate_held": True,
        "read_times": [{"name": "numpy_max", "p50_ms": rows / 40_000, "p99_ms": 1.0}],
        "count_times": [{"matches": 1_000, "p50_ms": rows / 25_000, "p99_ms": rows / 15_000}],
        "instruction_set": "avx2",
        "hnsw_build_seconds": None,
    }


LIBRARY = {
    "rows": 1_000_000,
    "dimension": 512,
    "open": {"first_answer_of_index_ms": 80.0, "first_answer_ms": 90.0, "first_answer_of_user_ms": 900.0},
    "path": {"find_images_ms": 40.0, "engine_filtered_ms": 20.0, "engine_ms": 30.0, "ratio": 1.33, "ratio_filtered": 2},
    "memory": {"idle_mb": None, "index_above_idle_mb": None, "above_idle_mb": None},
    "append": {"small_ms": 1.0, "large_ms": 1.1, "ratio": 1.1},
    "add": {"small_ms": 4.0, "large_ms": 4.0, "ratio": 1.0},
}

SIDES = ("plain_modules", "tensors", "decoded", "bfloat16_tensors", "bfloat16_decoded")
MEMORY = {"resident": 812.3, "proportional": 790.0, "private": 600.4, "shareable": 211.9}
ENCODERS = {
    "pictures": {
        "cosine_of_bfloat16": 0.999997,
        "per_second": dict.fromkeys(SIDES, 21.54),
        "ratios": {
            **{f"{side}/{of}": 0.97 for side in SIDES for of in ("best", "plain")},
            **{"bfloat16/float32": 1.8},
        },
    },
    "texts": {
        "tokens_of_short": 7,
        "short_ms": 9.5,
        "padded_ms": 38.0,
        "one_at_a_time_ms": 150.0,
        "at_once_ms": 50.0,
        "padded/short": 4.0,
        "at_once/one_at_a_time": 3.0,
    },
    "import": {"offline": {"ratio": 0.98}, "clip": {"ratio": 0.91}},
    "memory": {name: {"idle": MEMORY, "texts": MEMORY, "texts_and_pictures": MEMORY} for name in ("offline", "clip")},
}


def test_report_of_the_encoders(tmp_path: Path):
    Results(tmp_path / "performance.json").put("encoders", ENCODERS)

    main(["report", "--report", str(tmp_path)])

    text = (tmp_path / "performance.md").read_text()
    assert "| `float32`, ready tensors | 21.5 | 0.97 | 0.97 |" in text
    assert "| 16 texts from 16 threads | 50.0 |" in text
    assert "| `clip`, after texts and pictures | 812 | 600 | 212 |" in text
    assert "| import / encoder alone, `clip` | 0.85 | 0.95 | 0.91 |" in text
    assert "| memory of a serving process, `clip` | 1,500 MB | 1,200 MB | 812 MB |" in text


def test_report_writes_tables_and_plot_and_keeps_what_stands_around_them(tmp_path: Path):
    results = Results(tmp_path / "performance.json")
    for rows in (1_000_000, 10_000):
        results.put_search(search_result(rows))
    results.put("library", LIBRARY)
    main(["report", "--report", str(tmp_path)])
    document = tmp_path / "performance.md"
    document.write_text("Mine.\n" + document.read_text())

    main(["report", "--report", str(tmp_path)])

    text = document.read_text()
    assert text.startswith("Mine.\n# Performance\n")
    assert text.index("### 10,000 × 512") < text.index("### 1,000,000 × 512")
    assert "| `exact` | 33.3 | 50.0 | 1.33 | 1.00 | 1.0000 |" in text
    assert "| `exact` p50 / read limit, 1,000,000 rows | 1.25 | 1.10 | 1.33 |" in text
    assert "| slowest filter: p50 / unfiltered p50, 1,000,000 rows | 1.3 | 1.0 | 7.00 (50% allowed) |" in text
    assert "| durable append of one row, 1,000,000 rows / 1,000 rows | 1.2 | 1.0 | 1.10 |" in text
    assert text.count("<!-- end -->") == 9
    assert "<svg" in (tmp_path / "images" / "search_speed.svg").read_text()


def test_the_same_size_measured_again_is_replaced(tmp_path: Path):
    results = Results(tmp_path / "performance.json")
    for threads in (1, 2):
        results.put_search({**search_result(10_000), "threads": threads})

    assert [one["threads"] for one in json.loads(results.path.read_text())["search"]] == [2]


def test_a_document_without_a_place_for_results_is_left_alone(tmp_path: Path):
    Results(tmp_path / "performance.json").put_search(search_result(10_000))
    (tmp_path / "performance.md").write_text("Mine.\n")

    with pytest.raises(SystemExit, match="no place"):
        main(["report", "--report", str(tmp_path)])
    assert (tmp_path / "performance.md").read_text() == "Mine.\n"


def test_machine_is_described_without_its_name():
    known = {"processor", "cores", "virtual", "memory_gb", "system", "python", "numpy", "faiss-cpu", "django"}

    assert set(machine()) == known


@pytest.mark.slow
def test_search_and_library_are_measured_and_reported(tmp_path: Path):
    for part in ("search", "library"):
        command = [sys.executable, "-m", "tests.benchmarks", part, "--rows", "2000", "--queries", "3"]
        subprocess.run([*command, "--report", str(tmp_path)], check=True, capture_output=True)

    found = Results(tmp_path / "performance.json").read()
    assert found["library"]["path"]["visible_rows"] == pytest.approx(1_000, abs=50)
    assert len(figures(found)) == 11
    assert "open in a new process to first answer, 2,000 rows" in (tmp_path / "performance.md").read_text()
