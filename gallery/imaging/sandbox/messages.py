"""The messages between the site and its decoder processes: JSON and raw bytes, so that no answer can run anything.

A message is the length of a JSON object (4 bytes), the object, and the blobs whose sizes it lists under "blobs".
"""

import json
import os
import select
import struct
import time
from collections.abc import Sequence
from typing import Any

_LENGTH = struct.Struct(">I")
_MAX_HEADER_BYTES = 1 << 20
Message = dict[str, Any]
DECODE, PART, COPY, TELL, TELL_XMP = "decode", "part", "copy", "tell", "tell xmp"  # the kinds of jobs


class BadMessage(Exception):
    """What came is not a message of the size that was expected: the other side is not to be trusted any more."""


def send(fd: int, message: Message, blobs: Sequence[bytes], *, deadline: float | None) -> None:
    """Write one message to a pipe. `deadline` is of the monotonic clock and needs a pipe that does not block.

    Raises TimeoutError at the deadline, BrokenPipeError when nobody reads any more.
    """
    header = json.dumps({**message, "blobs": [len(blob) for blob in blobs]}).encode()
    for part in (_LENGTH.pack(len(header)) + header, *blobs):
        view = memoryview(part)
        while view:
            try:
                view = view[os.write(fd, view) :]
            except BlockingIOError:
                _wait(fd, select.POLLOUT, deadline)


def receive(fd: int, *, max_blob_bytes: int | None, deadline: float | None) -> tuple[Message, list[bytearray]]:
    """Read one message from a pipe. Raises EOFError at its end, TimeoutError at the deadline, BadMessage."""
    (length,) = _LENGTH.unpack(_read(fd, _LENGTH.size, deadline))
    if length > _MAX_HEADER_BYTES:
        raise BadMessage(f"a header of {length} bytes")
    try:
        message = json.loads(_read(fd, length, deadline))
        sizes = [int(size) for size in message.pop("blobs")]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadMessage(str(error)) from error
    if min(sizes, default=0) < 0 or (max_blob_bytes is not None and sum(sizes) > max_blob_bytes):
        raise BadMessage(f"{sum(sizes)} bytes")
    return message, [_read(fd, size, deadline) for size in sizes]


def _read(fd: int, size: int, deadline: float | None) -> bytearray:
    content = bytearray(size)
    view = memoryview(content)
    while view:
        try:
            count = os.readv(fd, [view])
        except BlockingIOError:
            _wait(fd, select.POLLIN, deadline)
            continue
        if not count:
            raise EOFError("the pipe was closed")
        view = view[count:]
    return content


def _wait(fd: int, event: int, deadline: float | None) -> None:
    """Wait until the pipe can be read or written, or its other end is gone. Raises TimeoutError."""
    poll = select.poll()
    poll.register(fd, event)
    left = None if deadline is None else deadline - time.monotonic()
    if left is not None and (left <= 0 or not poll.poll(left * 1000)):
        raise TimeoutError
    if left is None:
        poll.poll()
