"""Any colours to plain sRGB: transparency on white, deep grey scaled, colour profiles applied."""

from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
DEEP_WHITE = "deep_white"  # in Image.info: the number that a TIFF says is its largest, 0 where it does not say
BLACK_AND_WHITE = (0.0, 1.0)
_SENSOR_BITS = (8, 10, 12, 14)  # in 16: what cameras, scanners and microscopes write without scaling it
_SAMPLE_NUMBERS = 1_000_000
_SAMPLE_ROWS = 1_000
_FAR_OUT = ((1_000, 1 / 2), (100, 1 / 16))  # (one in so many, the share of the range that the others must be below)
_OUTSIDE = 1 / 100  # of all numbers
_FEW_SHADES = 16
_STRIP_PX = 1 << 20
_Numbers = npt.NDArray[Any]
_LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))


def resizable(image: Image.Image) -> Image.Image:
    """Return the picture in a mode that resizes without false colours: L, RGB, RGBA or CMYK."""
    if image.mode.startswith(("I", "F")):
        return _eight_bit(image)
    if isinstance(image, BmpImageFile) and _has_unused_alpha(image):
        return image.convert("RGB")
    if isinstance(image, GifImageFile) and image.dispose_extent not in (None, (0, 0, *image.size)):
        return _clear_outside(image, image.dispose_extent)
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode == "LAB":
        return _transformed(image, _LAB)
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _has_unused_alpha(image: Image.Image) -> bool:
    """Say whether a BMP has room for alpha and zeros in it everywhere: programs leave it so and mean opaque."""
    return image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0)


