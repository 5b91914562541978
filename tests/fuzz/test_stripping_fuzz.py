"""Files that are damaged anywhere: the only error is CannotStrip, and what was planted is never given away."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery.imaging.stripping import CannotStrip, strip
from gallery.imaging.stripping.colour_profile import plain_profile
from tests import planted_metadata as planted
from tests.picture_files import display_p3_profile

FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "JXL"]
fuzz = settings(max_examples=400)


@cache
def seeds_of(format: str) -> list[bytes]:
    return [make() for kind, make in planted.PLANTED.values() if kind == format]


@st.composite
def damaged(draw: st.DrawFn, format: str) -> bytes:
    """A planted file with some bytes changed, put in, taken out or cut off."""
    content = bytearray(draw(st.sampled_from(seeds_of(format))))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(content) - 1))
        change = draw(st.sampled_from(["change", "insert", "remove", "cut"]))
        if change == "change":
            content[place] = draw(st.integers(0, 255))
        elif change == "insert":
            content[place:place] = draw(st.binary(min_size=1, max_size=8))
        elif change == "remove":
            del content[place : place + draw(st.integers(1, 40))]
        else:
            del content[place:]
        if len(content) < 16:
            break
    return bytes(content)


@pytest.mark.parametrize("format", FORMATS)
@fuzz
@given(data=st.data())
def test_a_damaged_file_is_stripped_or_refused(format, data):
    content = data.draw(damaged(format))

    try:
        stripped = strip(content, format)
    except CannotStrip:
        return

    if format != "BMP":  # its colours and pixels are bare bytes: whatever lies where they should be is the picture
        assert planted.is_told(stripped) == []


@pytest.mark.parametrize("format", FORMATS)
@fuzz
@given(head=st.integers(0, 60), rest=st.binary(max_size=300))
def test_any_bytes_are_stripped_or_refused(format, head, rest):
    content = seeds_of(format)[0][:head] + rest

    try:
        strip(content, format)
    except CannotStrip:
        return


@fuzz
@given(place=st.integers(0, 600), content=st.binary(max_size=40))
def test_any_bytes_are_a_profile_or_none(place, content):
    profile = bytearray(display_p3_profile())
    profile[place : place + len(content)] = content

    plain = plain_profile(bytes(profile))

    assert plain is None or len(plain) <= len(profile)
