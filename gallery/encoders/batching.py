"""Texts of several requests encoded together, and kept: what searches use instead of the encoder itself."""

import os
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from gallery.encoders.base import Encoder, Vectors
from gallery.errors import EncoderUnavailable

KEPT_TEXTS = 2_000  # about 4 MB at 512 dimensions
MAX_BATCH = 32

_instances: "weakref.WeakSet[BatchingEncoder]" = weakref.WeakSet()


class BatchingEncoder:
    """An encoder that answers a repeated text from memory and encodes texts that arrive together in one go.

    It has no thread and no timer. A text that finds one of the `lanes` free is encoded at once by its own thread; those
    that arrive meanwhile wait, and the next thread that finds a lane free takes its share of them: what waits, divided
    by the lanes, at most `max_batch`. The same text is encoded once, however many threads ask for it.

    - An error of one text is raised to those who asked for it; the others of its batch are encoded without it.
    - A thread that is broken off puts back what it had taken, and wakes another one.
    - A batch that asks for more texts while it is encoded (a nested call) gets them at once, past the queue.
    - A forked child begins with an empty queue and free lanes, whatever the parent's threads were doing.

    Rows are kept for this one encoder, so they end with it. They differ from those of a text encoded alone by rounding.
    """

    def __init__(
        self, encoder: Encoder, *, lanes: int = 1, max_batch: int = MAX_BATCH, kept_texts: int = KEPT_TEXTS
    ) -> None:
        self.encoder = encoder
        self.key, self.dimension = encoder.key, encoder.dimension
        self.encode_images: Callable[[Sequence[Image.Image]], Vectors] = encoder.encode_images
        self._lanes = lanes
        self._max_batch = max_batch
        self._kept_texts = kept_texts
        self._begin()
        _instances.add(self)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return (len(texts), dimension) float32 unit rows, as the encoder does and with its errors."""
        if getattr(self._encoding, "now", False):
            return self.encoder.encode_texts(texts)
        rows = np.empty((len(texts), self.dimension), np.float32)
        requests = self._requests(texts)
        try:
            for row, request in zip(rows, requests, strict=True):
                row[:] = self._wait_for(request)
        finally:
            self._leave(requests)
        return rows

    def _begin(self) -> None:
        self._changed = threading.Condition()  # guards all that follows
        self._kept: OrderedDict[str, Vectors] = OrderedDict()
        self._waiting: deque[_Request] = deque()
        self._asked: dict[str, _Request] = {}  # waiting or being encoded
        self._free_lanes = self._lanes
        self._encoding = threading.local()

    def _requests(self, texts: Sequence[str]) -> list["_Request"]:
        with self._changed:
            return [self._request(text) for text in texts]

    def _request(self, text: str) -> "_Request":
        """Return what is known, what somebody has asked for, or a new request. The lock is held."""
        if (row := self._kept.get(text)) is not None:
            self._kept.move_to_end(text)
            return _Request(text, row=row)
        if text not in self._asked:
            self._asked[text] = _Request(text)
            self._waiting.append(self._asked[text])
        self._asked[text].askers += 1
        return self._asked[text]

    def _leave(self, requests: list["_Request"]) -> None:
        """Withdraw what waits and nobody else asks for: after an error or when broken off, something may be left."""
        with self._changed:
            for request in requests:
                request.askers -= 1
                if request.askers == 0 and request in self._waiting:
                    self._waiting.remove(request)
                    del self._asked[request.text]

    def _wait_for(self, request: "_Request") -> Vectors:
        """Return the row of a request, encoding it or what waits before it if a lane is free."""
        while not request.is_done:
            if batch := self._take_batch(request):
                self._encode(batch)
        if request.error is not None:
            raise request.error
        assert request.row is not None  # noqa: S101 -- done means a row or an error
        return request.row

    def _take_batch(self, request: "_Request") -> list["_Request"]:
        """Return the next batch and occupy a lane; nothing once the request is done."""
        with self._changed:
            self._changed.wait_for(lambda: request.is_done or (self._free_lanes and self._waiting))
            if request.is_done:
                return []
            share = min(self._max_batch, -(-len(self._waiting) // self._lanes))
            self._free_lanes -= 1
            return [self._waiting.popleft() for _ in range(share)]

    def _encode(self, batch: list["_Request"]) -> None:
        """Encode a batch and free its lane. Requests that are left without an answer wait again."""
        self._encoding.now = True
        try:
            self._answer(batch)
        finally:
            self._encoding.now = False
            with self._changed:
                self._settle(batch)
                self._free_lanes += 1
                self._changed.notify_all()

    def _answer(self, batch: list["_Request"]) -> None:
        """Give each request its row or its error."""
        try:
            rows = self.encoder.encode_texts([request.text for request in batch])
        except EncoderUnavailable as error:  # says nothing about a text: all would meet it
            for request in batch:
                request.error = error
        except Exception as error:  # noqa: BLE001 -- raised again by whoever asked for the text
            self._answer_one_by_one(batch, error)
        else:
            for request, row in zip(batch, rows, strict=True):
                request.row = np.array(row)

    def _answer_one_by_one(self, batch: list["_Request"], error: Exception) -> None:
        if len(batch) == 1:
            batch[0].error = error
            return
        for request in batch:
            self._answer([request])

    def _settle(self, batch: list["_Request"]) -> None:
        """Keep the rows; put back, in front, what a broken-off thread leaves. The lock is held."""
        for request in reversed(batch):
            if not request.is_done and request.askers:
                self._waiting.appendleft(request)
                continue
            self._asked.pop(request.text, None)
            if request.row is not None:
                self._kept[request.text] = request.row
        while len(self._kept) > self._kept_texts:
            self._kept.popitem(last=False)


@dataclass(slots=True, eq=False)
class _Request:
    text: str
    askers: int = 0
    row: Vectors | None = field(default=None)
    error: Exception | None = field(default=None)

    @property
    def is_done(self) -> bool:
        return self.row is not None or self.error is not None


def _begin_anew_in_child() -> None:
    """Forget what the parent's threads were doing: none of them is here to finish it."""
    for encoder in list(_instances):
        encoder._begin()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_begin_anew_in_child)
