"""The vector engine serves a script without Django: the lines in docs/architecture.md are run as they stand there."""

import os
import re
import subprocess
import sys

from tests.architecture.test_layers import ROOT
from tests.waiting import PATIENCE_SECONDS

NO_DJANGO = "import sys; sys.modules['django'] = None\n"  # any import of it fails


def test_the_lines_in_the_documentation_run_without_django(tmp_path):
    documentation = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    [script] = re.findall(r"```python\n(.*?)```", documentation, re.DOTALL)

    ran = subprocess.run(
        [sys.executable, "-c", NO_DJANGO + script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )

    assert (ran.stderr, ran.returncode) == ("", 0)
    assert ran.stdout == "[1000 1001 1002] [1. 1. 1.]\n"
    assert sorted(path.name for path in (tmp_path / "vectors").glob("*-1.*")) == [
        "checksums-1.crc32",
        "codes-1.bin",
        "embeddings-1.npy",
    ]
