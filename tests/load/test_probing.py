"""What counts as an answer."""

import asyncio

import pytest

from tests.asynchronous import run_async

from .probing import percentile_ms, refused_share, statuses
from .requests import Answer, Request, ask

ANSWERED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n"


def answers(*numbers: tuple[int, float]) -> list[Answer]:
    return [Answer(status, seconds) for status, seconds in numbers]


def answered_by(*sent: bytes, patience_seconds: float = 60) -> Answer:
    """Return what a server that sends these bytes and ends the connection has answered."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in sent:
            writer.write(part)
        await writer.drain()
        writer.close()

    async def talk() -> Answer:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await ask(port, Request("GET", "/"), patience_seconds=patience_seconds)

    return run_async(talk())


def test_percentile_is_the_nearest_rank():
    some = answers(*((200, number / 1000) for number in range(1, 101)))

    assert percentile_ms(some, 0.95) == 95
    assert percentile_ms(some, 0.99) == 99


def test_percentile_of_refusals_is_none():
    some = answers(*[(200, 0.1)] * 9, (503, 0.001))

    assert percentile_ms(some, 0.9) == 100
    assert percentile_ms(some, 0.95) is None


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_percentile_of_nothing_is_none(share):
    assert percentile_ms([], share) is None


def test_refused_share_counts_silence_and_refusals():
    some = answers((200, 1), (201, 1), (503, 1), (0, 1))

    assert refused_share(some) == 0.5
    assert statuses(some) == {"200": 1, "201": 1, "503": 1, "none": 1}


def test_ask_returns_status_and_body():
    answer = answered_by(ANSWERED)

    assert (answer.status, answer.body) == (200, b"ok")


def test_ask_joins_chunks():
    assert answered_by(CHUNKED).body == b"abcde"


def test_ask_returns_when_to_come_again():
    answer = answered_by(BUSY)

    assert (answer.status, answer.retry_after) == (503, "3")


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 200 OK\r\n", ANSWERED[:-1]])
def test_ask_takes_part_of_an_answer_for_none(part):
    assert answered_by(part).status == 0


def test_ask_takes_a_chunked_answer_without_end_for_none():
    assert answered_by(CHUNKED[:-5]).status == 0
