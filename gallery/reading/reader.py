"""Reading pictures with PP-OCRv6, whose networks come with RapidOCR: Chinese and English, as they stand and turned.

A quick look at a small picture finds whether there may be text at all; only then is it read in full. Both networks take
pictures of bounded size, so that time and memory are bounded whatever somebody uploads.
"""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from .line import Corners, Line

REVISION: Final = "PP-OCRv6-small/1"  # of what is read: whatever changes that raises the number
GLANCE_PX: Final = 512  # longest side for the look whether there is text: found are letters of 1/100 of it and more
GLANCE_SCORE: Final = 0.3  # of a place that may be text
GLANCE_PLACES: Final = 3  # the likeliest of them, tried whether they can be read
LEAST_PLACE_PX: Final = 4
MOST_PX: Final = 1_600  # longest side of what is read, and
SHORT_PX: Final = 736  # shortest one, up to which small pictures are enlarged: the networks learned letters of a size
FOUND_PX: Final = 1_280  # longest side in which lines are looked for; they are read from the whole
LEAST_PX: Final = 8  # shorter sides hold no letters
NETWORK_PX: Final = 32  # the networks look at squares of this side
LEAST_CONFIDENCE: Final = 0.6  # of a line; of a single sign
LEAST_CONFIDENCE_OF_ONE: Final = 0.9
MOST_LINES: Final = 200  # each long one takes a fifth of a second
MOST_CHARACTERS: Final = 20_000
LONGEST_LINE: Final = 120  # times its height: the network takes lines as they are long
LARGE_SHARE, LINE_SHAPE = 0.3, 2.0  # what covers so much of a picture and is not at least so long is no line: a texture

Pixels = npt.NDArray[np.uint8]


def is_installed() -> bool:
    return all(find_spec(name) is not None for name in ("rapidocr", "onnxruntime", "cv2"))


class Reader:
    """Reads one picture at a time; for one thread. Computes on `threads` cores."""

    def __init__(self, *, threads: int = 1) -> None:
        import cv2  # noqa: PLC0415 -- optional dependency
        from rapidocr import RapidOCR  # noqa: PLC0415 -- optional dependency

        cv2.setNumThreads(threads)
        options = _options(threads)
        looking = {"Global.use_cls": False, "Global.use_rec": False, "Det.box_thresh": GLANCE_SCORE}
        self._find = RapidOCR(params={**options, **looking})
        self._read = RapidOCR(params=options)

    def read(self, picture: Image.Image) -> tuple[Line, ...]:
        """Return the lines in a picture, from above to below; those that cannot be read well enough are left out."""
        if min(picture.size) < LEAST_PX or not self.may_have_text(picture):
            return ()
        return self.read_all(picture)

    def may_have_text(self, picture: Image.Image) -> bool:
        """Say by a quick look whether there may be text: whether one of the places that look like it can be read."""
        scale = GLANCE_PX / max(picture.size)
        pixels = _pixels(picture, scale)
        found = self._find(pixels)
        if found.boxes is None:
            return False
        area_px = pixels.shape[0] * pixels.shape[1]
        places = [(score, box) for box, score in zip(found.boxes, found.scores, strict=True)]
        likely = sorted((each for each in places if _is_shaped_as_text(each[1], area_px)), key=lambda each: -each[0])
        whole = _pixels(picture, 1.0)
        return any(self._can_read(whole, box / scale) for _score, box in likely[:GLANCE_PLACES])

    def _can_read(self, pixels: Pixels, box: npt.NDArray[Any]) -> bool:
        from rapidocr.utils.process_img import get_rotate_crop_image  # noqa: PLC0415 -- optional dependency

        place = get_rotate_crop_image(pixels, box.astype(np.float32))
        if min(place.shape[:2]) < LEAST_PLACE_PX:
            return False
        read = self._read(place, use_det=False)
        return bool(read.txts) and _as_kept(read.txts[0], read.scores[0]) != ""

    def read_all(self, picture: Image.Image) -> tuple[Line, ...]:
        """Return the lines in a picture without the quick look."""
        width, height = picture.size
        scale = min(max(1.0, SHORT_PX / min(width, height)), MOST_PX / max(width, height))
        found = self._read(_pixels(picture, scale), use_det=True)
        if found.boxes is None or found.txts is None:
            return ()
        lines = []
        for box, text, confidence in zip(found.boxes, found.txts, found.scores, strict=True):
            if written := _as_kept(text, confidence):
                lines.append(Line(written, round(float(confidence), 3), _corners(box, width * scale, height * scale)))
        return tuple(_first_of(lines))


def _options(threads: int) -> dict[str, Any]:
    """Return RapidOCR's options: the networks in its wheel by their paths, so that it never asks a network for one."""
    import rapidocr  # noqa: PLC0415 -- optional dependency

    models = Path(str(rapidocr.__file__)).parent / "models"
    return {
        "Global.log_level": "critical",
        "Global.use_preprocess_img": False,
        "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
        "Cls.model_path": str(models / "ch_ppocr_mobile_v2.0_cls_mobile.onnx"),
        "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
        "Det.limit_type": "max",
        "Det.limit_side_len": FOUND_PX,
        "Det.max_candidates": MOST_LINES,
        "EngineConfig.onnxruntime.intra_op_num_threads": min(threads, os.cpu_count() or 1),
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }


def _pixels(picture: Image.Image, scale: float) -> Pixels:
    """Return the picture in this scale: (height, width, 3), blue first, with its edge repeated to NETWORK_PX."""
    size = tuple(max(1, round(side * scale)) for side in picture.size)
    sized = picture.convert("RGB").resize((size[0], size[1]), Image.Resampling.BICUBIC)
    pixels = np.asarray(sized)[:, :, ::-1]
    missing = [(0, max(0, NETWORK_PX - side)) for side in pixels.shape[:2]]
    padded: Pixels = np.ascontiguousarray(np.pad(pixels, [*missing, (0, 0)], mode="edge"))
    return padded


def _is_shaped_as_text(box: npt.NDArray[Any], area_px: int) -> bool:
    first, second = (float(np.linalg.norm(box[1] - box[0])), float(np.linalg.norm(box[2] - box[1])))
    longer, shorter = max(first, second), min(first, second)
    if longer > LONGEST_LINE * shorter:
        return False
    return longer * shorter < LARGE_SHARE * area_px or longer >= LINE_SHAPE * shorter


def _as_kept(text: str, confidence: float) -> str:
    """Return a line as it is kept, "" for one that is not."""
    written = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    signs = sum(sign.isalnum() for sign in written)
    least = LEAST_CONFIDENCE if signs > 1 else LEAST_CONFIDENCE_OF_ONE
    return written if signs and confidence >= least else ""


def _corners(box: npt.NDArray[Any], width_px: float, height_px: float) -> Corners:
    shares = np.clip(np.asarray(box, dtype=np.float64) / (width_px, height_px), 0, 1).round(4).tolist()
    upper_left, upper_right, lower_right, lower_left = ((x, y) for x, y in shares)
    return upper_left, upper_right, lower_right, lower_left


def _first_of(lines: list[Line]) -> Iterator[Line]:
    left = MOST_CHARACTERS
    for line in lines[:MOST_LINES]:
        left -= len(line.text)
        if left >= 0:
            yield line
