import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from gallery.measuring.speed import ClusteredRows, FileRows, benchmark_search
from gallery.measuring.speed.contenders import Contender
from gallery.measuring.speed.measurement import BATCH_TURNS, measure
from gallery.measuring.speed.read_limit import CHUNK_BYTES, _read_loop, reading_ways
from gallery.measuring.speed.threads import use_threads
from gallery.measuring.speed.truth import true_answers
from gallery.vectors.row_mask import RowMask
from tests.quick_encoder import unit_rows

REQUIRED = {"exact", "numpy_argsort", "numpy_argpartition", "faiss_flat"}
FILTERED = {f"exact_allowed_{share}%" for share in ("0.1", "1", "10", "50", "90")}


def run(*arguments: str) -> dict[str, object]:
    out = io.StringIO()
    call_command("benchmark_search", "--json", "--queries", "3", *arguments, stdout=out)
    return json.loads(out.getvalue())


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    return str(caught.value)


def test_benchmark_keeps_the_contract():
    found = run("--rows", "3000", "--dimension", "64", "--threads", "2")

    assert {"rows", "dimension", "threads", "read_limit_ms", "runs"} <= found.keys()
    assert (found["rows"], found["dimension"], found["threads"]) == (3_000, 64, 2)
    assert all({"name", "p50_ms", "p99_ms", "recall_at_10"} <= one.keys() for one in found["runs"])
    names = [one["name"] for one in found["runs"]]
    assert len(names) == len(set(names))
    assert set(names) >= REQUIRED | FILTERED | {"fast", "faiss_hnsw", "exact_batch_8", "exact_batch_64"}
    assert all(0 < one["p50_ms"] <= one["p99_ms"] for one in found["runs"])
    assert found["read_limit_ms"] == min(one["p50_ms"] for one in found["read_times"]) > 0
    assert [one["matches"] for one in found["count_times"]] == [10, 1_000, 3_000]
    assert all(0 < one["p50_ms"] <= one["p99_ms"] for one in found["count_times"])
    assert set(found["thread_counts"].values()) == {2}


def test_exact_finds_all_with_and_without_filters_and_the_certificate_holds():
    asked: list[int] = []

    found = benchmark_search(ClusteredRows(5_000, 64), queries=4, with_hnsw=False, progress=asked.append)

    runs = {one.name: one for one in found.runs}
    assert "faiss_hnsw" not in runs
    assert {runs[name].recall_at_10 for name in runs if name.startswith("exact")} == {1.0}
    assert found.certificate_held
    assert sum(asked) == 4


def test_benchmark_of_fewer_rows_than_it_asks_for():
    found = benchmark_search(ClusteredRows(3, 8), queries=1)

    assert {one.recall_at_10 for one in found.runs} == {1.0}


def test_truth_of_a_filter_is_that_of_the_rows_it_allows():
    matrix, queries = unit_rows(40_000, dimension=16), unit_rows(3, dimension=16, seed=1)
    allowed = np.sort(np.random.default_rng(2).permutation(40_000)[:30])
    mask = RowMask.of_rows(allowed, 40_000)

    everything, filtered = true_answers(
        matrix, queries, [RowMask.of_booleans(np.ones(40_000, dtype=bool)), mask], top=10
    )

    scores = matrix.astype(np.float64) @ queries[0].astype(np.float64)
    right, right_filtered = np.argsort(-scores)[:10], allowed[np.argsort(-scores[allowed])[:10]]
    assert everything.equals(0, right)
    assert filtered.equals(0, right_filtered)
    assert filtered.recall(0, right_filtered) == 1.0
    assert not everything.equals(0, right_filtered)
    assert everything.recall(0, np.concatenate([right[:7], np.argsort(scores)[:3]])) == 0.7
    assert everything.recall(0, right[:4]) == 0.4  # a short answer is no better for being short


def test_truth_takes_an_equal_row_for_the_same_and_refuses_one_twice():
    matrix = np.repeat(unit_rows(2, dimension=8), 20, axis=0)
    (truth,) = true_answers(matrix, matrix[:1], [RowMask.of_booleans(np.ones(40, dtype=bool))], top=10)

    assert truth.equals(0, np.arange(5, 15))
    with pytest.raises(ValueError, match="twice"):
        truth.recall(0, np.zeros(10, dtype=np.int64))


