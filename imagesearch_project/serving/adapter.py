"""Between granian and Django: each request is read whole, answered in its room, and sent without a thread waiting."""

import asyncio
import functools
import logging
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from django.urls import reverse
from granian.rsgi import HTTPProtocol, ProtocolClosed, Scope  # type: ignore[attr-defined]  # its stub hides two

from gallery.conf import gallery
from gallery.errors import ImageSearchError, ServerBusy
from gallery.request_size import REFUSED, SAFE_METHODS, largest_body_bytes
from gallery.rooms import GoesOnElsewhere, Room, answering_in, room_of

from .answers import Answer, Application, answer_of, send
from .bodies import BodyLimits, BodyReader, ClientGone
from .environ import environ_of
from .json_words import is_short_json, names_no_picture
from .rooms import RoomSize, ServingRoom
from .senders import Sender, Senders

logger = logging.getLogger(__name__)
REFUSALS = RoomSize(threads=1, waiting=200, wait_seconds=2)
DRAINED_SECONDS = 10
PLAIN = ("content-type", "text/plain")
BARE_BUSY = Answer(503, [PLAIN, ("retry-after", str(ServerBusy.retry_after_seconds))], b"Busy.")
BARE_FAILURE = Answer(500, [PLAIN], b"The site failed.")
HEALTHY_HEADERS = [
    ("content-type", "application/json"),
    ("cache-control", "max-age=0, no-cache, no-store, must-revalidate, private"),
    ("x-content-type-options", "nosniff"),
]
HEALTHY = {"GET": Answer(200, HEALTHY_HEADERS, b'{"status": "ok"}'), "HEAD": Answer(200, HEALTHY_HEADERS)}


class RoomsAdapter:
    """The application that granian calls for each request, in its loop.

    Whether the process lives is answered by the loop itself: each thread on the way would wait once more for the
    interpreter, among all that work for somebody.
    """

    def __init__(self, application: Application, sizes: Mapping[Room, RoomSize], limits: BodyLimits) -> None:
        self._application = application
        self._rooms = {room: ServingRoom(room.value, size) for room, size in sizes.items()}
        self._refusals = ServingRoom("refusals", REFUSALS)
        self._bodies = BodyReader(limits)
        self._senders = Senders()
        self._health_path = reverse("healthz")

    async def __call__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        if scope.path == self._health_path and scope.method in HEALTHY:
            send(HEALTHY[scope.method], protocol)
            return
        try:
            try:
                await self._answer(scope, protocol)
            except ImageSearchError as error:
                await self._refuse(scope, protocol, error)
        except (ClientGone, ProtocolClosed):
            protocol.response_empty(400, [("connection", "close")])
        except Exception:
            logger.exception("The server failed at %s %s", scope.method, scope.path)
            send(BARE_FAILURE, protocol)

    async def _answer(self, scope: Scope, protocol: HTTPProtocol) -> None:
        name = room_of(scope.method, scope.path)
        room = self._rooms[name]
        may_be_words = name is Room.PICTURE_SEARCH and is_short_json(scope)
        if not may_be_words:
            room.check_open()
        if scope.method in SAFE_METHODS:
            send(await self._answer_without_body(scope, name), protocol)
            return
        announced = _announced_bytes(scope)
        sender = self._senders.of(scope)
        max_bytes = await _max_body_bytes(scope, announced, sender)
        if announced is not None and announced > max_bytes:
            send(await _answered(await room.begin(self._work(scope, BytesIO(), announced))), protocol)
            await _drain(protocol)
            return
        body = await self._bodies.read(aiter(protocol), sender, max_bytes=max_bytes)
        try:
            if announced is not None and body.size_bytes < announced:
                raise ClientGone
            if may_be_words and names_no_picture(body.file):
                room = self._rooms[room_of("GET", scope.path)]
            working = await room.begin(self._work(scope, body.file, body.size_bytes))
        except BaseException:
            self._bodies.release(body)
            raise
        working.add_done_callback(lambda _: self._bodies.release(body))
        send(await _answered(working), protocol)

    async def _answer_without_body(self, scope: Scope, name: Room) -> Answer:
        """Answer in this room, or in the one where the request turns out to belong."""
        try:
            return await self._answer_in(name, scope)
        except GoesOnElsewhere as moved:
            return await self._answer_in(moved.room, scope)

    async def _answer_in(self, name: Room, scope: Scope) -> Answer:
        environ = environ_of(scope, BytesIO(), size_bytes=None)
        return await _answered(
            await self._rooms[name].begin(functools.partial(_answer_there, name, self._application, environ))
        )

    def _work(self, scope: Scope, file: Any, size_bytes: int) -> "functools.partial[Answer]":
        return functools.partial(answer_of, self._application, environ_of(scope, file, size_bytes=size_bytes))

    async def _refuse(self, scope: Scope, protocol: HTTPProtocol, error: ImageSearchError) -> None:
        """Answer as the door of this request does, without giving it to its view."""
        environ = environ_of(scope, BytesIO(), size_bytes=0) | {REFUSED: error}
        try:
            answer = await _answered(
                await self._refusals.begin(functools.partial(answer_of, self._application, environ))
            )
        except ServerBusy:
            answer = BARE_BUSY
        send(_closing(answer), protocol)


def _answer_there(name: Room, application: Application, environ: dict[str, Any]) -> Answer:
    with answering_in(name):
        return answer_of(application, environ)


async def _answered(working: "asyncio.Future[Answer]") -> Answer:
    """Wait for the answer; once nobody waits for it any more, it is thrown away when it comes."""
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        working.add_done_callback(_throw_away)
        raise


def _throw_away(working: "asyncio.Future[Answer]") -> None:
    if not working.cancelled() and working.exception() is None:
        working.result().close()


def _closing(answer: Answer) -> Answer:
    """Have the connection closed after the answer: the rest of a body that was not read would follow."""
    return Answer(answer.status, [*answer.headers, ("connection", "close")], answer.content, answer.fd)


async def _drain(protocol: HTTPProtocol) -> None:
    """Read on without keeping anything: who still sends would see a broken connection and not the answer."""
    try:
        async with asyncio.timeout(DRAINED_SECONDS):
            async for _chunk in protocol:
                pass
    except (TimeoutError, ProtocolClosed):
        return


async def _max_body_bytes(scope: Scope, announced: int | None, sender: Sender) -> int:
    """What Django refuses by its announced length is not read here either; only an upload of a member takes more."""
    max_bytes = largest_body_bytes(max_files=1)
    is_large = announced is None or announced > max_bytes
    if is_large and scope.path == reverse("upload") and await sender.is_member():
        return largest_body_bytes(max_files=gallery().max_upload_files)
    return max_bytes


def _announced_bytes(scope: Scope) -> int | None:
    value = scope.headers.get("content-length")
    return int(value) if value is not None and value.isdecimal() else None
