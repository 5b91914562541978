"""Hostile image_index.json: whatever it holds, it is entries of the right types or one clear error."""

import json
from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gallery.errors import InvalidTestbedEntry, UnreadableTestbed
from gallery.testbed import read_index
from gallery.testbed.index_file import MD5

fuzz = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
NAMES = (
    "id",
    "original_name",
    "stored_path",
    "description",
    "tags",
    "width",
    "height",
    "format",
    "created_at",
    "embedding_index",
)
texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=80)  # lone surrogates too
dates = st.datetimes().map(datetime.isoformat) | st.datetimes(timezones=st.timezones()).map(datetime.isoformat)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | dates,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
keys = st.text("0123456789abcdefABCDEF", min_size=32, max_size=32) | texts
entries = st.dictionaries(st.sampled_from(NAMES), values) | values


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def read(folder, content: bytes):
    (folder / "image_index.json").write_bytes(content)
    return read_index(folder)


@fuzz
@given(images=st.dictionaries(keys, entries, max_size=6))
def test_every_entry_is_read_or_listed(folder, images):
    index = read(folder, json.dumps({"images": images}).encode())

    assert index.total == len(images)
    assert all(isinstance(error, InvalidTestbedEntry) and json.dumps(str(error)) for error in index.broken)
    for entry in index.entries:
        assert MD5.fullmatch(entry.md5)
        assert entry.row is None or (type(entry.row) is int and entry.row >= 0)
        assert entry.created_at is None or entry.created_at.utcoffset() is not None
        for text in (entry.labels.description, *entry.labels.tags, *map(str, entry.notes)):
            text.encode()  # what a database and a terminal can hold
            assert "\0" not in text


@fuzz
@given(content=st.binary(max_size=300) | values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_an_index_or_one_clear_error(folder, content):
    with suppress(UnreadableTestbed):
        assert read(folder, content).total == 0


@fuzz
@given(data=st.data())
def test_a_whole_index_with_one_changed_byte_never_surprises(folder, data):
    content = bytearray(json.dumps({"images": {"a" * 32: {"tags": ["x"], "embedding_index": 0}}}).encode())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    with suppress(UnreadableTestbed):
        assert read(folder, bytes(content)).total <= 1
