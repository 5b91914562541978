"""Every picture is searchable, queued, or failed with a reason; one bad picture stops nobody."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command

from gallery.errors import EncoderUnavailable
from gallery.models import OPERATOR, Image, User
from gallery.services.embedding import encoder_deaths
from gallery.services.embedding.claimed_images import embed_pending
from gallery.services.importing import find_files, import_files
from gallery.services.labels import check_labels
from gallery.services.maintenance import verify
from tests.conftest import drawn_picture
from tests.integration.api_client import API, Api
from tests.quick_encoder import QuickEncoder
from tests.separate_python import printed_by
from tests.waiting import PATIENCE_SECONDS

COLOURS = ("red", "lime", "blue", "yellow", "gray")
BLUE = (0, 0, 255)


@pytest.fixture
def queued(quick_worker) -> None:
    """Nothing is embedded when it is uploaded."""
    quick_worker.works = False


@pytest.fixture
def waiting(alice, upload, quick_encoder, queued) -> list[Image]:
    return [upload(alice, f"{colour}.png", content=drawn_picture(colour)) for colour in COLOURS]


@pytest.fixture
def broken_at_blue(quick_encoder, monkeypatch) -> QuickEncoder:
    return breaking(quick_encoder, monkeypatch, RuntimeError("bad shape"))


def breaking(encoder: QuickEncoder, monkeypatch: pytest.MonkeyPatch, error: Exception) -> QuickEncoder:
    real = encoder.encode_images

    def encode(images: Any) -> Any:
        if any(image.getpixel((0, 0)) == BLUE for image in images):
            raise error
        return real(images)

    monkeypatch.setattr(encoder, "encode_images", encode)
    return encoder


def counts() -> list[int]:
    totals = Image.objects.statistics()
    assert totals.images == totals.searchable + totals.pending + totals.failed
    return [totals.searchable, totals.pending, totals.failed]


# A bad picture


def test_picture_that_the_encoder_breaks_at_fails_alone(waiting, broken_at_blue):
    report = embed_pending()

    assert (report.embedded, report.failed, counts()) == (4, 1, [4, 0, 1])
    [failed] = Image.objects.failed()
    assert failed == waiting[2]
    assert failed.failure.message == (
        "The model “offline” fails on this picture: RuntimeError: bad shape. "
        "Try again after an update or with another model."
    )
    found = verify()
    assert (found.ok, found.indexed, found.pending, found.failed) == (True, 4, 0, 1)


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), MemoryError("no room")])
def test_fault_of_the_machine_leaves_the_picture_in_the_queue(waiting, quick_encoder, error, caplog):
    with pytest.MonkeyPatch.context() as patch:
        breaking(quick_encoder, patch, error)
        report = embed_pending()

    assert (report.embedded, report.failed, counts()) == (4, 1, [4, 1, 0])
    assert str(error) in caplog.text
    assert embed_pending().embedded == 1


def test_broken_encoder_fails_no_picture(waiting, quick_encoder, monkeypatch):
    monkeypatch.setattr(quick_encoder, "encode_images", lambda _: 1 / 0)

    with pytest.raises(EncoderUnavailable, match="ZeroDivisionError"):
        embed_pending()

    assert counts() == [0, 5, 0]


def test_import_goes_on_behind_a_picture_that_the_encoder_breaks_at(alice, broken_at_blue, tmp_path):
    for colour in COLOURS:
        (tmp_path / f"{colour}.png").write_bytes(drawn_picture(colour))

    report = import_files(find_files([tmp_path], recursive=False), owner=alice, labels=check_labels(), by=OPERATOR)

    assert report.added == 5
    assert [failure.path for failure in report.failed] == ["blue.png"]
    assert counts() == [4, 0, 1]


# A deadly picture


def run_until_it_lives(data_dir: Path, work: str, *, at_most: int) -> int:
    """Run a worker whose encoder dies at blue until one ends by itself; return how many died."""
    command = [sys.executable, "-m", "tests.crash.encoder_deaths", work]
    for died in range(at_most):
        ran = subprocess.run(
            command,
            cwd=django_settings.BASE_DIR,
            env={**os.environ, "IMAGESEARCH_DATA_DIR": str(data_dir)},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        if ran.returncode == 0:
            return died
        assert ran.returncode == -signal.SIGSEGV, ran.stderr[-2000:]
    raise AssertionError("it died each time")


@pytest.fixture
def site(tmp_path) -> Callable[..., Any]:
    """A data folder of its own, asked through `manage.py shell`."""
    folder = tmp_path / "site"

    def ask(code: str) -> str:
        environment = {**SITE, "IMAGESEARCH_DATA_DIR": str(folder)}
        return printed_by("-c", f"{SETUP}\n{code}", timeout_seconds=PATIENCE_SECONDS, **environment).strip()

    folder.mkdir()
    ask(BRING_IN)
    return ask


SITE = {
    "DJANGO_SETTINGS_MODULE": "tests.settings",
}
SETUP = """
import django; django.setup()
from gallery.encoders import registry
from gallery.models import OPERATOR, Image, ModelChange, NextEmbedding, User
from tests.quick_encoder import QuickEncoder
registry.use_encoder(QuickEncoder())
"""
BRING_IN = f"""
from io import BytesIO
from django.core.management import call_command
from gallery.services.ingest import accept_upload
from gallery.services.labels import check_labels
from tests.conftest import drawn_picture
call_command("migrate", verbosity=0, skip_checks=True)
owner = User.objects.create_user("alice")
for colour in {COLOURS}:
    accept_upload(BytesIO(drawn_picture(colour)), owner=owner, name=colour, labels=check_labels(), by=OPERATOR)
