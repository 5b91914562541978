"""One run of schemathesis as one role, with every check and phase."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from .server import ROOT, Site

CONFIG = Path(__file__).with_name("schemathesis.toml")


def ask(
    site: Site,
    role: str,
    *,
    examples: int,
    seed: int = 1,
    schema: str | Path | None = None,
    more: Iterable[str] = (),
    capture: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Compare what the site answers with its schema, or with `schema`; the exit status is 0 where all is as it says."""
    token = site.tokens.get(role)
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"),
        str(schema or f"{site.url}/api/v1/schema/"),
        *("--url", site.url, "--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"),
        *("--max-examples", str(examples), "--seed", str(seed), "--generation-database", "none"),
        *(("--header", f"Authorization: Bearer {token}") if token else ()),
        *more,
    ]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.conformance.generators"},
        capture_output=capture,
        text=True,
        check=False,
    )
