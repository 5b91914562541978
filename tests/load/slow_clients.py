"""Clients that take their time: with the head of a request, with its body, with reading the answer.

Each opens a new connection as soon as the server ends the old one, so that as many are open all the time.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable

from .requests import BOUNDARY, HOST, Member

SlowClient = Callable[[int], Awaitable[None]]
PAUSE_SECONDS = 1.0


async def again_and_again(client: SlowClient, port: int, counts: Counter[str], name: str) -> None:
    while True:
        try:
            await client(port)
            counts[f"{name} ended"] += 1
        except OSError:
            counts[f"{name} reset"] += 1
        await asyncio.sleep(PAUSE_SECONDS)


async def slow_head(port: int) -> None:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            writer.write(b"X-More: a\r\n")
            await writer.drain()

    await _talk(port, send)


def slow_body(member: Member | None) -> SlowClient:
    """Promise a megabyte and send 10 bytes a second."""
    path = "/api/v1/images/" if member else "/api/v1/search/"
    bearer = f"Authorization: Bearer {member.token}\r\n" if member else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{bearer}Content-Length: 1000000\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    )

    async def client(port: int) -> None:
        async def send(writer: asyncio.StreamWriter) -> None:
            writer.write(head.encode())
            while True:
                writer.write(b"x" * 10)
                await writer.drain()
                await asyncio.sleep(PAUSE_SECONDS)

        await _talk(port, send)

    return client


async def _talk(port: int, send: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> None:
    """Send until the server ends the connection or answers."""
    reader, writer = await asyncio.open_connection(HOST, port)
    sending = asyncio.create_task(send(writer))
    try:
        while await reader.read(65_536):
            pass
    finally:
        sending.cancel()
        writer.transport.abort()
        await asyncio.gather(sending, return_exceptions=True)


def slow_reader(path: str) -> SlowClient:
    """Ask for a large file, and take 1 kB of it a second."""

    async def client(port: int) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            connection.setblocking(False)
            await loop.sock_connect(connection, (HOST, port))
            await loop.sock_sendall(connection, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            while await loop.sock_recv(connection, 1_000):
                await asyncio.sleep(PAUSE_SECONDS)

    return client
