"""Changing the model in the admin: begun by a request, done by a process that outlives it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client

from gallery import jobs
from gallery.errors import TooManyLosses
from gallery.models import OPERATOR, Image, IndexState, Job, ModelChange, User
from gallery.services.embedding import model_change, model_change_run
from gallery.services.embedding.model_change import change_model
from gallery.services.long_kinds import LONG_KINDS
from gallery.services.waiting_jobs import run_next
from tests.conftest import drawn_picture
from tests.integration.test_model_change import Killed, after, kill
from tests.pages import text_of
from tests.quick_encoder import QuickEncoder, WideEncoder
from tests.waiting import PATIENCE_SECONDS, until

PAGE = "/admin/gallery/indexstate/1/change/"
MODEL = "/admin/gallery/indexstate/model/"
PROGRESS = f"{MODEL}progress/"


@pytest.fixture
def wide(wide, limits_of) -> WideEncoder:
    limits_of(encoder="auto", embed_batch_size=1)
    return wide


@pytest.fixture
def library(alice, upload, quick_encoder) -> list[Image]:
    return [upload(alice, f"{colour}.png", content=drawn_picture(colour)) for colour in ("red", "lime", "blue")]


@pytest.fixture
def begun(monkeypatch) -> list[str]:
    """What would be run in a process of its own: here it would meet another database."""
    commands: list[str] = []
    monkeypatch.setattr(jobs, "see_to_worker", lambda: commands.append("work"))
    return commands


@pytest.fixture
def administrator(transactional_db) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def stopped(library, wide) -> WideEncoder:
    with pytest.MonkeyPatch.context() as patch:
        after(wide, 2, kill, patch)
        with pytest.raises(Killed):
            change_model("clip:wide", by=OPERATOR)
    return wide


def test_page_offers_the_models_whose_weights_are_here(library, administrator):
    page = text_of(administrator.get(PAGE))

    assert "Searches are answered by “offline”." in page
    assert '<option value="offline">offline, once more from the originals</option>' in page
    assert "hx-get" not in page


def test_change_is_begun_where_tasks_run(library, wide, administrator, begun):
    page = text_of(administrator.post(MODEL, {"step": "begin", "name": "clip:wide"}, follow=True))

    assert begun == ["work"]
    assert "The library moves to “clip:wide”." in page
    assert "Starting…" in page
    assert f'hx-get="{PROGRESS}"' in page
    change = ModelChange.objects.get()
    assert change.asked_by is not None
    assert change.asked_by.username == "root"


def test_worker_carries_out_what_was_begun(library, wide, administrator, begun):
    administrator.post(MODEL, {"step": "begin", "name": "clip:wide"})

    job = run_next(LONG_KINDS)

    job.refresh_from_db()
    assert (job.kind, job.subject, job.status, job.done, job.total) == ("model_change", "clip:wide", "finished", 3, 3)
    assert job.actor.user.username == "root"
    assert (IndexState.objects.current().encoder_id, ModelChange.objects.exists()) == ("clip:wide", False)
    assert "Searches are answered by “clip:wide”." in text_of(administrator.get(PAGE))


def test_begun_change_that_is_given_up_waits_no_longer(library, wide, administrator, begun):
    administrator.post(MODEL, {"step": "begin", "name": "clip:wide"})

    administrator.post(MODEL, {"step": "cancel"})

    assert Job.objects.get().status == "cancelled"
    assert run_next(LONG_KINDS) is None
    assert IndexState.objects.current().encoder_id == QuickEncoder().id


def test_unknown_model_is_said(library, administrator, begun):
    page = text_of(administrator.post(MODEL, {"step": "begin", "name": "ofline"}, follow=True))

    assert "There is no encoder “ofline”." in page
    assert (begun, ModelChange.objects.exists()) == ([], False)


def test_progress_is_shown_and_renewed(library, wide, administrator, monkeypatch):
    seen: list[str] = []
    after(wide, 2, lambda: seen.append(text_of(administrator.get(PROGRESS))), monkeypatch)
    monkeypatch.setattr(model_change, "change_is_running", lambda: True)  # the lock of this very thread

    change_model("clip:wide", by=OPERATOR)
    last = administrator.get(PROGRESS)

    assert "At work." in seen[0]
    assert "1 of 3 pictures (33 %), less than a minute left" in seen[0]
    assert last.headers["HX-Refresh"] == "true"


def test_stopped_change_is_continued_or_given_up(library, stopped, administrator, begun):
    page = text_of(administrator.get(PAGE))
    assert "Stopped; what is done is kept." in page
    assert "1 of 3 pictures (33 %)" in page

    administrator.post(MODEL, {"step": "continue"})
    assert begun == ["work"]

    page = text_of(administrator.post(MODEL, {"step": "cancel"}, follow=True))
    assert "The change was given up. The index is as it was." in page
    assert not ModelChange.objects.exists()


@pytest.fixture
def no_losses(monkeypatch) -> None:
    monkeypatch.setattr(model_change_run, "LOSSES_ALWAYS_ACCEPTED", 0)


@pytest.mark.usefixtures("no_losses", "wide")
def test_failures_are_listed_and_tried_again(library, administrator, begun, data_dir):
    next((data_dir / "media" / "originals").rglob(f"{library[0].sha256}*")).unlink()
    with pytest.raises(TooManyLosses):
        change_model("clip:wide", by=OPERATOR)

    page = text_of(administrator.get(PAGE, headers={"Accept-Language": "zh-hans"}))
    administrator.post(MODEL, {"step": "retry"})
    administrator.post(MODEL, {"step": "accept"})

    assert "有 1 张图片无法被它读取" in page
    assert "red.png</a>: 此图片的原文件已不在存储中" in page
    assert "会使 3 张可搜索图片中的 1 张丢失" in page
    replaced, waiting = Job.objects.order_by("pk")
    assert (replaced.status, replaced.details["retry_failed"]) == ("cancelled", True)
    assert (waiting.status, waiting.details) == ("waiting", {"retry_failed": False, "accept_failures": True})
    assert begun == ["work", "work"]


@pytest.mark.parametrize("step", [{}, {"step": ""}, {"step": "beginn"}])
def test_unknown_step_begins_no_change(library, wide, administrator, begun, step):
    response = administrator.post(MODEL, {**step, "name": "clip:wide"})

    assert response.status_code == 400
    assert begun == []
    assert ModelChange.objects.current() is None


def test_only_administrators_change_the_model(library, wide, visitors, begun):
    answers = {name: client.post(MODEL, {"step": "begin", "name": "clip:wide"}) for name, client in visitors.items()}
    pages = {name: client.get(PROGRESS).status_code for name, client in visitors.items()}

    assert {name: answer.status_code for name, answer in answers.items()} == {
        "anonymous": 302, "alice": 302, "bob": 302, "charlie": 302, "staff": 403,
    }  # fmt: skip
    assert pages == {"anonymous": 302, "alice": 302, "bob": 302, "charlie": 302, "staff": 200}
    assert "Change model" not in text_of(visitors["staff"].get(PAGE))
    assert begun == []
    assert not ModelChange.objects.exists()
    assert IndexState.objects.current().encoder_id == QuickEncoder().id


# The process itself


SITE = """
import django; django.setup()
from gallery.models import Image, IndexState, ModelChange, User
"""
BRING_IN = """
from io import BytesIO
from django.core.management import call_command
from gallery.models import OPERATOR
from gallery.services.ingest import accept_upload
from gallery.services.labels import check_labels
from tests.conftest import drawn_picture
call_command("migrate", verbosity=0, skip_checks=True)
owner = User.objects.create_superuser("root")
accept_upload(BytesIO(drawn_picture("red")), owner=owner, name="red.png", labels=check_labels(), by=OPERATOR)
print(Image.objects.count())
"""
BEGIN = """
from django.test import Client
client = Client(SERVER_NAME="localhost")
client.force_login(User.objects.get())
print(client.post("/admin/gallery/indexstate/model/", {"step": "begin", "model": "offline"}).status_code)
"""
STATE = "print(IndexState.objects.current().epoch, ModelChange.objects.count(), Image.objects.searchable().count())"


@pytest.fixture
def ask(tmp_path) -> Callable[[str], str]:
    """Run code in a process of its own, on a site of its own with the real encoder."""
    environment = {**os.environ, "IMAGESEARCH_DATA_DIR": str(tmp_path / "site")}
    environment |= {"DJANGO_SETTINGS_MODULE": "tests.settings", "IMAGESEARCH_ENCODER": "offline"}
    environment |= {"IMAGESEARCH_STARTS_WORKER": "true"}

    def run(code: str) -> str:
        command = [sys.executable, "-c", SITE + code]
        ran = subprocess.run(
            command,
            cwd=django_settings.BASE_DIR,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        assert ran.returncode == 0, ran.stderr[-2000:]
        return ran.stdout.strip()

    return run


def test_process_outlives_the_one_that_began_it(ask, tmp_path):
    log: Path = tmp_path / "site" / "logs" / "work.log"
    assert ask(BRING_IN) == "1"
    until(lambda: ask(STATE) == "1 0 1", f"the picture is embedded; {log} may say why")
    assert ask(BEGIN) == "302"  # and the process of this request is gone

    until(lambda: ask(STATE) == "2 0 1", f"the change ends; {log} may say why")
