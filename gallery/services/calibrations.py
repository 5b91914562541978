"""Which calibration judges the searches of an encoder: one fitted here, else the one that comes with the program."""

import json
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from gallery.conf import gallery
from gallery.durable.synced_writing import make_folder, replacing_whole_files, write_all
from gallery.encoders.base import EncoderKey
from gallery.retrieval.cutoff import Calibrations, calibrations_in

NOBODY = Calibrations()


def calibrations_of(encoder: EncoderKey) -> Calibrations:
    """Return how to judge: the default where no file is of this very encoder. A new file counts at once."""
    own = _path(encoder)
    try:
        changed_ns = own.stat().st_mtime_ns
    except OSError:
        changed_ns = 0
    return _read(encoder, own, changed_ns)


@lru_cache(maxsize=16)
def _read(encoder: EncoderKey, own: Path, changed_ns: int) -> Calibrations:
    found = calibrations_in(own.read_text(encoding="utf-8"), encoder=encoder) if changed_ns else None
    return found or _shipped(encoder)


def _shipped(encoder: EncoderKey) -> Calibrations:
    file = files("gallery.encoders.data") / _name(encoder)
    found = calibrations_in(file.read_text(encoding="utf-8"), encoder=encoder) if file.is_file() else None
    return found or NOBODY


def keep_calibration(encoder: EncoderKey, said: dict[str, Any]) -> Path:
    """Write a calibration where searches of this library find it; return the file."""
    path = _path(encoder)
    content = json.dumps({"encoder": {"id": encoder.id, "revision": encoder.revision}, **said}, indent=1) + "\n"
    make_folder(path.parent)
    with replacing_whole_files(path) as (fd,):
        write_all(fd, content.encode(), 0)
    return path


def _path(encoder: EncoderKey) -> Path:
    return gallery().calibrations_dir / _name(encoder)


def _name(encoder: EncoderKey) -> str:
    return "calibration_" + "".join(letter if letter.isalnum() else "-" for letter in encoder.id) + ".json"
