"""A library for the time of a comparison, in a process of its own: see `library_main`, which runs there."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gallery.encoders.base import EncoderKey
from gallery.errors import EvaluationStopped, kind_named

MODULE = "gallery.measuring.quality.library_main"
PROJECT = Path(__file__).parents[3]
# Whatever else the site is set to, such as its limits and the precision of its encoder, holds here too.
NOT_OF_THE_SITE = ("IMAGESEARCH_DATABASE_URL", "IMAGESEARCH_S3_BUCKET")
END_SECONDS = 10


@dataclass(frozen=True, slots=True)
class LoadedEncoder:
    key: EncoderKey
    dimension: int


@dataclass(frozen=True, slots=True)
class Filled:
    """The numbers of the pictures that can be found, and the encoder's own work: no decoding, no storing."""

    searchable: frozenset[int]
    encoded: int
    encoding_seconds: float


@dataclass(frozen=True, slots=True)
class Ranked:
    """The numbers of all pictures, best first, each with how probable the search calls it, 0..1; which of them it is
    confident of; and what turning the text into a vector took.
    """

    numbers: list[int]
    probabilities: list[float]
    confident: frozenset[int]
    encoding_seconds: float


class ThrowAwayLibrary:
    """A process with a data folder, a database and one encoder of its own. First `load`, then `fill`, then questions.

    Each verb raises what the process raised, and EvaluationStopped if the process died. `calibrations` is a folder of
    lines that were fitted, if there is one: its searches are judged by them, as those of the site are.
    """

    def __init__(self, encoder: str, data_dir: Path, *, calibrations: Path | None = None) -> None:
        if calibrations is not None and calibrations.is_dir():
            shutil.copytree(calibrations, data_dir / calibrations.name)
        settings = [f"IMAGESEARCH_DATA_DIR={data_dir}", f"IMAGESEARCH_ENCODER={encoder}"]
        without = [word for name in NOT_OF_THE_SITE for word in ("-u", name)]
        self.encoder = encoder
        self._process = subprocess.Popen(  # noqa: S603 -- our own module, by our own interpreter
            ["/usr/bin/env", *without, *settings, sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=PROJECT,
            encoding="utf-8",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the process: by the end of its questions, or at once if anything went wrong."""
        if error is not None:
            self._process.kill()
        self._process.communicate(timeout=END_SECONDS)

    def load(self) -> LoadedEncoder:
        """Wait until the encoder is ready and the database is made."""
        answer = self._ask("load")
        return LoadedEncoder(EncoderKey(answer["id"], answer["revision"]), answer["dimension"])

    def fill(self, folder: Path, progress: Callable[[int], None]) -> Filled:
        """Import all files of a folder, whose names are the pictures' numbers, as the site imports."""
        answer = self._ask("fill", progress, folder=str(folder))
        return Filled(frozenset(answer["searchable"]), answer["encoded"], answer["encoding_seconds"])

    def rank(self, text: str) -> Ranked:
        """Search for a text as the site searches. Of the same bytes under several numbers, all stand together."""
        answer = self._ask("rank", text=text)
        return Ranked(
            answer["numbers"], answer["probabilities"], frozenset(answer["confident"]), answer["encoding_seconds"]
        )

    def similar_to(self, number: int) -> list[int]:
        """Return the numbers of all other pictures, the most similar first, as the site shows them beside a picture.

        The same bytes under other numbers stand before all others.
        """
        found: list[int] = self._ask("similar_to", number=number)["numbers"]
        return found

    def nearest_to_copies(self, number: int) -> list[Sequence[int]]:
        """Search with each altered copy of a picture; return the numbers of the picture that comes first."""
        found: list[Sequence[int]] = self._ask("nearest_to_copies", number=number)["numbers"]
        return found

    def _ask(self, verb: str, progress: Callable[[int], None] = lambda _count: None, **values: Any) -> dict[str, Any]:
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None and answers is not None  # noqa: S101, PT018 -- pipes were asked for
        with suppress(BrokenPipeError):  # what the process said before it died says more
            requests.write(json.dumps({"verb": verb, **values}) + "\n")
            requests.flush()
        for line in answers:
            said = json.loads(line)
            if "error" in said:
                raise kind_named(said["error"])(**said["details"])
            if "answer" in said:
                found: dict[str, Any] = said["answer"]
                return found
            progress(said["progress"])
        raise EvaluationStopped(encoder_name=self.encoder, status=self._process.wait())
