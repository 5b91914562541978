"""Pictures in a bucket of S3, and what people get while the bucket is away, slow, gone or closed to us."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from gallery import checks
from gallery.checks import bucket_check
from gallery.errors import StorageUnavailable
from gallery.imaging import THUMBNAIL_SIZES_PX
from gallery.models import OPERATOR, Image
from gallery.services.embedding.claimed_images import embed_pending
from gallery.services.maintenance import repair, verify
from gallery.services.media import original_path, thumbnail_path
from gallery.storage.bucket import BucketStorage
from tests.conftest import drawn_picture
from tests.integration.api_client import Api
from tests.pages import as_user, text_of
from tests.waiting import until

BUCKET = "pictures"
SILENCE_SECONDS = 1
SIZE_PX = min(THUMBNAIL_SIZES_PX)
pytestmark = pytest.mark.usefixtures("quick_encoder")


@pytest.fixture
def use_bucket(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the pictures lie in the bucket of the service at this port of loopback."""
    for name, value in {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)

    def use(port: int) -> None:
        options = {
            "bucket_name": BUCKET,
            "endpoint_url": f"http://127.0.0.1:{port}",
            "default_acl": "private",
            "timeout_seconds": SILENCE_SECONDS,
        }
        bucket = {"BACKEND": "gallery.storage.bucket.BucketStorage", "OPTIONS": options}
        settings.STORAGES = {**settings.STORAGES, "default": bucket}

    return use


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def running_service() -> Iterator[tuple[int, Any]]:
    """Yield the port of an S3 service in a process of its own, and a client of it."""
    port = _free_port()
    server = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )

    def answers() -> bool:
        try:
            return bool(client.list_buckets())
        except (BotoCoreError, ClientError):
            return False

    try:
        until(answers, "the S3 service answers")
        yield port, client
    finally:
        process.kill()
        process.wait()