"""
STATES = "print(sorted((image.original_name, str(image.search_status)) for image in Image.objects.all()))"


def test_picture_at_which_processes_die_is_left_out_and_the_others_are_embedded(site, tmp_path):
    died = run_until_it_lives(tmp_path / "site", "embed", at_most=9)

    assert died == 1  # the next one tries the pictures of that batch in processes of their own
    states = [(colour, "failed" if colour == "blue" else "searchable") for colour in sorted(COLOURS)]
    assert site(STATES) == str(states)
    assert site("print(Image.objects.get(original_name='blue').failure.message)").startswith(
        "The process that encoded this picture alone was ended by the signal SIGSEGV, 3 times, so the picture is left "
        "out."
    )
    assert site("print(set(Image.objects.values_list('embed_deaths', flat=True)))") == "{0}"  # a retry begins anew
    assert not list((tmp_path / "site" / "locks" / "encoding").iterdir())


def test_change_of_the_model_leaves_out_the_picture_at_which_it_dies(site, tmp_path):
    site("from gallery.services.embedding.claimed_images import embed_pending; embed_pending()")

    died = run_until_it_lives(tmp_path / "site", "change", at_most=9)

    assert died == 1  # the next one tries the pictures of that batch in processes of their own
    states = [(colour, "failed" if colour == "blue" else "searchable") for colour in sorted(COLOURS)]
    assert site(STATES) == str(states)
    assert site("print(set(Image.objects.values_list('embed_deaths', flat=True)))") == "{0}"  # a retry begins anew


def test_worker_that_lives_is_not_taken_for_a_dead_one(waiting, quick_encoder, monkeypatch):
    real = quick_encoder.encode_images

    def encode_beside_another(images: Any) -> Any:
        encoder_deaths.count_deaths()  # as a worker that begins now
        return real(images)

    monkeypatch.setattr(quick_encoder, "encode_images", encode_beside_another)

    assert embed_pending().embedded == 5

    assert not Image.objects.filter(embed_deaths__gt=0).exists()


# Trying again


@pytest.fixture
def failed(waiting) -> Image:
    embed_pending()
    Image.objects.filter(pk=waiting[0].pk).update(embedding_row=None, embed_error="gone")
    return waiting[0]


def test_command_tries_failed_ones_again(failed, capsys):
    call_command("embed_pending", "--json")
    assert counts() == [4, 0, 1]

    call_command("embed_pending", "--retry-failed", "--json")

    assert counts() == [5, 0, 0]


def test_api_tries_one_again_for_whoever_may_change_it(failed, charlie, staff, quick_worker):
    quick_worker.works = True
    path = f"/images/{failed.pk}/retry/"
    Image.objects.filter(pk=failed.pk).update(visibility="public")

    answers = [Api(user).post(path).status_code for user in (None, charlie)]
    body = Api(failed.owner).post(path).json()

    assert answers == [401, 403]
    assert (body["status"], body["embed_error"]) == ("searchable", "")
    assert Api(staff).post("/images/999/retry/").status_code == 404
    assert Api().client.get(f"{API}{path}").status_code == 405


def test_api_tries_all_of_ones_own_again(failed, charlie, quick_worker):
    quick_worker.works = True

    others = Api(charlie).post("/stats/retry/").json()
    body = Api(failed.owner).post("/stats/retry/").json()

    assert (others["tried"], others["mine"]["failed"]) == (0, 0)
    assert (body["tried"], body["mine"]["failed"], body["mine"]["searchable"]) == (1, 0, 5)
    assert Api().post("/stats/retry/").status_code == 401


def test_page_shows_why_it_failed_again(failed, client, data_dir, quick_worker):
    quick_worker.works = True
    next((data_dir / "media" / "originals").rglob(f"{failed.sha256}*")).unlink()
    client.force_login(User.objects.get(pk=failed.owner_id))

    page = client.post("/library/retry/", follow=True).content.decode()

    assert "failed again" not in page  # that is only known once a worker has tried
    assert "no longer in the storage" in page
