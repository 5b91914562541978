"""A copy of a picture at its full size that holds its pixels and nothing else, for whatever cannot be stripped."""

from io import BytesIO

from PIL import Image

COPY_FORMATS = ("JPEG", "WEBP", "PNG")
_JPEG_MAX_PX, _WEBP_MAX_PX = 65_500, 16_383  # longest sides, of libjpeg and of WebP
# 12 million pixels of a noisy photo: JPEG takes 0.09 s (2.1 MB, 42 dB), WebP's method 2 1.1 s (1.7 MB, 42 dB).
_QUALITY = 92
_WEBP_METHOD = 2


def plain_copy(pixels: Image.Image) -> tuple[str, bytes]:
    """Return the format and the file of RGB or RGBA pixels: JPEG, WebP with transparency, PNG for a side too long."""
    pixels.info = {}  # Pillow would write the original's comment and profile
    out = BytesIO()
    longest_px = max(pixels.size)
    if pixels.mode == "RGB" and longest_px <= _JPEG_MAX_PX:
        pixels.save(out, "JPEG", quality=_QUALITY, subsampling="4:4:4")
        return "JPEG", out.getvalue()
    if pixels.mode == "RGBA" and longest_px <= _WEBP_MAX_PX:
        pixels.save(out, "WEBP", quality=_QUALITY, method=_WEBP_METHOD, exif=b"", icc_profile=b"", xmp=b"")
        return "WEBP", out.getvalue()
    pixels.save(out, "PNG", compress_level=1)
    return "PNG", out.getvalue()
