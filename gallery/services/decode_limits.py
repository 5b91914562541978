"""How large and how slow a picture may be before it is refused, as the settings say."""

from gallery.conf import gallery
from gallery.imaging import Limits


def decode_limits() -> Limits:
    settings = gallery()
    return Limits(
        max_bytes=settings.max_upload_bytes,
        max_pixels=settings.max_pixels,
        max_frames=settings.max_frames,
        timeout_seconds=settings.decode_timeout_seconds,
        memory_mb=settings.decode_memory_mb,
    )
