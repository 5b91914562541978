"""The files of pictures as answers to pages and programs alike: what may be kept, and for how long.

Callers decide access, each time that something is asked for. Which form of an original somebody gets is asked here: the
stored bytes, or the same picture without position and other metadata; each has its own ETag. An original, and a
thumbnail at an address without its content's hash, may be kept and must be asked for again: who may see it changes.
A thumbnail at the address that `thumbnail_address` gives never changes, so whoever has seen it may keep it. No shared
cache keeps anything.
"""

from io import BytesIO
from pathlib import PurePath
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.cache import get_conditional_response, patch_cache_control, patch_vary_headers

from .imaging import EXTENSIONS, MIME_TYPES, SHOWN_BY_BROWSERS, THUMBNAIL_MIME_TYPE, THUMBNAIL_SIZES_PX
from .models import Actor, Image, QueryPicture
from .models.access import gets_whole_original
from .services.media import OriginalFile, open_original, open_plain_original, open_thumbnail

ASK_AGAIN: dict[str, Any] = {"private": True, "no_cache": True}
PLAIN_VERSION = 1  # of what an original loses: another rule is another file at the same address
A_YEAR_SECONDS = 31_536_000
FOR_GOOD: dict[str, Any] = {"private": True, "max_age": A_YEAR_SECONDS, "immutable": True}


def thumbnail_address(image: Image, size_px: int = min(THUMBNAIL_SIZES_PX), *, namespace: str = "") -> str:
    """Return the path of these very bytes: other bytes have another one. `namespace` is "api:" for programs."""
    return reverse(f"{namespace}image-thumbnail-content", args=[image.pk, size_px, image.sha256])


def original_response(request: HttpRequest, image: Image, *, by: Actor) -> HttpResponseBase:
    """Return the original, `?download` or not: whole or without metadata, as `access` says. Each has its own ETag.

    Raises OriginalMissing, NoPlainCopy.
    """
    is_whole = gets_whole_original(by, image)
    etag = f'"{image.sha256}"' if is_whole else f'"{image.sha256}-plain-{PLAIN_VERSION}"'
    if (unchanged := get_conditional_response(request, etag=etag)) is not None:
        return _kept(unchanged, etag, ASK_AGAIN, varies=True)
    sent = OriginalFile(open_original(image), image.format) if is_whole else open_plain_original(image)
    response = FileResponse(
        sent.file,
        as_attachment="download" in request.GET or sent.format not in SHOWN_BY_BROWSERS,
        filename=_name(image, sent.format),
        content_type=MIME_TYPES[sent.format],
    )
    return _kept(response, etag, ASK_AGAIN, varies=True)


def _name(image: Image, format: str) -> str:
    """Return the picture's name, with another extension where what is sent has another format."""
    if format == image.format:
        return image.original_name
    return PurePath(image.original_name).stem + EXTENSIONS[format]


def thumbnail_response(
    request: HttpRequest, image: Image, size_px: int, *, sha256: str | None = None
) -> HttpResponseBase:
    """Return a thumbnail; `sha256` is the content that the address names, if it names one.

    Raises Http404 for a size that there is not and for a content that is not the picture's; OriginalMissing.
    """
    if size_px not in THUMBNAIL_SIZES_PX or sha256 not in (None, image.sha256):
        raise Http404
    etag, keep = f'"{image.sha256}-{size_px}"', ASK_AGAIN if sha256 is None else FOR_GOOD
    if (unchanged := get_conditional_response(request, etag=etag)) is not None:
        return _kept(unchanged, etag, keep)
    name = f"{PurePath(image.original_name).stem}-{size_px}.webp"
    response = FileResponse(open_thumbnail(image, size_px), filename=name, content_type=THUMBNAIL_MIME_TYPE)
    return _kept(response, etag, keep)


def preview_response(request: HttpRequest, picture: QueryPicture) -> HttpResponseBase:
    """Return what somebody searched with; its random address names these bytes alone."""
    etag = f'"{picture.pk}"'
    if (unchanged := get_conditional_response(request, etag=etag)) is not None:
        return _kept(unchanged, etag, FOR_GOOD)
    response = FileResponse(BytesIO(bytes(picture.preview)), content_type=THUMBNAIL_MIME_TYPE)
    return _kept(response, etag, FOR_GOOD)


def _kept(response: HttpResponseBase, etag: str, keep: dict[str, Any], *, varies: bool = False) -> HttpResponseBase:
    """`varies`: who asks decides what is sent."""
    response.headers["ETag"] = etag
    patch_cache_control(response, **keep)
    if varies:
        patch_vary_headers(response, ("Cookie", "Authorization"))
    return response
