"""How much of something one may have, and how often one may do it."""

from typing import Any

from .base import ImageSearchError, gettext_noop


class TooOften(ImageSearchError):
    """The same request may do after `seconds`."""

    code = "too_often"
    http_status = 429
    message = gettext_noop("That was too often. Wait %(seconds)s seconds and try again.")

    def __init__(self, *, seconds: int = 60, **details: Any) -> None:
        super().__init__(seconds=seconds, **details)
        self.retry_after_seconds = seconds


class TooManyPictureSearches(TooOften):
    code = "too_many_picture_searches"
    message = gettext_noop("You may search with a picture %(limit)s times a minute. %(remedy)s")


class PictureSearchUnderWay(TooOften):
    code = "picture_search_under_way"
    message = gettext_noop(
        "You may have %(limit)s searches with a picture under way at a time. Wait %(seconds)s seconds and try again."
    )


class UploadedTooMuch(TooOften):
    code = "uploaded_too_much"
    message = gettext_noop(
        "You have sent %(used_mb)s MB within an hour; the limit is %(limit_mb)s MB. Go on in %(minutes)s minutes."
    )


class TooManyPictures(ImageSearchError):
    code = "too_many_pictures"
    http_status = 403
    message = gettext_noop("This library holds %(count)s pictures; the limit is %(limit)s. %(remedy)s")


class LibraryTooLarge(ImageSearchError):
    code = "library_too_large"
    http_status = 413
    message = gettext_noop(
        "This library holds %(used_bytes)s bytes, and this file has %(size_bytes)s; the limit is %(limit_bytes)s. "
        "%(remedy)s"
    )
