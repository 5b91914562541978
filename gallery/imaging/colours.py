"""Any colours to plain sRGB: transparency on white, deep grey scaled, colour profiles applied."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_STRIP_PX = 1 << 20
_Numbers = npt.NDArray[Any]
_LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))


def resizable(image: Image.Image) -> Image.Image:
    """Return the picture in a mode that resizes without false colours: L, RGB, RGBA or CMYK."""
    if image.mode.startswith(("I", "F")):
        return _eight_bit(image)
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode == "LAB":
        return _transformed(image, _LAB)
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


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


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale deep grey to 8 bits, where Pillow would clip: 16 bits by their full range, others by what occurs.

    Strip by strip: the numbers of a large picture would take several times the memory of the picture itself.
    """
    if image.mode.startswith("I;16"):
        return _in_strips(image, lambda values: values >> 8)
    low, high = 0.0, 0.0
    for number, (_top, values) in enumerate(_strips(image)):
        low = min(low, values.min()) if number else values.min()
        high = max(high, values.max()) if number else values.max()
    scale = 255 / ((high - low) or 1.0)
    return _in_strips(image, lambda values: (values - low) * scale)


def _in_strips(image: Image.Image, to_eight_bit: Callable[[_Numbers], _Numbers]) -> Image.Image:
    grey = Image.new("L", image.size)
    for top, values in _strips(image):
        grey.paste(Image.fromarray(to_eight_bit(values).astype(np.uint8)), (0, top))
    return grey


def _strips(image: Image.Image) -> Iterator[tuple[int, _Numbers]]:
    """Yield (top row, numbers) of the whole picture: 16-bit numbers as they are, others as finite float64."""
    rows = max(1, _STRIP_PX // image.width)
    for top in range(0, image.height, rows):
        values = np.asarray(image.crop((0, top, image.width, min(top + rows, image.height))))
        if values.dtype.itemsize != 2:  # float32 overflows on the range of hostile values
            values = np.nan_to_num(values, posinf=0, neginf=0).astype(np.float64)
        yield top, values


def _on_white(image: Image.Image) -> Image.Image:
    page = Image.new("RGB", image.size, "white")
    page.paste(image, mask=image.getchannel("A"))
    return page
