"""Small WebP copies for pages: made from the decoded picture, so the original is never decoded twice."""

from io import BytesIO

from PIL import Image

from gallery.imaging.decoding import PREVIEW_PX

THUMBNAIL_SIZES_PX = (400, PREVIEW_PX)  # grids (sharp on phones), the picture's own page
THUMBNAIL_MIME_TYPE = "image/webp"
_QUALITY = 80
_METHOD = 0


def thumbnails(pixels: Image.Image) -> dict[int, bytes]:
    """Return one WebP per size of THUMBNAIL_SIZES_PX, keyed by that longest side; never enlarged, without metadata.

    `pixels` is an RGB picture as `inspect` gives it; a picture smaller than a size is kept at its own.
    """
    made: dict[tuple[int, int], bytes] = {}
    result = {}
    for longest_px in THUMBNAIL_SIZES_PX:
        size = _fit(pixels.size, longest_px)
        if size not in made:
            made[size] = _webp(pixels if size == pixels.size else _shrunk(pixels, size))
        result[longest_px] = made[size]
    return result


def _fit(size: tuple[int, int], longest_px: int) -> tuple[int, int]:
    scale = min(1.0, longest_px / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _shrunk(pixels: Image.Image, size: tuple[int, int]) -> Image.Image:
    return pixels.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _webp(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "WEBP", quality=_QUALITY, method=_METHOD, exif=b"", icc_profile=b"", xmp=b"")
    return out.getvalue()
