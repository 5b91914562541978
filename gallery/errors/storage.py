"""Vectors, files and the database."""

from .base import ImageSearchError, gettext_noop


class InvalidVector(ImageSearchError):
    code = "invalid_vector"
    http_status = 400
    message = gettext_noop("The vector of picture %(image_id)s cannot be indexed: %(reason)s.")


class StoreDamaged(ImageSearchError):
    code = "store_damaged"
    http_status = 503
    message = gettext_noop("The vector file “%(path)s” is damaged: %(reason)s. Run: manage.py verify_index --repair")


class StoreBusy(ImageSearchError):
    code = "store_busy"
    http_status = 503
    retry_after_seconds = 5
    message = gettext_noop("The vector file has been locked by another process for %(seconds)s seconds. Try again.")


class StorageFull(ImageSearchError):
    code = "storage_full"
    http_status = 507
    message = gettext_noop("There is no free space left in the storage. Nothing was saved; free some space and retry.")


class StorageNotWritable(ImageSearchError):
    code = "storage_not_writable"
    http_status = 503
    message = gettext_noop(
        "The data folder “%(path)s” cannot be written (%(reason)s). Fix its permissions or set IMAGESEARCH_DATA_DIR."
    )


class DatabaseBusy(ImageSearchError):
    code = "database_busy"
    http_status = 503
    retry_after_seconds = 5
    message = gettext_noop("The database is busy with another change. Nothing was saved; try again in a moment.")


class StorageUnavailable(ImageSearchError):
    code = "storage_unavailable"
    http_status = 503
    retry_after_seconds = 30
    message = gettext_noop(
        "The storage of the pictures cannot be used now (%(reason)s). Nothing was saved; try again in a moment."
    )
