"""Moments as cameras and programs write them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.imaging.embedded.dates import moment_of, offset_between, offset_of, with_offset


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2003:05:06 07:08:09", "2003-05-06T07:08:09"),
        ("2025:01:14 18:31:30+0800", "2025-01-14T18:31:30+08:00"),
        ("2025:01:14 18:31:30 -03:30", "2025-01-14T18:31:30-03:30"),
        ("2025-01-14T18:31:30", "2025-01-14T18:31:30"),
        ("2025-01-14T18:31:30Z", "2025-01-14T18:31:30+00:00"),
        ("2025-01-14T18:31-08:00", "2025-01-14T18:31:00-08:00"),
        ("2025:01:14 18:31:30 UTC+8", "2025-01-14T18:31:30+08:00"),
        ("2010/03/05 12:22:33", "2010-03-05T12:22:33"),
        ("2010-03-05 12-22-33", "2010-03-05T12:22:33"),
        ("2010.03.05 12.22.33", "2010-03-05T12:22:33"),
        ("2010:03:05:12:22:33", "2010-03-05T12:22:33"),
        ("2020:05:06", "2020-05-06T00:00:00"),
        ("2020:05:06   :  :  ", "2020-05-06T00:00:00"),
        ("2020:05:06 25:61:00", "2020-05-06T00:00:00"),
        ("2020:05:06 24:00:00", "2020-05-07T00:00:00"),
        ("2020:05:06 07:08:60", "2020-05-06T07:08:59"),
        ("2020:05:06 07:08:09.123", "2020-05-06T07:08:09"),
        ("2020:05:06 07:08:09,5+08:00", "2020-05-06T07:08:09+08:00"),
        ("2004:10: 5  7: 8: 9", "2004-10-05T07:08:09"),
        ("2004:1:5 7:8:9", "2004-01-05T07:08:09"),
        ("  2020:05:06 07:08:09\0\0", "2020-05-06T07:08:09"),
        ('"2020:05:06 07:08:09"', "2020-05-06T07:08:09"),
        ("2003:05:06 07:08:09 PM", "2003-05-06T19:08:09"),
        ("2003:05:06 12:08:09 a.m.", "2003-05-06T00:08:09"),
        ("2015年3月5日 下午1:22:33", "2015-03-05T13:22:33"),
        ("20100305", "2010-03-05T00:00:00"),
        ("20100305122233", "2010-03-05T12:22:33"),
        ("20100305 122233+0200", "2010-03-05T12:22:33+02:00"),
        ("20100305T122233Z", "2010-03-05T12:22:33+00:00"),
        ("1975", "1975-01-01T00:00:00"),
        ("1975-08", "1975-08-01T00:00:00"),
        ("1975:00:00 00:00:00", "1975-01-01T00:00:00"),
        ("Thu, 06 May 2010 07:08:09 +0800", "2010-05-06T07:08:09+08:00"),
        ("Thu May  6 07:08:09 2010", "2010-05-06T07:08:09"),
        ("2020:05:06 07:08:09 DST", "2020-05-06T07:08:09"),
        ("2020:05:06 07:08:09+99:00", "2020-05-06T07:08:09"),
    ],
)
def test_moment_is_read_however_it_is_written(text, expected):
    moment = moment_of(text)

    assert moment is not None
    assert moment.isoformat() == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "0000:00:00 00:00:00", "    :  :     :  :  ", "\0" * 20, "2020:13:06 07:08:09", "2020:02:30 01:01:01"),
        *("yesterday", "1588720089", "1234:01:01 00:00:00", "5/6/2020 7:08", "٢٠٢٠:٠٥:٠٦ 07:08:09"),
        f"{datetime.now(UTC).year + 2}:01:01 00:00:00",
    ],
)
def test_moment_of_nonsense_is_none(text):
    assert moment_of(text) is None


@given(st.text(max_size=200) | st.from_regex(r"[0-9]{4}[:/-][0-9]{2}.[0-9]{2}[ T][0-9]{2}:[0-9]{2}.*", fullmatch=True))
def test_moment_of_any_text_is_plausible_or_none(text):
    moment = moment_of(text)

    if moment is not None:
        assert 1826 <= moment.year <= datetime.now(UTC).year + 1
        assert moment.microsecond == 0


@pytest.mark.parametrize(
    ("text", "hours"),
    [("+08:00", 8), ("+0800", 8), ("+8", 8), ("-03:30", -3.5), ("−05:00\0", -5), ("Z", 0), ("UTC", 0), ("+14:00", 14)],
)
def test_offset_is_read_however_it_is_written(text, hours):
    offset = offset_of(text)

    assert offset is not None
    assert offset.utcoffset(None) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "   :  ", "noon", "+15:00", "-13:00", "+08:75", "8:00"])
def test_offset_of_nonsense_is_none(text):
    assert offset_of(text) is None


def test_offset_is_given_to_a_clock_that_has_none():
    bare, known = moment_of("2020:05:06 07:08:09"), moment_of("2020:05:06 07:08:09+01:00")

    assert str(with_offset(bare, ["", "nonsense", "+08:00", "+02:00"])) == "2020-05-06 07:08:09+08:00"
    assert str(with_offset(known, ["+08:00"])) == "2020-05-06 07:08:09+01:00"
    assert with_offset(None, ["+08:00"]) is None


@pytest.mark.parametrize(
    ("wall", "utc", "minutes"),
    [
        ("2020:05:06 07:08:09", "2020:05:05 23:08:05", 480),
        ("2020:05:06 07:08:09", "2020:05:06 01:23:09", 345),
        ("2020:05:06 07:08:09", "2020:05:06 07:08:30", 0),
        ("2020:05:06 07:08:09", "2020:05:05 23:00:00", None),  # a clock or a fix eight minutes off
        ("2020:05:06 07:08:09", "2020:05:06 00:53:09", None),  # no zone is 6 h 15 min off
        ("2020:05:06 07:08:09", "2021:01:02 03:04:05", None),
    ],
)
def test_offset_between_camera_and_satellites_is_that_of_a_zone_or_unknown(wall, utc, minutes):
    offset = offset_between(moment_of(wall), moment_of(utc))

    assert offset == (None if minutes is None else offset_of(f"{minutes // 60:+03}{minutes % 60:02}"))
