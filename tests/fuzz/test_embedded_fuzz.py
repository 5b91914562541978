"""What is read out of files may be anything: it never raises, takes little time, and is bounded."""

import json
import struct
import time

from hypothesis import given
from hypothesis import strategies as st

from gallery.imaging.embedded.exif_values import MAX_BLOCK_BYTES, read_exif
from gallery.imaging.embedded.found import (
    MAX_CAPTION_CHARACTERS,
    MAX_KEYWORD_CHARACTERS,
    MAX_KEYWORDS,
    MAX_TITLE_CHARACTERS,
    Embedded,
)
from gallery.imaging.embedded.iptc import iptc_of_photoshop, read_iptc
from gallery.imaging.embedded.reading import read_xmp_file
from gallery.imaging.embedded.takeout import read_takeout
from gallery.imaging.embedded.texts import clean_text, guessed_text, is_camera_text, user_comment, wide_text
from gallery.imaging.embedded.xmp import MAX_BYTES, read_xmp
from tests.worded_pictures import bag, exif, iptc, photoshop, xmp

SECONDS = 20  # a busy machine; each takes well under a second on an idle one
WHOLE_XMP = xmp(bag("dc:subject", "lake", "夏天") + "<xmp:Rating>4</xmp:Rating>")
WHOLE_EXIF = exif(ImageDescription="A boat", DateTimeOriginal="2020:05:06 07:08:09", Rating=4)
WHOLE_IPTC = iptc((5, "A boat"), (25, "boat"), (55, "20200506"))


def damaged(whole: bytes) -> st.SearchStrategy[bytes]:
    """Give `whole` with some bytes changed, cut or put in."""
    place = st.integers(0, len(whole))
    return st.builds(
        lambda at, length, new: whole[:at] + new + whole[at + length :], place, place, st.binary(max_size=20)
    )


def is_bounded(found: Embedded) -> bool:
    return (
        len(found.title) <= MAX_TITLE_CHARACTERS
        and len(found.caption) <= MAX_CAPTION_CHARACTERS
        and len(found.keywords) <= MAX_KEYWORDS
        and all(len(text) <= MAX_KEYWORD_CHARACTERS for text in (*found.keywords, *found.people))
        and len(json.dumps(found.as_json())) < 1 << 20
        and Embedded.from_json(json.loads(json.dumps(found.as_json()))) == found
    )


@given(st.binary(max_size=300) | damaged(WHOLE_XMP))
def test_xmp_never_raises_and_is_bounded(raw):
    assert is_bounded(read_xmp_file(raw))


@given(st.binary(max_size=300) | damaged(WHOLE_EXIF))
def test_exif_never_raises_and_is_bounded(raw):
    found = read_exif(raw)

    values = [*found.camera.values(), *found.photo.values(), *found.place.values()]
    assert all(len(value) <= MAX_BLOCK_BYTES for value in values)


@given(st.binary(max_size=300) | damaged(WHOLE_IPTC) | damaged(photoshop(WHOLE_IPTC)))
def test_iptc_never_raises_and_is_bounded(raw):
    found = read_iptc(iptc_of_photoshop(raw) or raw, max_characters=100, max_keywords=10)

    assert len(found.keywords) <= 10
    assert all(len(text) <= 100 for text in (found.title, found.caption, found.date, found.clock, *found.keywords))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)


@given(st.binary(max_size=100) | st.builds(lambda told: json.dumps(told).encode(), JSON_VALUES))
def test_json_beside_a_picture_never_raises(raw):
    found = read_takeout(raw)

    assert found is None or is_bounded(found)


@given(JSON_VALUES, JSON_VALUES, JSON_VALUES)
def test_takeout_with_any_values_never_raises(taken, description, people):
    told = {"photoTakenTime": taken, "description": description, "people": people}

    found = read_takeout(json.dumps(told).encode())

    assert found is not None
    assert is_bounded(found)


@given(st.binary(max_size=200) | st.text(max_size=200) | st.lists(st.integers(0, 300)).map(tuple) | st.none())
def test_texts_of_any_kind_never_raise_and_are_clean(value):
    texts = [reader(value, max_characters=50) for reader in (clean_text, wide_text, user_comment)]

    assert all(len(text) <= 50 and "\0" not in text and text == text.strip() for text in texts)
    assert all(isinstance(is_camera_text(text), bool) for text in texts)


@given(st.text(max_size=100))
def test_utf8_is_always_known_as_such(text):
    assert guessed_text(text.encode("utf-8", "replace")) == text.encode("utf-8", "replace").decode().removeprefix(
        "\ufeff"
    )


def hostile() -> dict[str, bytes]:
    """XMP that would grow, or that is merely huge."""
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    start = WHOLE_XMP.decode()
    return {
        "entities": f'<!DOCTYPE x [<!ENTITY a0 "ha">{laughs}]><x>&a9;</x>'.encode(),
        "a file": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
        "deep": b"<a>" * 1_000_000,
        "many elements": b"<x>" + b"<a/>" * 1_500_000 + b"</x>",
        "many keywords": start.replace("夏天", "</rdf:li><rdf:li>".join(map(str, range(100_000)))).encode(),
        "a long text": start.replace("夏天", "x" * 7_000_000).encode(),
        "many attributes": b"<x " + b" ".join(b'a%d=""' % n for n in range(300_000)) + b"/>",
        "many names": b"<x " + b" ".join(b'xmlns:a%d="b"' % n for n in range(200_000)) + b"/>",
        "too large": WHOLE_XMP + b" " * MAX_BYTES + b"<x/>",
    }


def test_hostile_xmp_is_read_in_short_time():
    harmless = {"a long text", "many attributes", "many names"}
    for name, raw in hostile().items():
        started = time.process_time()
        found = read_xmp_file(raw)
        assert is_bounded(found), name
        assert time.process_time() - started < SECONDS, name
        assert found.unreadable == (() if name in harmless else ("XMP",)), name


def test_xmp_never_reads_another_file():
    assert read_xmp(hostile()["a file"]).values == {}


def test_iptc_of_many_sets_is_read_in_short_time():
    started = time.process_time()

    found = read_iptc(struct.pack(">BBBH", 0x1C, 2, 25, 1) * 800_000, max_characters=100, max_keywords=10)

    assert time.process_time() - started < SECONDS
    assert not found.is_whole
