"""Kill changes of the model: python -m tests.crash.change_kills load PICTURES | points. Prints one JSON object.

`load`: the library moves to another model while two readers search it and a writer uploads and deletes; the change is
killed three times on its way. Every answer is checked against the truth in the space of the model that it names.
`points`: the change is killed at each named moment that it comes to.

A process of its own: it forks, which is safe only where no other thread may hold a lock; so searches use one thread.
State lies in IMAGESEARCH_DATA_DIR, which must be empty.
"""

import colorsys
import itertools
import json
import os
import random
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

import numpy as np
from django.conf import settings
from django.core.management import call_command
from PIL import Image as PillowImage

import gallery.search_index
from gallery.encoders import registry
from gallery.models import OPERATOR, Image, IndexState, ModelChange, User
from gallery.search_index import reset_search_index
from gallery.services.curation import delete_forever
from gallery.services.embedding import encoder_in_use
from gallery.services.embedding.model_change import change_model
from gallery.services.ingest import accept_upload
from gallery.services.labels import check_labels
from gallery.services.maintenance import verify
from gallery.services.query import parse
from gallery.services.search import ResultPage, find_images, similar_images
from tests.crash.index_kills import dies_at, finished, point_names
from tests.crash.many_kills import in_child
from tests.crash.soak import Log, lines
from tests.quick_encoder import QuickEncoder, WideEncoder

TOP = 10
SECONDS_PER_PICTURE = 0.004  # so that there are moments to kill at
BETWEEN = {"stale_vectors", "next_orphan_vector"}  # all that a crash may leave until somebody goes on


class Slowly:
    """A mixin that gives each picture its time."""

    def encode_images(self, images: Any) -> Any:
        time.sleep(SECONDS_PER_PICTURE * len(images))
        return super().encode_images(images)


class SlowQuick(Slowly, QuickEncoder):
    pass


class SlowWide(Slowly, WideEncoder):
    pass


ENCODERS = {"offline": SlowQuick(), "clip:wide": SlowWide()}


def colour_of(number: int) -> str:
    """Return a colour that no other number has."""
    red, green, blue = colorsys.hls_to_rgb(number * 0.618034 % 1, 0.3 + number * 0.4142 % 0.4, 0.7)
    return f"#{int(red * 255):02x}{int(green * 255):02x}{int(blue * 255):02x}"


def upload(number: int) -> int:
    """Bring a picture in whose name is its colour."""
    out = BytesIO()
    PillowImage.new("RGB", (24, 24), colour_of(number)).save(out, "PNG")
    out.seek(0)
    owner = User.objects.get()
    return accept_upload(out, owner=owner, name=f"{colour_of(number)}.png", labels=check_labels(), by=OPERATOR).image.pk


def begin(count: int) -> None:
    for number in range(count):
        upload(number)
    assert Image.objects.searchable().count() == count


# The truth


@cache
def vector_of(encoder: str, name: str) -> np.ndarray:
    pixels = PillowImage.new("RGB", (24, 24), name.removesuffix(".png"))
    return ENCODERS[encoder]._vector(pixels).astype(np.float64)


@cache
def vector_of_text(encoder: str, text: str) -> np.ndarray:
    return ENCODERS[encoder].encode_texts([text])[0].astype(np.float64)


def faults_of(answer: dict[str, Any], stable: dict[int, str]) -> Iterator[str]:
    """Say what is wrong with an answer: see `load`.

    Its scores are those of the model that it names; of the pictures that are there all the time, it has the best ones.
    """
    if "error" in answer:
        yield f"failed: {answer['error']}"
        return
    if len(answer["ids"]) < TOP:
        yield "empty"
    encoder = answer["encoder"]
    like = answer.get("like")
    query = vector_of(encoder, stable[like]) if like else vector_of_text(encoder, answer["text"])
    scores = [float(vector_of(encoder, name) @ query) for name in answer["names"]]
    if not np.allclose(scores, answer["scores"], atol=2e-5):
        yield "mixed"
    others = {pk: float(vector_of(encoder, name) @ query) for pk, name in stable.items() if pk != like}
    found = [pk for pk in answer["ids"] if pk in others]
    missed = [score for pk, score in others.items() if pk not in found]
    if found and missed and max(missed) > min(others[pk] for pk in found) + 2e-5:
        yield "wrong"


# Who works on the library meanwhile


def record(page: ResultPage) -> dict[str, Any]:
    return {
        "encoder": page.encoder,
        "ids": page.image_ids,
        "names": [result.image.original_name for result in page.results],
        "scores": [result.score for result in page.results],
    }


def read_until_stopped(folder: Path, seed: int) -> None:
    log, source, user = Log(folder / f"answers-{seed}"), random.Random(seed), User.objects.get()
    stable = json.loads((folder / "stable").read_text())
    while not (folder / "stop").exists():
        asked: dict[str, Any] = {"text": f"colour {source.randrange(10**6)}"}
        if source.random() < 0.3:
            asked = {"like": source.choice(stable)}
        try:
            if "like" in asked:
                page = similar_images(Image.objects.get(pk=asked["like"]), user=user, top=TOP)
                assert page is not None
            else:
                page = find_images(parse(asked["text"]), user=user, top=TOP)
            log.write(**asked, **record(page))
        except Exception as error:  # noqa: BLE001 -- that nothing fails is what is tested
            log.write(error=f"{type(error).__name__}: {error}")


