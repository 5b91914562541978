"""How large a request may be: judged by what it announces, before a byte of it is read."""

from django.http import HttpRequest

from .conf import gallery
from .errors import FileTooLarge

FORM_BYTES = 1_000_000  # what a form may add to its files


def size_refusal(request: HttpRequest, *, max_files: int = 1) -> FileTooLarge | None:
    """Return why the request is too large to be read, None if it is not; it may carry `max_files` pictures."""
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