def test_every_contender_is_asked_in_every_round_and_batches_in_some():
    asked: list[np.ndarray] = []

    def search(queries: np.ndarray) -> np.ndarray:
        asked.append(queries[:, 0].astype(int))
        return queries[:, :1].astype(np.int64)

    queries = np.arange(40, dtype=np.float32)[:, np.newaxis]
    contenders = [Contender("single", search), Contender("batch", search, batch=8)]
    found = measure(contenders, {"read": lambda: None}, queries, rounds=40, progress=[].append)

    assert [query for query, _found in found["single"].answers] == list(range(40))
    assert len(found["batch"].times_ms) == BATCH_TURNS
    assert len(found["read"].times_ms) == 40
    assert all(query == rows[0] for query, rows in found["batch"].answers)


def test_read_loop_reads_every_word():
    words = np.zeros(3 * CHUNK_BYTES // 8, dtype=np.uint64)
    places = np.random.default_rng(0).permutation(len(words))[:20]
    with ThreadPoolExecutor(2) as pool:
        for bit, place in enumerate(places):
            words[place] = 1 << bit
        assert _read_loop().read(words, threads=2, pool=pool) == (1 << 20) - 1
        assert set(reading_ways(1_000, threads=2, pool=pool)) == {"numpy_max", "compiled_or"}


def test_threads_are_set_in_every_library_and_read_back():
    try:
        assert set(use_threads(1).values()) == {1}
    finally:
        assert set(use_threads(2).values()) == {2}


def test_rows_of_a_file_are_searched_with_rows_held_out(tmp_path: Path):
    matrix = unit_rows(1_000, dimension=32) * np.float32(3)
    np.save(tmp_path / "some.npy", matrix)

    found = run("--npy", str(tmp_path / "some.npy"))
    source = FileRows(tmp_path / "some.npy", rows=900, queries=60)
    rows, asked = np.concatenate(list(source.blocks())), source.queries(100)

    assert (found["rows"], found["dimension"]) == (997, 32)
    assert found["certificate_held"] is True
    assert np.allclose(np.linalg.norm(np.concatenate([rows, asked]), axis=1), 1)
    nearest = (asked @ rows.T).max(axis=1)
    own = (asked @ (matrix / 3).T).max(axis=1)
    assert np.count_nonzero(own > 0.9999) == 60  # rows that were held out; the others are rows with noise
    assert nearest.max() < 0.9999


def test_a_file_that_is_all_searched_is_asked_with_noise(tmp_path: Path):
    np.save(tmp_path / "some.npy", unit_rows(300, dimension=32))

    assert run("--npy", str(tmp_path / "some.npy"), "--rows", "300")["rows"] == 300


def test_odd_files_and_numbers_are_refused_in_one_sentence(tmp_path: Path):
    path = tmp_path / "some.npy"
    begin = "This request is not valid: "

    assert refusal("--rows", "0") == begin + "--rows is 0; it must be at least 1."
    assert refusal() == begin + "say how many vectors to search with --rows."
    assert refusal("--npy", str(path)) == begin + f"{path} cannot be read (No such file or directory)."
    path.write_bytes(b"no matrix")
    assert refusal("--npy", str(path)) == begin + f"{path} is not a .npy file with a matrix."
    path.write_bytes(b"")
    assert refusal("--npy", str(path)) == begin + f"{path} is not a .npy file with a matrix."
    np.save(path, np.zeros((3, 4)))
    needed = "a float32 matrix (rows, dimension) is needed."
    assert refusal("--npy", str(path)) == begin + f"{path} holds float64 of shape (3, 4); {needed}"
    np.save(path, np.zeros((3, 4), dtype=np.float32))
    assert refusal("--npy", str(path), "--rows", "4") == begin + f"{path} has 3 rows; --rows asks for 4."
    assert refusal("--npy", str(path), "--dimension", "8").endswith("--dimension is 8; the file's vectors have 4.")
    np.save(path, np.zeros((1, 4), dtype=np.float32))
    assert refusal("--npy", str(path)) == begin + f"row 0 of {path} is not a finite vector other than zero."