def _clear_outside(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Return the picture transparent outside of the part of the canvas that a GIF's first frame covers."""
    canvas = Image.new("RGBA", image.size, (255, 255, 255, 0))
    canvas.paste(image.crop(box).convert("RGBA"), box[:2])
    return canvas


def plain_rgb(image: Image.Image, profile: object) -> Image.Image:
    """Return a picture that `resizable` gave as sRGB. `profile` is the file's ICC profile, if it has one.

    The copies carry no profile, so a phone's wide colours would look pale if they were not converted here.
    """
    flat = _on_white(image) if image.mode == "RGBA" else image
    if flat.mode in ("RGB", "CMYK") and isinstance(profile, bytes):
        return _from_profile(flat, profile)
    return flat.convert("RGB")


def plain_colours(image: Image.Image, profile: object) -> Image.Image:
    """Do what `plain_rgb` does, but keep alpha: RGBA where the picture has transparency."""
    if image.mode != "RGBA":
        return plain_rgb(image, profile)
    alpha = image.getchannel("A")
    rgb = plain_rgb(image.convert("RGB"), profile)
    if alpha.getextrema() != (255, 255):
        rgb.putalpha(alpha)
    return rgb


def _from_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """Apply an ICC profile; one that is damaged or of another kind of colour is ignored, as browsers do."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        fits = source.profile.xcolor_space.strip() == image.mode
        if fits and not _is_srgb(source.profile.profile_description or ""):
            return _transformed(image, source)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        pass
    return image.convert("RGB")


def _is_srgb(description: str) -> bool:
    return "sRGB" in description or description == "RGB_D65_SRG_Rel_SRG"  # as libjxl calls it


def _transformed(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    transform = ImageCms.buildTransform(source, _SRGB, image.mode, "RGB")
    return ImageCms.applyTransform(image, transform) or image


def deep_bits(highest: int, said: int = 0) -> int:
    """Return how many of 16 bits are used, by the largest number that occurs and the one that the file says.

    A picture whose numbers all fit into 14, 12, 10 or 8 bits is of so many; one of 15 is a dark one of 16.
    """
    return next((bits for bits in _SENSOR_BITS if max(highest, said) < 1 << bits), 16)


def colour_span(colours: _Numbers) -> tuple[float, float]:
    """Return the numbers of black and white for colours, whose balance a stretch of what occurs would change.

    Whole numbers are of as many bits as occur. Floats go to 1 or, where that is too little, to 255, as programs write
    them: highlights beyond are white, and what is below 0 is black. Other floats go to the largest that `span` finds.
    """
    if colours.dtype.kind == "u":
        return 0.0, float((1 << int(colours.max(initial=1)).bit_length()) - 1)
    low, high = span([colours], colours.size)
    if colours.dtype.kind == "f":
        numbers = colours[:: max(1, len(colours) // _SAMPLE_ROWS)]
        numbers = numbers[np.isfinite(numbers)]
        for black, white in (BLACK_AND_WHITE, (0.0, 255.0)):
            is_meant = white == 1 or high > white / 2
            if is_meant and np.count_nonzero((numbers < black) | (numbers > white)) <= len(numbers) * _OUTSIDE:
                return black, white
    return min(0.0, low), high


def span(parts: Iterable[_Numbers], size: int) -> tuple[float, float]:
    """Return the numbers to show as black and as white: all that occur, but for those that are far out.

    Some hot pixels, or lost ones marked by -9999, would make everything else one shade. What is left out on both
    sides: one number that stands for what was not measured, however often; the outermost thousandth, and one number
    at least, where it takes more than half of the range; the outermost hundredth where it takes nearly all of it.
    `size` is the number of all numbers in the parts together.
    """
    step = max(1, size // _SAMPLE_NUMBERS)
    samples, lows, highs = [], [], []
    for part in parts:
        numbers = part[np.isfinite(part)].astype(np.float64)
        if numbers.size:
            samples.append(numbers[::step])
            lows.append(numbers.min())
            highs.append(numbers.max())
    if not samples:
        return BLACK_AND_WHITE
    low, high = float(min(lows)), float(max(highs))
    measured = _measured(np.sort(np.concatenate(samples)))
    if measured[0] - low > high / 2 - low / 2 or high - measured[-1] > high / 2 - low / 2:
        low, high = float(measured[0]), float(measured[-1])
    for share, most in _FAR_OUT:
        inner_low, inner_high = _inner(measured, share)
        if 0 < inner_high - inner_low < high * most - low * most:
            low, high = inner_low, inner_high
    return (low, high) if high > low else (min(0.0, low), max(0.0, high))


def _measured(numbers: _Numbers) -> _Numbers:
    """Return sorted numbers without one at either end that stands for “not measured”: often there, and far away."""
    ends: list[tuple[int, _Numbers]] = [(0, numbers[numbers > numbers[0]]), (-1, numbers[numbers < numbers[-1]])]
    for end, kept in ends:
        is_often = len(numbers) - len(kept) > len(numbers) // 100
        if is_often and len(kept) and abs(kept[end] - numbers[end]) > kept[-1] - kept[0] and _is_varied(kept):
            return kept
    return numbers


def _is_varied(numbers: _Numbers) -> bool:
    """Say whether these may be measured: masks and drawings have few shades, of which none is to be lost."""
    return int(np.count_nonzero(np.diff(numbers))) >= _FEW_SHADES


def _inner(numbers: _Numbers, share: int) -> tuple[float, float]:
    """Return the lowest and the highest of sorted numbers but for this share (one in so many) on both sides."""
    last = len(numbers) - 1
    out = min(max(1, len(numbers) // share), last)
    return float(numbers[out]), float(numbers[last - out])


def eight_bit(values: _Numbers, low: float, high: float) -> npt.NDArray[np.uint8]:
    """Return 0 for `low` and less and what is no number, 255 for `high` and more."""
    finite = np.nan_to_num(values.astype(np.float64), nan=low, posinf=low, neginf=low)
    return ((finite - low) * (255 / ((high - low) or 1.0))).clip(0, 255).astype(np.uint8)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale deep grey to 8 bits, where Pillow would clip: 16 bits by the bits in use, others by what occurs.

    Strip by strip: the numbers of a large picture would take several times the memory of the picture itself.
    """
    if image.mode.startswith("I;16"):
        shift = _used_bits(image) - 8
        return _in_strips(image, lambda values: values >> shift)
    low, high = span((values for _top, values in _strips(image)), image.width * image.height)
    return _in_strips(image, lambda values: eight_bit(values, low, high))


def _used_bits(image: Image.Image) -> int:
    """Return 16 but for a TIFF of fewer: in PNG and JPEG XL white is the largest number that there can be."""
    if DEEP_WHITE not in image.info:
        return 16
    return deep_bits(max(int(values.max()) for _top, values in _strips(image)), image.info[DEEP_WHITE])


def _in_strips(image: Image.Image, to_eight_bit: Callable[[_Numbers], _Numbers]) -> Image.Image:
    grey = Image.new("L", image.size)
    for top, values in _strips(image):
        grey.paste(Image.fromarray(to_eight_bit(values).astype(np.uint8)), (0, top))
    return grey


def _strips(image: Image.Image) -> Iterator[tuple[int, _Numbers]]:
    """Yield (top row, numbers) of the whole picture."""
    rows = max(1, _STRIP_PX // image.width)
    for top in range(0, image.height, rows):
        yield top, np.asarray(image.crop((0, top, image.width, min(top + rows, image.height))))


def _on_white(image: Image.Image) -> Image.Image:
    page = Image.new("RGB", image.size, "white")
    page.paste(image, mask=image.getchannel("A"))
    return page
