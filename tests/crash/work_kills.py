"""Workers of one library, killed and beside each other: python -m tests.crash.work_kills MODE ...

Prints one JSON object. Each worker is a child that does what `manage.py work` does, with an encoder that costs nothing
and logs what it encodes.

kills PICTURES KILLS     pictures come while workers are killed, one after the other, at random moments
together PICTURES        three workers begin at one moment
import FOLDER            an import brings pictures in beside a worker
left PICTURES            a worker is killed at its first batch, while another one works that nobody starts again
reading PICTURES         a worker is killed while it reads what is written in the third picture
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.crash import library  # sets Django up

# isort: split
from django.conf import settings
from django.core.management import execute_from_command_line
from PIL import Image as PillowImage

from gallery.encoders.base import harmless_picture
from gallery.models import OPERATOR, Claim, Image, RecognisedText, User
from gallery.services.embedding import encoder_child
from gallery.services.ingest import accept_upload
from gallery.services.labels import check_labels
from gallery.services.maintenance import verify
from gallery.services.reading import reader_child
from tests import quick_reader
from tests.conftest import drawn_picture
from tests.crash.children import finished, in_child, kill, kill_when, let_the_server_notice
from tests.quick_encoder import QuickEncoder
from tests.waiting import until

WORKERS = 3


class LoggedEncoder(QuickEncoder):
    """Writes down each batch of the library that it encodes, and by which process; at its first one it may wait for
    others. What warms it up does not count.
    """

    def __init__(self, log: Path) -> None:
        super().__init__()
        self.path = log
        self.first_batch_needs = 1  # processes that are at theirs

    def encode_images(self, images: Sequence[PillowImage.Image]) -> Any:
        if [image.tobytes() for image in images] == [harmless_picture().tobytes()]:
            return super().encode_images(images)
        library.Log(self.path).write(process=os.getpid(), count=len(images))
        until(lambda: len(self.processes()) >= self.first_batch_needs, "the other workers have got something, too")
        return super().encode_images(images)

    def processes(self) -> set[int]:
        return {line["process"] for line in library.lines(self.path)}

    def count(self) -> int:
        return sum(line["count"] for line in library.lines(self.path))


def begin() -> LoggedEncoder:
    encoder = LoggedEncoder(settings.DATA_DIR / "encoded.log")
    encoder_child.CHILD_MODULE = "tests.quick_encoder_child"
    library.begin(encoder, embed_batch_size=2)
    return encoder


def work(*words: str) -> None:
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 -- this process ends with it
    execute_from_command_line(["manage.py", "work", *words])


def work_once() -> None:
    work("--once")


def bring_in(numbers: Sequence[int], *, pause_seconds: float = 0.0) -> None:
    """Accept pictures as a page does; each number is another one."""
    owner = User.objects.get(username="alice")
    for number in numbers:
        file = BytesIO(drawn_picture(f"hsl({number * 37 % 360}, 70%, 50%)", size=(40 + number, 30)))
        accept_upload(file, owner=owner, name=f"{number}.png", labels=check_labels(), by=OPERATOR)
        time.sleep(pause_seconds)


def bring_in_one(colour: str) -> None:
    owner = User.objects.get(username="alice")
    file = BytesIO(drawn_picture(colour))
    accept_upload(file, owner=owner, name=f"{colour}.png", labels=check_labels(), by=OPERATOR)


def end(worker: int) -> bool:
    """Tell a worker to end; return whether it did so well."""
    os.kill(worker, signal.SIGTERM)
    return os.waitpid(worker, 0)[1] == 0


def state(encoder: LoggedEncoder) -> dict[str, Any]:
    found = verify()
    return {
        "searchable": found.indexed,
        "waiting": found.pending,
        "failed": found.failed,
        "rows": found.rows,
        "rows_of_pictures": len(set(Image.objects.searchable().values_list("embedding_row", flat=True))),
        "problems": [problem.code for problem in found.problems],
        "claims": Claim.objects.count(),
        "encoded": encoder.count(),
    }


def kills(pictures: int, kills: int) -> dict[str, Any]:
    encoder, source, half_done = begin(), random.Random(3), 0
    visitors = in_child(lambda: bring_in(range(pictures), pause_seconds=0.02))
    for _ in range(kills):
        seen = encoder.count()
        kill_when(lambda seen=seen: encoder.count() > seen, work_once, seconds=source.random() * 0.1)  # type: ignore[misc]
        half_done += Claim.objects.exists()
    assert os.waitpid(visitors, 0)[1] == 0, "who brings pictures in does not notice"
    finished(work_once)
    return {"half_done": half_done, **state(encoder)}


def together(pictures: int) -> dict[str, Any]:
    encoder = begin()
    finished(lambda: bring_in(range(pictures)))
    encoder.first_batch_needs = WORKERS
    workers = [in_child(work_once) for _ in range(WORKERS)]
    ended_well = [os.waitpid(worker, 0)[1] == 0 for worker in workers]
    return {"ended_well": ended_well, "at_work": len(encoder.processes()), **state(encoder)}


def import_beside(folder: str) -> dict[str, Any]:
    encoder = begin()
    worker = in_child(work)
    finished(lambda: library.run_quietly("import_images", folder))
    return {"ended_well": end(worker), **state(encoder)}


def left(pictures: int) -> dict[str, Any]:
    encoder = begin()
    finished(lambda: bring_in(range(pictures)))
    encoder.first_batch_needs = WORKERS  # it waits there: no third one comes
    doomed = in_child(work)
    until(encoder.count, "it is at its first batch")
    encoder.first_batch_needs = 1
    other = in_child(work)
    until(lambda: Image.objects.searchable().count() == pictures - 2, "the other one does all the rest")
    until(lambda: Claim.objects.count() == 2, "it lets go of what is done")
    was_killed = kill(doomed)
    until(lambda: not Image.objects.pending().exists(), "it goes on with what was left")
    ended_well = end(other)
    let_the_server_notice()
    return {"killed": was_killed, "ended_well": ended_well, **state(encoder)}


def reading(pictures: int) -> dict[str, Any]:
    encoder, gate = begin(), settings.DATA_DIR / "gate"
    os.environ[quick_reader.GATE] = str(gate)
    reader_child.CHILD_MODULE = quick_reader.MODULE
    finished(lambda: bring_in(range(2)))
    finished(lambda: bring_in_one("black"))
    finished(lambda: bring_in(range(2, pictures - 1)))
    finished(work_once)  # embeds them all; reading is off
    settings.GALLERY |= {"reads_text": True}
    doomed = in_child(work)
    until(lambda: RecognisedText.objects.count() == 2, "it is at the third picture")
    was_killed = kill(doomed)
    let_the_server_notice()
    half_done = Claim.objects.exists()
    gate.touch()
    finished(work_once)
    texts = [read.read for read in RecognisedText.objects.all()]
    read = sum(len(text.lines) == len(quick_reader.READ) for text in texts)
    return {"killed": was_killed, "half_done": half_done, "read": read, **state(encoder)}


def main(mode: str, *words: str) -> None:
    match mode:
        case "kills":
            report = kills(int(words[0]), int(words[1]))
        case "together":
            report = together(int(words[0]))
        case "import":
            report = import_beside(words[0])
        case "left":
            report = left(int(words[0]))
        case "reading":
            report = reading(int(words[0]))
        case _:
            raise SystemExit(__doc__)
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
