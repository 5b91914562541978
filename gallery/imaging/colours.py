"""Any colours to plain sRGB: transparency on white, deep grey scaled, colour profiles applied."""

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
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


def _from_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """Apply an ICC profile; one that is damaged or of another kind of colour is ignored, as browsers do."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        fits = source.profile.xcolor_space.strip() == image.mode
        if fits and "sRGB" not in (source.profile.profile_description or ""):
            return _transformed(image, source)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        pass
    return image.convert("RGB")


def _transformed(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    transform = ImageCms.buildTransform(source, _SRGB, image.mode, "RGB")
    return ImageCms.applyTransform(image, transform) or image


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale deep grey to 8 bits, where Pillow would clip: 16 bits by their full range, others by what occurs."""
    values = np.nan_to_num(np.asarray(image), posinf=0, neginf=0)
    if values.dtype.itemsize == 2:
        return Image.fromarray((values >> 8).astype(np.uint8))
    values = values.astype(np.float64)  # float32 overflows on the range of hostile values
    low, high = values.min(), values.max()
    return Image.fromarray(((values - low) * (255 / ((high - low) or 1.0))).astype(np.uint8))


def _on_white(image: Image.Image) -> Image.Image:
    page = Image.new("RGB", image.size, "white")
    page.paste(image, mask=image.getchannel("A"))
    return page
