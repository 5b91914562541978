"""Which requests are read, and how large they may be: judged by what they announce, before a byte is read."""

from typing import cast

from django.http import HttpRequest

from .conf import gallery
from .errors import FileTooLarge, ImageSearchError, LengthRequired, PackedBody

SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")  # no body of theirs is ever read
FORM_BYTES = 1_000_000  # what a form may add to its files
REFUSED = "imagesearch.refused"  # where in `META` the server says why it hands a request on that nobody is to carry out


def refusal(request: HttpRequest, *, max_files: int = 1) -> ImageSearchError | None:
    """Return why the request cannot be read, None if it can; it may carry `max_files` pictures.

    What would be taken for an empty request, or for one without fields, is refused instead.
    """
    if (refused := request.META.get(REFUSED)) is not None:
        return cast("ImageSearchError", refused)
    unread = None if request.method in SAFE_METHODS else _unread_body(request)
    return unread or _size_refusal(request, max_files=max_files)


def largest_body_bytes(*, max_files: int) -> int:
    """Return how long a request may be that carries so many pictures."""
    one = gallery().max_upload_bytes
    as_base64 = one * 4 // 3  # four bytes for three
    return max(as_base64, one * max_files) + FORM_BYTES


def _unread_body(request: HttpRequest) -> ImageSearchError | None:
    if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
        return LengthRequired()
    packed = request.META.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    return None if packed in ("", "identity") else PackedBody(encoding=packed)


def _size_refusal(request: HttpRequest, *, max_files: int) -> FileTooLarge | None:
    length = _length_bytes(request)
    if length <= largest_body_bytes(max_files=max_files):
        return None
    return FileTooLarge(size_bytes=length, limit_bytes=gallery().max_upload_bytes * max_files)


def _length_bytes(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
