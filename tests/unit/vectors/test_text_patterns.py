"""Texts that are pieces with gaps between them, against Python's regular expressions."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.vectors.columns.links import Links
from gallery.vectors.columns.text_patterns import matching
from gallery.vectors.columns.texts import Texts

parts = st.lists(st.sampled_from([b"a", b"b", b"\n", b"\xff"]), max_size=6).map(b"".join)
gapped = st.builds(lambda first, middle, last: [first, *middle, last], parts, st.lists(parts, max_size=3), parts)
pieces = parts.map(lambda whole: [whole]) | gapped


@given(kept=st.lists(parts, max_size=20), wanted=pieces)
def test_matching_is_what_a_regular_expression_finds(kept, wanted):
    pattern = re.compile(b".*".join(map(re.escape, wanted)), re.DOTALL)

    assert matching(Texts.of_bytes(kept), wanted).tolist() == [bool(pattern.fullmatch(text)) for text in kept]


@pytest.mark.parametrize("is_prepared", [False, True])
def test_links_say_which_rows_have_any(is_prepared):
    links = Links.of([3, 1, 3], [7, 7, 9])
    links = links.prepared(5) if is_prepared else links

    assert np.flatnonzero(links.are_there(6)).tolist() == [1, 3]
