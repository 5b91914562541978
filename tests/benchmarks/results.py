"""The figures of all parts, kept in one JSON file, so that one part can be measured anew."""

import json
import os
import platform
from pathlib import Path
from typing import Any

Result = dict[str, Any]


class Results:
    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Result:
        return json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}

    def put(self, part: str, result: Result) -> None:
        self._write({**self.read(), "machine": machine(), part: result})

    def put_search(self, result: Result) -> None:
        """Keep one size beside the others; the same size is replaced."""
        others = [one for one in self.read().get("search", []) if one["rows"] != result["rows"]]
        self.put("search", sorted([*others, result], key=lambda one: one["rows"]))

    def put_of_site(self, part: str, result: Result) -> None:
        """Keep what was measured of one database and dimension beside the others; the same is replaced."""

        def place(one: Result) -> tuple[str, int]:
            return one["database"], one["dimension"]

        others = [one for one in self.read().get(part, []) if place(one) != place(result)]
        self.put(part, sorted([*others, result], key=place, reverse=True))

    def _write(self, content: Result) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def machine() -> Result:
    """Describe what was measured on, without any name of it."""
    from importlib.metadata import version

    return {
        "processor": _line("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "virtual": "hypervisor" in (_line("/proc/cpuinfo", "flags") or ""),
        "memory_gb": _memory_gb(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "faiss-cpu", "django")},
    }


def _memory_gb() -> int | None:
    line = _line("/proc/meminfo", "MemTotal")
    return round(int(line.split()[0]) / 2**20) if line else None


def _line(path: str, name: str) -> str | None:
    """Return what follows the first `name:` in a file of the kernel's; None on other systems."""
    if not Path(path).exists():
        return None
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)