class BadService(BaseHTTPRequestHandler):
    """Answers nothing in time, or refuses everything."""

    status = 403

    def _answer(self) -> None:
        if self.status == 0:
            time.sleep(4 * SILENCE_SECONDS)
        self.send_response(self.status or 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _answer  # noqa: N815 -- the names of the standard library

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def bad_service(status: int) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Service", (BadService,), {"status": status}))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def missing_bucket() -> Iterator[int]:
    with running_service() as (port, _client):
        yield port


@contextmanager
def nobody_there() -> Iterator[int]:
    yield _free_port()


TROUBLES: dict[str, Callable[[], Any]] = {
    "away": nobody_there,
    "slow": lambda: bad_service(0),
    "refuses": lambda: bad_service(403),
    "broken": lambda: bad_service(500),
    "without the bucket": missing_bucket,
}


def file(colour: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(f"{colour}.png", drawn_picture(colour), "image/png")


def test_pictures_lie_in_the_bucket_and_come_back_and_go(alice, use_bucket):
    with running_service() as (port, client):
        client.create_bucket(Bucket=BUCKET)
        use_bucket(port)
        api = Api(alice)

        made = api.post_form("/images/", file=file("red"))
        image = Image.objects.get()
        pages = as_user(alice)
        original = pages.get(f"/images/{image.pk}/original/")
        default_storage.delete(thumbnail_path(image.sha256, SIZE_PX))
        thumbnail = api.get(f"/images/{image.pk}/thumbnail/{SIZE_PX}/")
        again = api.post_form("/images/", file=file("red"))
        keys = [each["Key"] for each in client.list_objects_v2(Bucket=BUCKET)["Contents"]]
        ready = Client().get("/readyz").json()["parts"]["files"]

        assert (made.status_code, again.status_code) == (201, 200)
        assert image.embedding_row is not None
        assert b"".join(original.streaming_content) == drawn_picture("red")
        assert b"".join(thumbnail.streaming_content)[8:12] == b"WEBP"
        assert sorted({key.split("/")[0] for key in keys}) == ["originals", "thumbnails"]
        assert ready == "ok"


def test_verifying_lists_the_bucket_and_tells_what_is_gone_cut_short_and_nobodys(alice, use_bucket, monkeypatch):
    with running_service() as (port, client):
        client.create_bucket(Bucket=BUCKET)
        use_bucket(port)
        api = Api(alice)
        for colour in ("red", "lime", "blue"):
            api.post_form("/images/", file=file(colour))
        whole = verify().problems
        gone, short, _whole = Image.objects.order_by("pk")
        default_storage.delete(original_path(gone.sha256, gone.format))
        client.put_object(Bucket=BUCKET, Key=original_path(short.sha256, short.format), Body=b"half")
        orphans = [f"originals/ab/cd/{'ab' * 32}.png", f"thumbnails/320/ab/cd/{'ab' * 32}.webp", "originals/stray"]
        for key in orphans:
            client.put_object(Bucket=BUCKET, Key=key, Body=b"x")
        asked_alone: list[str] = []
        size = BucketStorage.size
        monkeypatch.setattr(BucketStorage, "size", lambda self, name: (asked_alone.append(name), size(self, name))[1])

        problems = [(problem.code, problem.detail) for problem in verify().problems]

        assert whole == ()
        assert problems == [
            ("original_missing", f"The original file of picture {gone.pk} is gone."),
            (
                "original_damaged",
                f"The original file of picture {short.pk} has 4 bytes; {short.size_bytes} were uploaded.",
            ),
            *(("orphan_file", key) for key in orphans),
        ]
        assert len(asked_alone) == 2
        default_storage.delete(original_path(short.sha256, short.format))
        assert [problem.code for problem in repair(by=OPERATOR).problems] == ["original_missing"] * 2


def test_a_service_that_does_not_answer_is_no_missing_file(alice, upload, use_bucket):
    upload(alice, content=drawn_picture("blue"))
    with bad_service(403) as port:
        use_bucket(port)

        with pytest.raises(StorageUnavailable):
            verify()


@pytest.mark.parametrize("trouble", TROUBLES)
def test_bucket_in_trouble_is_503_with_the_reason_and_nothing_is_half_stored(alice, upload, use_bucket, trouble):
    image = upload(alice, content=drawn_picture("blue"))
    pages, api = as_user(alice), Api(alice)
    with TROUBLES[trouble]() as port:
        use_bucket(port)
        began = time.monotonic()
        answers = {
            "page of the original": pages.get(f"/images/{image.pk}/original/"),
            "page of a thumbnail": pages.get(f"/images/{image.pk}/thumbnail/{SIZE_PX}/"),
            "upload at the page": pages.post("/upload/", {"files": file("red"), "visibility": "private"}),
            "original": api.get(f"/images/{image.pk}/original/"),
            "thumbnail": api.get(f"/images/{image.pk}/thumbnail/{SIZE_PX}/"),
            "upload": api.post_form("/images/", file=file("green")),
            "the same picture again": api.post_form("/images/", file=file("blue")),
        }
        seconds = time.monotonic() - began
        working = [pages.get(path).status_code for path in ("/", f"/images/{image.pk}/", "/library/", "/search/?q=red")]
        ready = Client().get("/readyz")

    statuses = {name: answer.status_code for name, answer in answers.items()}
    at_page = statuses.pop("upload at the page")
    assert statuses == dict.fromkeys(statuses, 503)
    assert {answer.headers.get("Retry-After") for name, answer in answers.items() if name in statuses} == {"30"}
    assert answers["upload"].json()["code"] == "storage_unavailable"
    assert "The storage of the pictures cannot be used now (" in answers["upload"].json()["message"]
    assert "The storage of the pictures cannot be used now (" in text_of(answers["upload at the page"])
    assert at_page >= 400
    assert Image.objects.count() == 1
    assert working == [200, 200, 200, 200]
    assert (ready.status_code, ready.json()["parts"]["files"]) == (503, "storage_unavailable")
    assert seconds < 60


def test_silent_service_is_not_asked_by_every_thread(alice, upload, use_bucket):
    image = upload(alice, content=drawn_picture("blue"))
    pages, path = as_user(alice), f"/images/{image.pk}/original/"
    with bad_service(0) as port:
        use_bucket(port)
        first = pages.get(path)
        asked = default_storage._silent_until
        others = [pages.get(path).status_code for _ in range(30)]

        assert first.status_code == 503
        assert others == [503] * 30
        assert 0 < asked == default_storage._silent_until


def test_bucket_that_is_away_leaves_pictures_waiting(alice, upload, use_bucket, quick_worker):
    quick_worker.works = False
    image = upload(alice, content=drawn_picture("blue"))
    use_bucket(_free_port())

    report = embed_pending()

    image.refresh_from_db()
    assert (report.embedded, image.is_pending, image.embed_error) == (0, True, "")


def test_bucket_that_is_away_keeps_nobody_from_deleting(alice, upload, use_bucket, caplog):
    image = upload(alice, content=drawn_picture("blue"))
    pages = as_user(alice)
    pages.post(f"/images/{image.pk}/delete/")
    use_bucket(_free_port())

    answer = pages.post("/trash/empty/", {"confirmed": "yes"})

    assert answer.status_code == 302
    assert not Image.objects.exists()
    assert "verify_index --repair" in caplog.text


def test_check_names_a_bucket_without_its_package(settings, monkeypatch):
    settings.S3_BUCKET = BUCKET
    monkeypatch.setattr(checks, "find_spec", lambda _name: None)

    [found] = bucket_check(None)

    assert (found.id, found.is_serious()) == ("gallery.E002", True)
    assert "pip install -r requirements-s3.txt" in found.hint


def test_check_warns_of_a_bucket_without_keys(settings, monkeypatch, tmp_path):
    settings.S3_BUCKET = BUCKET
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    assert [found.id for found in bucket_check(None)] == ["gallery.W004"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert bucket_check(None) == []
