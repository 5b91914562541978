"""How fast is search here, beside what one would write or install instead: one process, taking turns, same threads.

`rows` gives the vectors, `contenders` the ways to search them, `read_limit` the floor, `measurement` the loop, `truth`
the right answers, and `benchmark` puts them together.
"""

from .benchmark import Run, SearchBenchmark, benchmark_search
from .rows import DEFAULT_DIMENSION, ClusteredRows, FileRows, RowSource

__all__ = ["DEFAULT_DIMENSION", "ClusteredRows", "FileRows", "RowSource", "Run", "SearchBenchmark", "benchmark_search"]
