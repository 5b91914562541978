"""The server's adapter on loopback, in a thread of the tests' process, so that a test decides how long a view takes."""

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse

from django.core.handlers.wsgi import WSGIHandler

from gallery.rooms import Room
from imagesearch_project.serving.adapter import RoomsAdapter
from imagesearch_project.serving.bodies import BodyLimits
from imagesearch_project.serving.rooms import RoomSize
from imagesearch_project.serving.server import InheritingServer
from tests.waiting import PATIENCE_SECONDS


@dataclass(frozen=True, slots=True)
class ServedAdapter:
    port: int
    loop: asyncio.AbstractEventLoop
    server: InheritingServer
    thread: threading.Thread

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer, content

    def begin(self, head: bytes) -> socket.socket:
        """Send this much of a request, and return the connection."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)
        connection.sendall(head)
        return connection

    def stop(self) -> None:
        """Ask the server to end, as SIGTERM does."""
        self.loop.call_soon_threadsafe(self.server.stop)


@contextmanager
def served_adapter(size: RoomSize, limits: BodyLimits) -> Iterator[ServedAdapter]:
    """Serve the site of the tests' settings, each room of this size."""
    sizes: Mapping[Room, RoomSize] = dict.fromkeys(Room, size)
    begun: Future[tuple[asyncio.AbstractEventLoop, InheritingServer]] = Future()

    async def serve(fd: int) -> None:
        server = InheritingServer(RoomsAdapter(WSGIHandler(), sizes, limits), fd=fd)
        begun.set_result((asyncio.get_running_loop(), server))
        await server.serve()

    listener = socket.create_server(("127.0.0.1", 0))
    port, fd = listener.getsockname()[1], listener.detach()  # the server closes it
    thread = threading.Thread(target=lambda: asyncio.run(serve(fd)), daemon=True)
    thread.start()
    served = ServedAdapter(port, *begun.result(PATIENCE_SECONDS), thread)
    try:
        yield served
    finally:
        if thread.is_alive():
            served.stop()
            thread.join(PATIENCE_SECONDS)
