"""A library of a process's own, with which each module here begins that kills. To be imported before any model.

A process of its own, because it forks: that is safe only where no other thread may hold a lock, so searches use one
thread. State lies in IMAGESEARCH_DATA_DIR, which must be empty, and in the database of IMAGESEARCH_DATABASE_URL, if
there is one.
"""

import json
import os
from pathlib import Path
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

from django.conf import settings
from django.core.management import call_command

from gallery.encoders import registry
from gallery.encoders.base import Encoder
from gallery.models import User
from gallery.services.embedding import encoder_child


def begin(*encoders: Encoder, **gallery_settings: Any) -> None:
    """Make an empty library of one user, alice, with encoders that cost nothing."""
    settings.GALLERY |= {"search_threads": 1, **gallery_settings}
    encoder_child.CHILD_MODULE = "tests.quick_encoder_child"
    for encoder in encoders:
        registry.use_encoder(encoder)
    call_command("migrate", verbosity=0, skip_checks=True)
    User.objects.create_user("alice")


def run_quietly(command: str, *words: str) -> None:
    with open(os.devnull, "w") as nowhere:
        call_command(command, *words, "--owner", "alice", verbosity=0, stdout=nowhere)


class Log:
    """One JSON object a line, written whole by each process."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, **fields: Any) -> None:
        os.write(self._fd, json.dumps(fields).encode() + b"\n")


def lines(path: Path) -> list[dict[str, Any]]:
    """Return what was logged so far; nothing if there is no log yet."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
