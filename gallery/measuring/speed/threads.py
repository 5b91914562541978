"""The same number of threads for everybody: set where each library keeps it, and read back."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import faiss

LOADED_FILES = Path("/proc/self/maps")
# What OpenBLAS calls its functions in the builds that NumPy and faiss bring along.
NAMES = (("scipy_openblas_", "64_"), ("scipy_openblas_", ""), ("openblas_", "64_"), ("openblas_", ""))


def available_threads() -> int:
    """Return how many cores this process may use."""
    with suppress(AttributeError):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_threads(threads: int) -> dict[str, int]:
    """Let every library use so many threads; return what each of them says that it uses now, by its name.

    Libraries that cannot be asked on this system are not there. Our own engine is told its number when it is made.
    """
    faiss.omp_set_num_threads(threads)
    counts = {"faiss": int(faiss.omp_get_max_threads())}
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(threads)
        counts["torch"] = int(torch.get_num_threads())
    for path in _loaded_blas():
        if (count := _set_blas_threads(path, threads)) is not None:
            counts[f"{path.parent.name.removesuffix('.libs')} {path.name.split('-')[0]}"] = count
    return counts


def _loaded_blas() -> Iterator[Path]:
    if LOADED_FILES.exists():
        lines = LOADED_FILES.read_text(encoding="utf-8").splitlines()
        yield from sorted({Path(line.split(maxsplit=5)[5]) for line in lines if "openblas" in line})


def _set_blas_threads(path: Path, threads: int) -> int | None:
    library = ctypes.CDLL(str(path))
    for prefix, suffix in NAMES:
        with suppress(AttributeError):  # another build's name
            getattr(library, f"{prefix}set_num_threads{suffix}")(threads)
            return int(getattr(library, f"{prefix}get_num_threads{suffix}")())
    return None
