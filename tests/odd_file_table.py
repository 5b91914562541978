"""What is expected of each odd file and what came of it: `python -m tests.odd_file_table` writes docs/odd_files.md."""

import os
import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from gallery.errors import InvalidPicture
from gallery.imaging import LABELS, THUMBNAIL_SIZES_PX, Limits, inspect
from tests.odd_files import CLEAR_BUT_LAST, ODD_FILES, QUARTERS, RAMP, Colour, Odd, Quarters

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs" / "odd_files.md"
FOLDER = Path(os.environ.get("IMAGESEARCH_TEST_ODD_FILES", ROOT.parent / "shared" / "bug_inputs"))
MARK = "<!-- python -m tests.odd_file_table writes what follows -->\n"
LIMITS = Limits(max_bytes=20_000_000, max_pixels=20_000_000, max_frames=5)
TOLERANCE = 14  # of 255, in a thumbnail: WebP's own loss, and that of JPEG before


def _given(name: str, quarters: Quarters = QUARTERS, size: tuple[int, int] = (320, 200), *, at: float = 0.25) -> Odd:
    return Odd(name, bytes, quarters, size, at=at)


GIVEN = {
    odd.name: odd
    for odd in (
        _given("A1_jpeg_without_eoi.jpg"),
        _given("A2_png_ztxt_3MB.png"),
        _given("A3_png_itxt_3MB.png"),
        _given("A5_png_bad_crc_in_tIME.png"),
        _given("A7_tiff_rgb_float32.tif", size=(120, 80)),
        _given("B1_xmp_orientation_only.jpg"),
        _given("B2_doubled_exif_header_orientation6.jpg"),
        _given("B4_orientation6_and_ifd_count_too_big.jpg"),
        _given("B5_heic_exif_orientation6_without_irot.heic"),
        _given("B6_bmp_v5_alpha_all_zero.bmp", size=(160, 100)),
        _given("B7_tiff_12_bits_in_16.tif", RAMP),
        _given("B8_gif_first_frame_smaller_than_canvas.gif", at=0.375),  # the frame is in the middle
        _given("C1_camera_raw.dng"),
    )
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a file came to: its format, its upright size, its thumbnail's quarters; or the code of its refusal."""

    format: str = ""
    size: tuple[int, int] = (0, 0)
    quarters: tuple[Colour, ...] = ()
    refused: str = ""


def outcome_of(content: bytes, at: float = 0.25) -> Outcome:
    try:
        picture = inspect(BytesIO(content), limits=LIMITS, with_thumbnails=True)
    except InvalidPicture as error:
        return Outcome(refused=error.code)
    facts = picture.facts
    thumbnail = Image.open(BytesIO(picture.thumbnails[THUMBNAIL_SIZES_PX[0]])).convert("RGB")
    return Outcome(LABELS[facts.format], (facts.width_px, facts.height_px), quarters_of(thumbnail, at))


def quarters_of(image: Image.Image, at: float) -> tuple[Colour, ...]:
    """Return the mean colour of a small square in the middle of each quarter."""
    values = np.asarray(image)
    means = []
    for across, down in ((at, at), (1 - at, at), (at, 1 - at), (1 - at, 1 - at)):
        left, top = int(image.width * across), int(image.height * down)
        red, green, blue = values[top - 1 : top + 2, left - 1 : left + 2].reshape(-1, 3).mean(axis=0).round()
        means.append((int(red), int(green), int(blue)))
    return tuple(means)


def judged(odd: Odd, outcome: Outcome) -> str:
    """Return "as expected", or what is not."""
    if outcome.refused != odd.refused:
        return f"{outcome.refused or 'shown'} instead of {odd.refused or 'shown'}"
    if odd.refused:
        return "as expected"
    if outcome.size != odd.size:
        return f"{outcome.size} instead of {odd.size}"
    return "as expected" if _difference(odd, outcome) <= TOLERANCE else f"{outcome.quarters} instead of {odd.quarters}"


def _difference(odd: Odd, outcome: Outcome) -> int:
    return int(np.abs(np.array(outcome.quarters) - np.array(odd.quarters)).max())


def table(folder: Path) -> str:
    given = [(odd, (folder / name).read_bytes()) for name, odd in GIVEN.items()]
    rows = [_row(odd, outcome_of(content, odd.at)) for odd, content in given + [(odd, odd.make()) for odd in ODD_FILES]]
    return "".join(f"{row}\n" for row in (*_HEAD, *rows))


_HEAD = (
    "| file | expected | got | thumbnail | verdict |",
    "| --- | --- | --- | --- | --- |",
)


def _row(odd: Odd, outcome: Outcome) -> str:
    expected = f"refused: `{odd.refused}`" if odd.refused else f"{odd.size[0]} × {odd.size[1]}, {_named(odd.quarters)}"
    size = f"{outcome.format}, {outcome.size[0]} × {outcome.size[1]}"
    got = f"refused: `{outcome.refused}`" if outcome.refused else size
    seen = "" if outcome.refused or odd.refused else f"all within {TOLERANCE}"
    if seen and _difference(odd, outcome) > TOLERANCE:
        seen = f"off by {_difference(odd, outcome)}"
    return f"| {odd.name} | {expected} | {got} | {seen} | {judged(odd, outcome)} |"


def _named(quarters: Quarters) -> str:
    known = {QUARTERS: "four quarters", RAMP: "the ramp", CLEAR_BUT_LAST: "white but for the last quarter"}
    return known.get(quarters, "its own quarters")


def main() -> None:
    before = TABLE.read_text().partition(MARK)[0]
    TABLE.write_text(before + MARK + "\n" + table(FOLDER))
    sys.stdout.write(f"{TABLE}\n")


if __name__ == "__main__":
    main()
