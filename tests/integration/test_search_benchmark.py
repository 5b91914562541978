from gallery.services.search_benchmark import benchmark_search


def test_benchmark_compares_every_way_on_the_same_rows_and_exact_finds_all():
    asked: list[int] = []

    found = benchmark_search(rows=3_000, dimension=64, queries=4, progress=asked.append)

    assert (found.rows, found.dimension, sum(asked)) == (3_000, 64, 4)
    assert [run.name for run in found.runs] == ["exact", "numpy_argsort", "numpy_argpartition", "faiss_flat"]
    assert {run.name: run.recall_at_10 for run in found.runs}["exact"] == 1.0
    assert all(0 < run.p50_ms <= run.p99_ms for run in found.runs)
    assert found.read_limit_ms > 0