def write_until_stopped(folder: Path, first: int) -> None:
    """Upload and delete all the time; whatever fails is recorded."""
    log, own, number = Log(folder / "writes"), list[int](), first
    while not (folder / "stop").exists():
        try:
            own.append(upload(number))
            number += 1
            if len(own) > 8:
                delete_forever(Image.objects.filter(pk=own.pop(len(own) // 2)), by=OPERATOR)
            log.write(number=number)
        except Exception as error:  # noqa: BLE001 -- that nothing fails is what is tested
            log.write(error=f"{type(error).__name__}: {error}")
        time.sleep(0.02)


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not is_true():
        assert time.monotonic() < deadline, "nothing moves"
        time.sleep(0.003)


def row_count() -> int:
    change = ModelChange.objects.current()
    return change.row_count if change else 0


def count_answers(folder: Path) -> int:
    return sum(len(lines(folder / f"answers-{seed}")) for seed in range(2))


def change_and_kill(pictures: int) -> list[int]:
    """Move the library, dying three times on the way; return how many rows there were each time."""
    left = []
    for share in (0.2, 0.5, 0.8):
        change = in_child(lambda: change_model("clip:wide", by=OPERATOR))
        wait_until(lambda share=share: row_count() >= share * pictures)
        os.kill(change, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(change, 0)[1]), "the change ended by itself"
        left.append(row_count())
    finished(lambda: change_model("clip:wide", by=OPERATOR))
    return left


def load(pictures: int, folder: Path) -> dict[str, Any]:
    finished(lambda: begin(pictures))
    stable = dict(Image.objects.values_list("pk", "original_name"))
    (folder / "stable").write_text(json.dumps(list(stable)))
    workers = [in_child(lambda seed=seed: read_until_stopped(folder, seed)) for seed in range(2)]
    workers.append(in_child(lambda: write_until_stopped(folder, pictures)))
    try:
        resumed = change_and_kill(pictures)
        answered = count_answers(folder)
        wait_until(lambda: count_answers(folder) > answered + 20)
    finally:
        (folder / "stop").touch()
    failed = [status for worker in workers if (status := os.waitpid(worker, 0)[1])]

    answers = [line for seed in range(2) for line in lines(folder / f"answers-{seed}")]
    faults = Counter(fault for answer in answers for fault in faults_of(answer, stable))
    found = verify()
    return {
        "failed": failed,
        "faults": dict(faults),
        "answers": Counter(answer.get("encoder") for answer in answers),
        "writes": len(lines(folder / "writes")),
        "failed_writes": [line["error"] for line in lines(folder / "writes") if "error" in line],
        "resumed": resumed,
        "encoder": IndexState.objects.current().encoder_id,
        "counts": [found.pending, found.failed, found.indexed - Image.objects.count()],
        "problems": [problem.code for problem in found.problems],
    }


# Named moments


def check_answers() -> None:
    reset_search_index()
    stable = dict(Image.objects.searchable().values_list("pk", "original_name"))
    user = User.objects.get()
    for number in range(5):
        text = f"colour {number}"
        answer = {"text": text} | record(find_images(parse(text), user=user, top=TOP))
        assert list(faults_of(answer, stable)) == []
        assert answer["encoder"] == IndexState.objects.current().encoder_id


def all_points() -> list[str]:
    files = Path(gallery.search_index.__file__).parent.glob("*.py")
    own = {name for file in files for name in re.findall(r'crash_point\("(\w+)"\)', file.read_text())}
    return sorted(own) + point_names()


def points() -> dict[str, Any]:
    finished(lambda: begin(12))
    deaths, targets = Counter[str](), itertools.cycle(["clip:wide", "offline"])
    for point in all_points():
        for nth in (1, 2):
            move = partial(change_model, next(targets))
            if not dies_at(point, nth, move):
                break
            deaths[point] += 1
            check_answers()
            assert {problem.code for problem in verify().problems} <= BETWEEN
            finished(move)
            check_moved(move.args[0])
    return {"deaths": dict(deaths), "points": all_points()}


def check_moved(target: str) -> None:
    assert IndexState.objects.current().encoder_id == target
    check_answers()
    found = verify()
    assert (found.problems, found.pending, found.failed, found.indexed) == ((), 0, 0, 12)
    assert not ModelChange.objects.exists()


def main(mode: str, pictures: int) -> None:
    settings.GALLERY["search_threads"] = 1
    settings.GALLERY["encoder"] = "auto"
    settings.GALLERY["embed_batch_size"] = 4
    encoder_in_use.forget_encoder = lambda _name: None  # a child could not load it again
    for encoder in ENCODERS.values():
        registry.use_encoder(encoder)
    call_command("migrate", verbosity=0, skip_checks=True)
    User.objects.create_user("alice")
    print(json.dumps(load(pictures, Path(os.environ["IMAGESEARCH_DATA_DIR"])) if mode == "load" else points()))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
