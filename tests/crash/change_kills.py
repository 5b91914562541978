"""Kill changes of the model: python -m tests.crash.change_kills load PICTURES | points. Prints one JSON object.

`load`: the library moves to another model while two readers search it and a writer uploads and deletes; the change is
killed three times on its way. Every answer is checked against the truth in the space of the model that it names.
`points`: the change is killed at each named moment that it comes to.
"""

import colorsys
import itertools
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from tests.crash import library  # sets Django up

# isort: split
import gallery.search_index
from gallery.models import OPERATOR, Image, IndexState, ModelChange, User
from gallery.search_index import reset_search_index
from gallery.services.curation import delete_forever
from gallery.services.embedding import encoder_in_use
from gallery.services.embedding.model_change import change_model
from gallery.services.embedding.waiting_images import embed_images
from gallery.services.ingest import accept_upload
from gallery.services.labels import check_labels
from gallery.services.maintenance import verify
from gallery.services.search import ResultPage, find_images, similar_images
from tests.conftest import acting
from tests.crash.children import dies_at, finished, in_child, kill, let_the_server_notice, point_names
from tests.crash.index_kills import WRITERS
from tests.crash.library import Log, lines
from tests.quick_encoder import QuickEncoder, WideEncoder
from tests.searches import request_for
from tests.waiting import PATIENCE_SECONDS, until

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
    """Bring a picture in whose name is its colour, and embed it as a worker does."""
    out = BytesIO()
    PillowImage.new("RGB", (24, 24), colour_of(number)).save(out, "PNG")
    out.seek(0)
    owner = User.objects.get()
    name = f"{colour_of(number)}.png"
    image = accept_upload(out, owner=owner, name=name, labels=check_labels(), by=OPERATOR).image
    embed_images([image.pk])
    return image.pk


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
                page = similar_images(Image.objects.get(pk=asked["like"]), by=acting(user), top=TOP)
                assert page is not None
            else:
                page = find_images(request_for(asked["text"], top=TOP), by=acting(user))
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


def row_count() -> int:
    change = ModelChange.objects.current()
    return change.row_count if change else 0


def go_on(folder: Path) -> None:
    """Let the readers and the writer do something, however slow the machine is."""
    logs = [folder / name for name in ("answers-0", "answers-1", "writes")]
    before = [len(lines(log)) for log in logs]
    until(
        lambda: all(len(lines(log)) >= count + 12 for log, count in zip(logs, before, strict=True)),
        "they answer and write",
        pause_seconds=0.1,
    )


def change_as_far_as(pictures: int) -> None:
    """Change the model, and stand still before more pictures than that are done: to be killed, however late."""
    encoder, real, done = ENCODERS["clip:wide"], ENCODERS["clip:wide"].encode_images, 0

    def encode_images(images: Any) -> Any:
        nonlocal done
        done += len(images)
        if done > pictures:
            time.sleep(PATIENCE_SECONDS)
        return real(images)

    encoder.encode_images = encode_images
    change_model("clip:wide", by=OPERATOR)


def change_and_kill(pictures: int) -> list[int]:
    """Move the library, dying three times on the way; return how many rows there were each time."""
    left = []
    for share in (0.2, 0.5, 0.8):
        further = int(pictures * (share + 0.15)) - row_count()
        change = in_child(lambda further=further: change_as_far_as(further))
        until(lambda share=share: row_count() >= share * pictures, f"{share:.0%} of the pictures are done")
        assert kill(change), "the change ended by itself"
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
        go_on(folder)
        resumed = change_and_kill(pictures)
        go_on(folder)
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
    let_the_server_notice()
    reset_search_index()
    stable = dict(Image.objects.searchable().values_list("pk", "original_name"))
    user = User.objects.get()
    for number in range(5):
        text = f"colour {number}"
        answer = {"text": text} | record(find_images(request_for(text, top=TOP), by=acting(user)))
        assert list(faults_of(answer, stable)) == []
        assert answer["encoder"] == IndexState.objects.current().encoder_id


def points() -> dict[str, Any]:
    finished(lambda: begin(12))
    deaths, targets = Counter[str](), itertools.cycle(["clip:wide", "offline"])
    names = point_names(gallery.search_index, *WRITERS)
    for point in names:
        for nth in (1, 2):
            move = partial(change_model, next(targets), by=OPERATOR)
            if not dies_at(point, move, nth=nth):
                break
            deaths[point] += 1
            check_answers()
            assert {problem.code for problem in verify().problems} <= BETWEEN
            finished(move)
            check_moved(move.args[0])
    return {"deaths": dict(deaths), "points": names}


def check_moved(target: str) -> None:
    assert IndexState.objects.current().encoder_id == target
    check_answers()
    found = verify()
    assert (found.problems, found.pending, found.failed, found.indexed) == ((), 0, 0, 12)
    assert not ModelChange.objects.exists()


def main(mode: str, pictures: int) -> None:
    encoder_in_use.forget_encoder = lambda _name: None  # a child could not load it again
    library.begin(*ENCODERS.values(), encoder="auto", embed_batch_size=4)
    print(json.dumps(load(pictures, Path(os.environ["IMAGESEARCH_DATA_DIR"])) if mode == "load" else points()))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
