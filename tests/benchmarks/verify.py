"""`verify_index` of a large library: how long a writer beside it waits, and how much memory it takes.

Each picture's original is there as a file of the right size without content, so that the whole command runs.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from .processes import TaskProcess
from .sites import Site, Sites

ROOT = Path(__file__).resolve().parents[2]
ALONE_SECONDS = 5.0
PAUSE_SECONDS = 0.02
UPLOADS_PER_SECOND = 5
Result = dict[str, Any]


def bench_verify(sites: Sites, rows: int, *, dimension: int, alone_seconds: float = ALONE_SECONDS) -> Result:
    site = sites.site(rows, dimension=dimension)
    with TaskProcess("search_process", *site.words, environment=site.environment) as writer:
        writer.ask(json.dumps({"task": "place_originals"}))
        alone = writer.ask(json.dumps({"task": "upload", "seconds": alone_seconds, "per_second": UPLOADS_PER_SECOND}))
        result = {"database": sites.database, "rows": rows, "dimension": dimension, **_verified(site, writer)}
    result |= {"alone_slowest_ms": alone["slowest_ms"]}
    _say(result)
    return result


def _verified(site: Site, writer: TaskProcess) -> Result:
    command = [sys.executable, "manage.py", "verify_index", "--json"]
    with tempfile.TemporaryFile() as said:
        verifying = subprocess.Popen(command, cwd=ROOT, env=site.environment, stdout=said)
        return _measured(verifying, said, writer)


def _measured(verifying: subprocess.Popen[bytes], said: IO[bytes], writer: TaskProcess) -> Result:
    started = time.perf_counter()
    writer.tell(json.dumps({"task": "upload_during", "pid": verifying.pid, "per_second": UPLOADS_PER_SECOND}))
    peak_kb = 0
    while not (ended := os.waitid(os.P_PID, verifying.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)):
        peak_kb = max(peak_kb, _private_kb(verifying.pid))
        time.sleep(PAUSE_SECONDS)
    seconds = time.perf_counter() - started
    _pid, _status, usage = os.wait4(ended.si_pid, 0)
    beside = writer.answer()
    said.seek(0)
    told = json.loads(said.read())
    return {
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_private_mb": peak_kb / 1_000,
        "beside_slowest_ms": beside["slowest_ms"],
        "uploads": beside["uploads"],
        "problems": len(told["problems"]),
    }


def _private_kb(pid: int) -> int:
    """Return what the process holds that is of no file; 0 where the kernel does not say, or any more."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("RssAnon:")), 0)


def _say(result: Result) -> None:
    print(f"verify_index of {result['rows']:,} x {result['dimension']} on {result['database']}")
    for name in ("seconds", "cpu_seconds", "peak_private_mb", "alone_slowest_ms", "beside_slowest_ms", "problems"):
        print(f"  {name:<24} {result[name]:>12.2f}", flush=True)
