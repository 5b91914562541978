"""Large WebP and AVIF pictures with one copy of their pixels instead of two: so the largest fit into the memory."""

from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.WebPImagePlugin import WebPImageFile

# Pillow holds 16 bytes a pixel while it loads one: 128 million take 2.05 GB. From here on its copies are left out,
# which makes 12 bytes a pixel, and for the same pixels.
LARGE_PX = 40_000_000


def with_pixels(image: WebPImageFile | AvifImageFile, pixels: bytes, *, mode: str = "RGBA") -> Image.Image:
    """Return a picture of these pixels, 4 bytes each, which are not copied, with all else that the file says."""
    image._decoder = None
    lean = Image.frombuffer(mode, image.size, pixels, "raw", mode, 0, 1)
    lean.info = image.info
    lean.n_frames = image.n_frames  # type: ignore[attr-defined]
    return lean
