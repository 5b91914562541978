"""The search engines by name."""

from collections.abc import Callable
from pathlib import Path

from .contract import LocalEngine, RemoteEngine
from .exact import ExactEngine
from .fast import FastEngine
from .scanning import ScanningEngine

_SCANNING: dict[str, type[ScanningEngine]] = {"exact": ExactEngine, "fast": FastEngine}
REMOTE: dict[str, Callable[[], RemoteEngine]] = {}  # each in a file of its own beside this one


def engine_names() -> list[str]:
    return [*_SCANNING, "faiss", *REMOTE]


def local_engine(name: str, *, threads: int = 0, code_folder: Path | None = None) -> LocalEngine:
    """Return an engine that uses `threads` threads (0: one per core) and keeps its machine code in `code_folder`.

    Raises ValueError for an unknown name.
    """
    if name == "faiss":
        from .faiss_hnsw import FaissHnswEngine  # noqa: PLC0415 -- slow import, and few want it

        return FaissHnswEngine(threads=threads, code_folder=code_folder)
    if name not in _SCANNING:
        raise ValueError(f"there is no search engine {name!r}; there are {', '.join(engine_names())}")
    return _SCANNING[name](threads=threads, code_folder=code_folder)


def remote_engine(name: str) -> RemoteEngine | None:
    """Return the engine of that name if it has a server; None for a local one."""
    return REMOTE[name]() if name in REMOTE else None
