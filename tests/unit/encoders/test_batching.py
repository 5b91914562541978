"""Texts of many threads in few forward passes: the same rows, each text once, and nobody pays for another's error."""

import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.encoders.base import EncoderKey
from gallery.encoders.batching import BatchingEncoder
from gallery.encoders.clip import ClipEncoder
from gallery.errors import EncoderUnavailable
from tests.waiting import PATIENCE_SECONDS, until

THREADS = 6


def row_of(text):
    row = np.array([len(text), sum(text.encode()), 1], np.float32)
    return row / np.linalg.norm(row)


class CountingEncoder:
    """Counts what it encodes; a text with "bad" fails the whole batch that it is in."""

    key, dimension = EncoderKey("counting", "1"), 3

    def __init__(self, pause_seconds=0.0):
        self.batches = []
        self.pause_seconds = pause_seconds

    def encode_images(self, images):
        return np.zeros((len(images), 3), np.float32)

    def encode_texts(self, texts):
        self.batches.append(list(texts))
        time.sleep(self.pause_seconds)
        if any("bad" in text for text in texts):
            raise ValueError(f"bad text among {len(texts)}")
        return np.stack([row_of(text) for text in texts])

    @property
    def counts(self):
        return Counter(text for batch in self.batches for text in batch)


class GatedEncoder(CountingEncoder):
    """Encodes a batch only when the test lets it."""

    def __init__(self):
        super().__init__()
        self.entered = threading.Semaphore(0)
        self.gate = threading.Semaphore(0)

    def encode_texts(self, texts):
        self.entered.release()
        assert self.gate.acquire(timeout=PATIENCE_SECONDS)
        return super().encode_texts(texts)

    def hold_first(self, pool, batching, text="first"):
        """Have one text in the encoder, so that all others must wait."""
        future = pool.submit(batching.encode_texts, [text])
        assert self.entered.acquire(timeout=PATIENCE_SECONDS)
        return future

    def open(self):
        for _ in range(100):
            self.gate.release()


@pytest.fixture
def pool():
    with ThreadPoolExecutor(16) as threads:
        yield threads


def wait_until_waiting(batching, count):
    until(lambda: len(batching._waiting) >= count, f"{count} texts wait")


def test_batching_lone_text_is_encoded_by_its_own_thread():
    encoder = CountingEncoder()
    threads = set(threading.enumerate())

    rows = BatchingEncoder(encoder).encode_texts(["a cat"])

    np.testing.assert_array_equal(rows, [row_of("a cat")])
    assert encoder.batches == [["a cat"]]
    assert set(threading.enumerate()) <= threads


def test_batching_texts_that_arrive_meanwhile_share_one_pass(pool):
    encoder = GatedEncoder()
    batching = BatchingEncoder(encoder)
    first = encoder.hold_first(pool, batching)
    others = [pool.submit(batching.encode_texts, [f"text {number}"]) for number in range(10)]
    wait_until_waiting(batching, 10)

    encoder.open()
    rows = [future.result(PATIENCE_SECONDS)[0] for future in others]

    np.testing.assert_array_equal(first.result(), [row_of("first")])
    np.testing.assert_array_equal(rows, [row_of(f"text {number}") for number in range(10)])
    assert [len(batch) for batch in encoder.batches] == [1, 10]


def test_batching_lanes_share_what_waits(pool):
    encoder = GatedEncoder()
    batching = BatchingEncoder(encoder, lanes=2)
    held = [encoder.hold_first(pool, batching, text) for text in ("first", "second")]
    others = [pool.submit(batching.encode_texts, [f"text {number}"]) for number in range(10)]
    wait_until_waiting(batching, 10)

    encoder.open()
    for future in (*held, *others):
        future.result(PATIENCE_SECONDS)

    assert max(len(batch) for batch in encoder.batches) == 5


def test_batching_batch_is_bounded(pool):
    encoder = GatedEncoder()
    batching = BatchingEncoder(encoder, max_batch=4)
    encoder.hold_first(pool, batching)
    others = [pool.submit(batching.encode_texts, [f"text {number}"]) for number in range(10)]
    wait_until_waiting(batching, 10)

    encoder.open()
    for future in others:
        future.result(PATIENCE_SECONDS)

    assert [len(batch) for batch in encoder.batches] == [1, 4, 4, 2]


def test_batching_same_text_at_once_is_encoded_once(pool):
    encoder = GatedEncoder()
    batching = BatchingEncoder(encoder)
    encoder.hold_first(pool, batching)
    others = [pool.submit(batching.encode_texts, ["a cat", "first"]) for _ in range(8)]
    wait_until_waiting(batching, 1)

    encoder.open()
    for future in others:
        np.testing.assert_array_equal(future.result(PATIENCE_SECONDS), [row_of("a cat"), row_of("first")])

    assert encoder.counts == {"first": 1, "a cat": 1}


def test_batching_error_of_one_text_spares_the_others(pool):
    encoder = GatedEncoder()
    batching = BatchingEncoder(encoder)
    encoder.hold_first(pool, batching)
    texts = ["good", "bad", "fine"]
    futures = {text: pool.submit(batching.encode_texts, [text]) for text in texts}
    wait_until_waiting(batching, 3)

    encoder.open()

    with pytest.raises(ValueError, match="bad text among 1"):
        futures["bad"].result(PATIENCE_SECONDS)
    for text in ("good", "fine"):
        np.testing.assert_array_equal(futures[text].result(PATIENCE_SECONDS), [row_of(text)])


def test_batching_failed_text_is_tried_again_at_the_next_search():
    encoder = CountingEncoder()
    batching = BatchingEncoder(encoder)

    for _ in range(2):
        with pytest.raises(ValueError, match="bad"):
            batching.encode_texts(["bad"])

    assert encoder.counts == {"bad": 2}


