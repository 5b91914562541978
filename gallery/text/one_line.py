"""Texts of others, shown on one line of a log or a terminal."""

import re

# Control characters, C1 included, what turns the direction of a line, what some readers take for a line's end, and half
# characters, which a terminal cannot be sent.
UNSAFE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def one_line(text: str) -> str:
    """Return the text on one line, each unsafe character as Python writes it: `\\n`, `\\x1b`, `\\u202e`."""
    return UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
