"""Requests over plain sockets, each on a connection of its own, and what became of them."""

import asyncio
import time
import urllib.parse
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

HOST = "127.0.0.1"
PATIENCE_SECONDS = 60.0
CSRF_TOKEN = "load" * 8
BOUNDARY = "imagesearch-load"


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody with an account: `session` is the key of the cookie, `token` that of the API."""

    name: str
    session: str
    token: str


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def head(self) -> bytes:
        sent = {"Host": HOST, "Connection": "close", "Content-Length": str(len(self.body)), **self.headers}
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
        return "\r\n".join([*lines, "", ""]).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is 0 where nothing was answered; `seconds` run from opening the connection to the last byte."""

    status: int
    seconds: float
    retry_after: str = ""
    body: bytes = b""

    @property
    def is_success(self) -> bool:
        return self.status in {200, 201}


def page(path: str, member: Member | None = None) -> Request:
    return Request("GET", path, _cookies(member))


def text_search(text: str, member: Member | None = None) -> Request:
    return page(f"/search/?q={urllib.parse.quote(text)}", member)


def upload(picture: bytes, member: Member) -> Request:
    """Bring in one picture by the API."""
    return _form("/api/v1/images/", _bearer(member), {}, [("file", picture)])


def upload_page(pictures: Sequence[bytes], member: Member) -> Request:
    """Send the form of the page with all these pictures at once."""
    fields = {"csrfmiddlewaretoken": CSRF_TOKEN, "tags": "", "visibility": "private"}
    return _form("/upload/", _cookies(member), fields, [("files", picture) for picture in pictures])


def picture_search(picture: bytes, member: Member | None = None) -> Request:
    return _form("/api/v1/search/", _bearer(member), {}, [("image", picture)])


def api(path: str, member: Member) -> Request:
    return Request("GET", f"/api/v1/{path}", _bearer(member))


def _bearer(member: Member | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {member.token}"} if member else {}


def _cookies(member: Member | None) -> dict[str, str]:
    return {"Cookie": f"csrftoken={CSRF_TOKEN}" + (f"; sessionid={member.session}" if member else "")}


def _form(path: str, headers: dict[str, str], fields: Mapping[str, str], files: Sequence[tuple[str, bytes]]) -> Request:
    parts = [f'name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    parts += [
        f'name="{name}"; filename="{uuid.uuid4().hex}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode()
        + file
        for name, file in files
    ]
    start = f"--{BOUNDARY}\r\nContent-Disposition: form-data; ".encode()
    body = b"".join(start + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--\r\n".encode()
    return Request("POST", path, {**headers, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}, body)


async def ask(port: int, request: Request, *, patience_seconds: float = PATIENCE_SECONDS) -> Answer:
    """Ask once. A server that is silent for too long, resets or refuses has answered nothing."""
    started = time.perf_counter()
    received = bytearray()
    try:
        async with asyncio.timeout(patience_seconds):
            await _exchange(port, request, received)
    except (OSError, TimeoutError):
        pass  # an answer that came before the reset counts
    return _answer(bytes(received), time.perf_counter() - started)


async def _exchange(port: int, request: Request, received: bytearray) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    sending = asyncio.create_task(_send(writer, request))
    try:
        while part := await reader.read(1 << 18):
            received += part
    finally:
        sending.cancel()
        writer.transport.abort()
        await asyncio.gather(sending, return_exceptions=True)


async def _send(writer: asyncio.StreamWriter, request: Request) -> None:
    writer.write(request.head + request.body)
    await writer.drain()


def _answer(received: bytes, seconds: float) -> Answer:
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator:
        return Answer(0, seconds)
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if len(body) < int(headers.get("content-length", 0)):
        return Answer(0, seconds)
    if headers.get("transfer-encoding") == "chunked":
        if not body.endswith(b"0\r\n\r\n"):
            return Answer(0, seconds)
        body = _joined(body)
    return Answer(int(first.split()[1]), seconds, headers.get("retry-after", ""), body)


def _joined(chunks: bytes) -> bytes:
    joined = bytearray()
    while chunks:
        size, _, rest = chunks.partition(b"\r\n")
        length = int(size, 16)
        joined += rest[:length]
        chunks = rest[length + 2 :] if length else b""
    return bytes(joined)
