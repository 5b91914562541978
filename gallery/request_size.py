"""Which requests are read, and how large they may be: judged by what they announce, before a byte is read."""

from django.http import HttpRequest

from .conf import gallery
from .errors import FileTooLarge, ImageSearchError, LengthRequired, PackedBody

SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")  # no body of theirs is ever read
FORM_BYTES = 1_000_000  # what a form may add to its files


def refusal(request: HttpRequest, *, max_files: int = 1) -> ImageSearchError | None:
    """Return why the request cannot be read, None if it can; it may carry `max_files` pictures.

    What would be taken for an empty request, or for one without fields, is refused instead.
    """
    unread = None if request.method in SAFE_METHODS else _unread_body(request)
    return unread or _size_refusal(request, max_files=max_files)


def _unread_body(request: HttpRequest) -> ImageSearchError | None:
    if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
        return LengthRequired()
    packed = request.META.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    return None if packed in ("", "identity") else PackedBody(encoding=packed)


def _size_refusal(request: HttpRequest, *, max_files: int) -> FileTooLarge | None:
    length = _length_bytes(request)
    one = gallery().max_upload_bytes
    as_base64 = one * 4 // 3  # four bytes for three
    if length <= max(as_base64, one * max_files) + FORM_BYTES:
        return None
    return FileTooLarge(size_bytes=length, limit_bytes=one * max_files)


def _length_bytes(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
