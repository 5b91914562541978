"""The vector engine: `manage.py benchmark_search` in a process of its own, whose memory is given back afterwards."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def bench_search(rows: int, *, queries: int, hnsw: bool, npy: Path | None) -> dict[str, Any]:
    from .environment import with_data_dir

    words = ["benchmark_search", "--rows", str(rows), "--queries", str(queries), "--json"]
    words += ["--hnsw"] * hnsw + (["--npy", str(npy)] if npy else [])
    with tempfile.TemporaryDirectory(prefix="imagesearch-bench-") as folder:
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=ROOT, env=with_data_dir(folder), check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout)
    found["source"] = "a file" if npy else "synthetic clusters"
    _say(found)
    return found


def _say(found: dict[str, Any]) -> None:
    limit_ms = found["read_limit_ms"]
    print(f"{found['rows']:,} x {found['dimension']}: reading one byte per number takes {limit_ms:.2f} ms")
    for run in found["runs"]:
        print(
            f"  {run['name']:<20} p50 {run['p50_ms']:9.3f} ms {run['p50_ms'] / limit_ms:8.2f} x reading  "
            f"recall@10 {run['recall_at_10']:.4f}",
            flush=True,
        )
