"""Searches by words that are sent as JSON: they need not wait behind those with a picture."""

import json
from typing import IO

from granian.rsgi import Scope

SHORT_BYTES = 16_000  # read in the loop, within a fraction of a millisecond; no search by words is longer


def is_short_json(scope: Scope) -> bool:
    kind = scope.headers.get("content-type", "").replace(" ", "").lower()
    length = scope.headers.get("content-length", "")
    is_json = kind in ("application/json", "application/json;charset=utf-8")
    return is_json and length.isdecimal() and int(length) <= SHORT_BYTES


def names_no_picture(file: IO[bytes]) -> bool:
    """Say whether the JSON is an object without `image`. What cannot be read is not known to be."""
    try:
        sent = json.load(file)
    except (ValueError, RecursionError):
        return False
    finally:
        file.seek(0)
    return isinstance(sent, dict) and "image" not in sent
