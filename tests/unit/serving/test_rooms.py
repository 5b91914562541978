"""A room of the server: who has a place in it, who waits, and who is sent away."""

import asyncio
import threading

import pytest

from gallery.errors import ServerBusy
from imagesearch_project.serving.rooms import RoomSize, ServingRoom
from tests.asynchronous import run_async

SMALL = RoomSize(threads=1, waiting=0, wait_seconds=60)


def test_room_keeps_the_place_of_whoever_left_until_its_thread_is_done():
    async def run() -> int:
        room, may_end = ServingRoom("room", SMALL), threading.Event()
        left = await room.begin(may_end.wait)
        waiter = asyncio.ensure_future(asyncio.shield(left))
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(ServerBusy):
            await room.begin(lambda: 1)

        may_end.set()
        await left
        return await (await room.begin(lambda: 2))

    assert run_async(run()) == 2


def test_room_is_free_again_after_work_that_failed():
    async def run() -> int:
        room = ServingRoom("room", SMALL)
        with pytest.raises(ZeroDivisionError):
            await (await room.begin(lambda: 1 // 0))
        return await (await room.begin(lambda: 2))

    assert run_async(run()) == 2


def test_room_sends_away_whoever_waited_long_enough():
    async def run() -> None:
        room, may_end = ServingRoom("room", RoomSize(threads=1, waiting=1, wait_seconds=0.01)), threading.Event()
        working = await room.begin(may_end.wait)
        with pytest.raises(ServerBusy):
            await room.begin(lambda: 1)

        may_end.set()
        await working
        room.check_open()

    run_async(run())


def test_room_forgets_who_left_while_waiting():
    async def run() -> int:
        room, may_end = ServingRoom("room", RoomSize(threads=1, waiting=1, wait_seconds=60)), threading.Event()
        working = await room.begin(may_end.wait)
        waiter = asyncio.ensure_future(room.begin(lambda: 1))
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.wait([waiter])
        room.check_open()

        may_end.set()
        await working
        return await (await room.begin(lambda: 2))

    assert run_async(run()) == 2
