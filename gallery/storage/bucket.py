"""A bucket of S3 that says when it cannot be reached, and within a bounded time. Needs requirements-s3.txt."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError
from django.core.files.base import File
from storages.backends.s3 import S3Storage

from gallery.errors import Phrase, StorageUnavailable, gettext_noop

ATTEMPTS = 2
SILENT = Phrase(gettext_noop("it did not answer a moment ago"))
CONNECTING_SECONDS = 5.0  # a service that is there answers a call within that; one attempt of `ATTEMPTS`
BUCKET_KNOWN_SECONDS = 60.0
NOT_FOUND = 404
LONGEST_REASON = 200  # characters
LISTINGS_AT_ONCE = 8
PAUSE_SECONDS = 5.0  # a silent service is not asked meanwhile: else it would soon hold every thread of the site


def _reason(error: Exception) -> str:
    """Return why, without addresses of the service, and its own code where it gave one."""
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    return str(code or type(error).__name__)[:LONGEST_REASON]


class BucketStorage(S3Storage):  # type: ignore[misc]
    """For files named by their content, as `ContentStorage`: an object appears whole or not at all.

    Every call raises StorageUnavailable if the service or the bucket is away, refuses us or is too slow.
    `timeout_seconds` is how long it may be silent, in each of two attempts.
    """

    timeout_seconds: float
    listings_at_once = LISTINGS_AT_ONCE

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.client_config: Config = self.client_config.merge(
            Config(
                connect_timeout=min(CONNECTING_SECONDS, self.timeout_seconds),
                read_timeout=self.timeout_seconds,
                retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            )
        )
        self._bucket_seen_at = -BUCKET_KNOWN_SECONDS
        self._silent_until = 0.0

    def get_default_settings(self) -> dict[str, Any]:
        return {**super().get_default_settings(), "timeout_seconds": 10.0}

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        """Return the whole file: what is read later could fail in the middle of an answer."""
        with self._reaching():
            try:
                file: File[Any] = super()._open(name, mode)
                file.open()
            except FileNotFoundError:
                self.require_bucket()
                raise
            return file

    def _save(self, name: str, content: File[Any]) -> str:
        with self._reaching():
            return str(super()._save(name, content))

    def delete(self, name: str) -> None:
        with self._reaching():
            super().delete(name)

    def exists(self, name: str) -> bool:
        with self._reaching():
            if super().exists(name):
                return True
            self.require_bucket()
            return False

    def size(self, name: str) -> int:
        with self._reaching():
            try:
                return int(super().size(name))
            except FileNotFoundError:
                self.require_bucket()
                raise

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        with self._reaching():
            folders, files = super().listdir(name)
            return folders, files

    def sizes_below(self, folder: str) -> dict[str, int]:
        """Return the size in bytes of each file below the folder, by its path. See `ListingStorage`.

        A request brings 1,000 of them, so that this is three orders cheaper than asking for each.
        """
        prefix = f"{self._normalize_name(folder)}/"
        with self._reaching():
            pages = self.connection.meta.client.get_paginator("list_objects_v2")
            return {
                f"{folder}/{each['Key'].removeprefix(prefix)}": int(each["Size"])
                for page in pages.paginate(Bucket=self.bucket_name, Prefix=prefix)
                for each in page.get("Contents", ())
            }

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Turn whatever keeps the bucket from answering into StorageUnavailable; FileNotFoundError stays."""
        if time.monotonic() < self._silent_until:
            raise StorageUnavailable(reason=SILENT)
        try:
            yield
        except (ConnectTimeoutError, ReadTimeoutError) as error:
            self._silent_until = time.monotonic() + PAUSE_SECONDS
            raise StorageUnavailable(reason=_reason(error)) from error
        except (BotoCoreError, ClientError, Boto3Error) as error:
            raise StorageUnavailable(reason=_reason(error)) from error

    def require_bucket(self) -> None:
        """Raises StorageUnavailable if it is the bucket that is missing: S3 answers both with 404."""
        if time.monotonic() - self._bucket_seen_at < BUCKET_KNOWN_SECONDS:
            return
        try:
            self.connection.meta.client.head_bucket(Bucket=self.bucket_name)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != NOT_FOUND:
                raise
            raise StorageUnavailable(reason="NoSuchBucket") from error
        self._bucket_seen_at = time.monotonic()