def test_batching_missing_weights_are_asked_for_once_per_batch(pool):
    class Missing(GatedEncoder):
        def encode_texts(self, texts):
            super().encode_texts(texts)
            raise EncoderUnavailable(encoder="x", reason="gone", remedy="Bring it.")

    encoder = Missing()
    batching = BatchingEncoder(encoder)
    first = encoder.hold_first(pool, batching)
    futures = [first, *(pool.submit(batching.encode_texts, [f"text {number}"]) for number in range(5))]
    wait_until_waiting(batching, 5)

    encoder.open()

    for future in futures:
        with pytest.raises(EncoderUnavailable):
            future.result(PATIENCE_SECONDS)
    assert [len(batch) for batch in encoder.batches] == [1, 5]


def test_batching_broken_off_thread_leaves_its_texts_to_others(pool):
    class BrokenOff(GatedEncoder):
        def encode_texts(self, texts):
            rows = super().encode_texts(texts)
            if len(self.batches) == 2:
                raise KeyboardInterrupt
            return rows

    encoder = BrokenOff()
    batching = BatchingEncoder(encoder)
    encoder.hold_first(pool, batching)
    futures = [pool.submit(batching.encode_texts, [f"text {number}"]) for number in range(5)]
    wait_until_waiting(batching, 5)

    encoder.open()

    errors = [type(future.exception(PATIENCE_SECONDS)) for future in futures]
    assert Counter(errors) == {KeyboardInterrupt: 1, type(None): 4}
    assert len(batching.encode_texts(["later"])) == 1


def test_batching_nested_call_does_not_wait_for_itself(pool):
    class Nested(CountingEncoder):
        def encode_texts(self, texts):
            if "outer" in texts:
                return batching.encode_texts(["inner"] * len(texts))
            return super().encode_texts(texts)

    batching = BatchingEncoder(Nested())

    rows = pool.submit(batching.encode_texts, ["outer"]).result(PATIENCE_SECONDS)

    np.testing.assert_array_equal(rows, [row_of("inner")])


def test_batching_keeps_the_texts_used_last():
    encoder = CountingEncoder()
    batching = BatchingEncoder(encoder, kept_texts=2)

    for text in ("a", "b", "a", "c", "a", "b"):
        np.testing.assert_array_equal(batching.encode_texts([text]), [row_of(text)])

    assert encoder.counts == {"a": 1, "b": 2, "c": 1}


def test_batching_kept_row_cannot_be_changed_by_who_asked():
    batching = BatchingEncoder(CountingEncoder())

    batching.encode_texts(["a cat"])[:] = 0

    np.testing.assert_array_equal(batching.encode_texts(["a cat"]), [row_of("a cat")])


def test_batching_nothing_gives_no_rows():
    assert BatchingEncoder(CountingEncoder()).encode_texts([]).shape == (0, 3)


def test_batching_forked_child_starts_afresh_while_the_parent_encodes(pool):
    encoder = GatedEncoder()
    batching = BatchingEncoder(encoder)
    encoder.hold_first(pool, batching)  # the parent's only lane is occupied, by a thread that the child does not have
    waiting = pool.submit(batching.encode_texts, ["a cat"])
    wait_until_waiting(batching, 1)

    child = os.fork()
    if child == 0:
        signal.alarm(PATIENCE_SECONDS)
        encoder.open()
        found = batching.encode_texts(["a cat"])
        os._exit(0 if (found == row_of("a cat")).all() else 1)
    ended = os.waitpid(child, 0)
    encoder.open()

    assert ended == (child, 0)
    np.testing.assert_array_equal(waiting.result(PATIENCE_SECONDS), [row_of("a cat")])


LISTS = st.lists(st.sampled_from(["", "a", "b", "cc", "猫", "bad", "bad too"]), max_size=4)


@settings(max_examples=60)
@given(
    asked=st.lists(st.lists(LISTS, max_size=4), min_size=1, max_size=THREADS),
    lanes=st.integers(1, 3),
    max_batch=st.integers(1, 4),
    kept=st.integers(0, 3),
)
def test_batching_any_threads_get_what_each_would_get_alone(asked, lanes, max_batch, kept):
    batching = BatchingEncoder(CountingEncoder(0.0005), lanes=lanes, max_batch=max_batch, kept_texts=kept)

    def search(lists):
        return [answer(texts) for texts in lists]

    def answer(texts):
        try:
            return batching.encode_texts(texts).tolist()
        except ValueError:
            return "failed"

    with ThreadPoolExecutor(THREADS) as threads:
        found = [future.result(PATIENCE_SECONDS) for future in [threads.submit(search, lists) for lists in asked]]

    def alone(texts):
        failed = any("bad" in text for text in texts)
        return "failed" if failed else [row_of(text).tolist() for text in texts]

    assert found == [[alone(texts) for texts in lists] for lists in asked]
    assert (batching._free_lanes, list(batching._asked)) == (lanes, [])


def test_batching_clip_rows_equal_those_encoded_alone(tiny_clip, pool):
    texts = [f"a {colour} {thing}" for colour in ("red", "white", "gold") for thing in ("cat", "car " * 5, "tree")]
    clip = ClipEncoder(str(tiny_clip), device="cpu")
    batching = BatchingEncoder(clip, lanes=2)

    found = [future.result(PATIENCE_SECONDS)[0] for future in [pool.submit(batching.encode_texts, [t]) for t in texts]]

    np.testing.assert_allclose(found, np.concatenate([clip.encode_texts([text]) for text in texts]), atol=1e-5)
