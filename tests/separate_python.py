"""What another Python process prints."""

import os
import subprocess
import sys

from django.conf import settings


def printed_by(*arguments: str, timeout_seconds: float, **environment: str) -> str:
    """Run Python in the project's folder, with `environment` added to our own, and return what it prints."""
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=settings.BASE_DIR,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_seconds,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout
