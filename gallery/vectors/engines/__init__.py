"""The search engines by name."""

from collections.abc import Callable
from pathlib import Path

from .base import Engine
from .exact import ExactEngine
from .fast import FastEngine

_ENGINES: dict[str, Callable[..., Engine]] = {"exact": ExactEngine, "fast": FastEngine}


def engine_names() -> list[str]:
    return [*_ENGINES, "faiss"]


def make_engine(name: str, dimension: int, *, threads: int = 0, code_folder: Path | None = None) -> Engine:
    """Return an empty engine that uses `threads` threads (0: one per core) and keeps its machine code in `code_folder`.

    Raises ValueError for an unknown name.
    """
    if name == "faiss":
        from .faiss_hnsw import FaissHnswEngine  # noqa: PLC0415 -- slow import, and few want it

        return FaissHnswEngine(dimension, threads=threads, code_folder=code_folder)
    if name not in _ENGINES:
        raise ValueError(f"there is no search engine {name!r}; there are {', '.join(engine_names())}")
    return _ENGINES[name](dimension, threads=threads, code_folder=code_folder)
