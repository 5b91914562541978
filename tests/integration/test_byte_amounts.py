"""Amounts of bytes, as people read them."""

import pytest
from django.utils import translation

from gallery.byte_amounts import bytes_in_words


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1 kB"),
        (240_512, "240.5 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (6_200_000, "6.2 MB"),
        (20_000_000_000, "20 GB"),
        (7_200_000_000_000_000, "7,200 TB"),
    ],
)
def test_bytes_are_told_in_powers_of_a_thousand(size_bytes, words):
    assert bytes_in_words(size_bytes) == words


def test_bytes_are_told_in_chinese():
    with translation.override("zh-hans"):
        assert bytes_in_words(12) == "12 字节"
