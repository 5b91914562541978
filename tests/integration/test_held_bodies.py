"""How much of what is sent lies in a serving process at once, and of whom."""

import errno
import os
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.test import Client

from gallery.errors import ServerBusy, StorageFull
from gallery.models import ApiToken
from imagesearch_project.serving import bodies
from imagesearch_project.serving.adapter import _max_body_bytes
from imagesearch_project.serving.bodies import KEPT_IN_MEMORY_BYTES, Body, BodyLimits, BodyReader
from imagesearch_project.serving.senders import Sender, Senders
from imagesearch_project.serving.spool import clear_spool, spool_folder, spool_in
from tests.asynchronous import run_async
from tests.full_disk import fill_disk_of_spool

LIMITS = BodyLimits(silence_seconds=60, grace_seconds=60, bytes_per_second=1, total_bytes=1_000, strangers_bytes=300)
LARGE = replace(LIMITS, total_bytes=1_000_000, strangers_bytes=1_000_000)
pytestmark = pytest.mark.django_db(transaction=True)


async def chunks(size_bytes: int) -> AsyncIterator[bytes]:
    for _ in range(size_bytes // 100):
        yield b"x" * 100


def sender(cookie: str = "", authorization: str = "") -> Sender:
    return Senders().of(SimpleNamespace(headers={"cookie": cookie, "authorization": authorization}))


def session_of(user) -> str:
    client = Client()
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


async def read(reader: BodyReader, size_bytes: int, by: Sender, *, max_bytes: int = 10_000) -> Body:
    return await reader.read(chunks(size_bytes), by, max_bytes=max_bytes)


@pytest.mark.parametrize("cookie", ["", "sessionid=forged", f"{settings.SESSION_COOKIE_NAME}={'a' * 32}"])
def test_strangers_take_their_part_and_no_more(alice, cookie):
    async def run() -> tuple[int, int]:
        reader = BodyReader(LIMITS)
        first = await read(reader, 300, sender(cookie))
        with pytest.raises(ServerBusy):
            await read(reader, 100, sender(cookie))
        held_bytes = reader.held_bytes
        reader.release(first)
        return held_bytes, reader.strangers_bytes

    assert run_async(run()) == (300, 0)


@pytest.mark.parametrize("kind", ["session", "token"])
def test_members_are_read_while_strangers_fill_their_part(alice, kind):
    by = sender(session_of(alice)) if kind == "session" else sender("", f"Bearer {ApiToken.objects.issue(alice)}")

    async def run() -> list[int]:
        reader = BodyReader(LIMITS)
        strangers = await read(reader, 200, sender())
        members = await read(reader, 700, by)
        held = [reader.held_bytes, reader.strangers_bytes]
        with pytest.raises(ServerBusy):
            await read(reader, 200, by)
        reader.release(strangers)
        reader.release(members)
        return [*held, reader.held_bytes, reader.strangers_bytes]

    assert run_async(run()) == [900, 200, 0, 0]


def test_body_over_its_limit_leaves_nothing_behind(alice):
    async def run() -> tuple[int, int, int]:
        reader = BodyReader(LIMITS)
        body = await read(reader, 300, sender(), max_bytes=200)
        reader.release(body)
        return body.size_bytes, reader.held_bytes, reader.strangers_bytes

    assert run_async(run()) == (300, 0, 0)


def test_many_pictures_are_read_of_members_only(alice):
    scope = SimpleNamespace(path="/upload/")
    one, many = 70_000_000, 200_000_000
    forged = sender(f"{settings.SESSION_COOKIE_NAME}=forged")

    async def longest(announced: int | None, by: Sender) -> int:
        return await _max_body_bytes(scope, announced, by)

    async def run() -> list[bool]:
        member = sender(session)
        return [await longest(size, by) > many for by in (member, forged, sender()) for size in (one, many, None)]

    session = session_of(alice)

    assert run_async(run()) == [True, True, True, *[False] * 6]


@pytest.fixture
def spool(settings, monkeypatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", None)
    spool_in(spool_folder())
    return settings.DATA_DIR / "tmp"


def file_of(body: Body) -> Path:
    return Path(os.readlink(f"/proc/self/fd/{body.file.fileno()}"))


@pytest.mark.parametrize(
    ("size_bytes", "is_on_disk"), [(KEPT_IN_MEMORY_BYTES, False), (KEPT_IN_MEMORY_BYTES + 100, True)]
)
def test_long_body_lies_in_the_folder_of_the_site(alice, spool, size_bytes, is_on_disk):
    async def run() -> Body:
        return await read(BodyReader(LARGE), size_bytes, sender(), max_bytes=1_000_000)

    body = run_async(run())

    assert (body.size_bytes, body.file._rolled) == (size_bytes, is_on_disk)
    assert body.file.read() == b"x" * size_bytes
    assert not is_on_disk or file_of(body).is_relative_to(spool)
    body.close()


def test_full_disk_is_told_and_holds_nothing(alice, monkeypatch):
    fill_disk_of_spool(monkeypatch)

    async def run() -> int:
        reader = BodyReader(LARGE)
        with pytest.raises(StorageFull):
            await read(reader, KEPT_IN_MEMORY_BYTES + 100, sender(), max_bytes=1_000_000)
        return reader.held_bytes

    assert run_async(run()) == 0


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_too_many_open_files_are_a_rush(number):
    with pytest.raises(ServerBusy), bodies._disk_errors():
        raise OSError(number, os.strerror(number))


def test_what_a_killed_process_left_is_cleared_at_the_start(spool):
    (spool / "tmpabc.upload").write_bytes(b"left")
    (spool / "of somebody else").write_bytes(b"kept")

    clear_spool(spool)

    assert [path.name for path in spool.iterdir()] == ["of somebody else"]
