"""How large and how slow a picture may be before it is refused, and how long it waits for a decoder."""

from dataclasses import replace

from gallery.conf import gallery
from gallery.imaging import Limits, Purpose


def decode_limits() -> Limits:
    """Return the limits of what nobody waits for: imports, embedding. It waits its turn however long that takes."""
    settings = gallery()
    return Limits(
        max_bytes=settings.max_upload_bytes,
        max_pixels=settings.max_pixels,
        max_frames=settings.max_frames,
        timeout_seconds=settings.decode_timeout_seconds,
        memory_mb=settings.decode_memory_mb,
    )


def upload_limits() -> Limits:
    return replace(decode_limits(), wait_seconds=gallery().decode_wait_seconds)


def copy_limits() -> Limits:
    """Return the limits of what is made of a stored picture while somebody waits: a thumbnail, a plain copy."""
    return replace(upload_limits(), purpose=Purpose.COPYING)


def search_limits() -> Limits:
    """Return the limits of a picture that somebody searches with: anybody may, so it costs little and is soon over.

    Its pixels are those that the same file brings into a library, so that it is found with a score of 1.
    """
    settings = gallery()
    return replace(
        upload_limits(),
        purpose=Purpose.SEARCHING,
        max_pixels=min(settings.search_max_pixels, settings.max_pixels),
        timeout_seconds=min(settings.search_decode_timeout_seconds, settings.decode_timeout_seconds),
    )
