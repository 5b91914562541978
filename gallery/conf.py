"""The gallery's settings as one frozen object. The only reader of `settings.GALLERY`."""

from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, get_origin

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    data_dir: Path
    encoder: str
    precision: str
    max_upload_bytes: int
    max_upload_files: int
    max_pixels: int
    max_frames: int
    decode_timeout_seconds: int
    decode_memory_mb: int
    decode_wait_seconds: int
    search_max_pixels: int
    search_decode_timeout_seconds: int
    import_ignore: tuple[str, ...]  # globs of names
    max_results: int
    max_query_characters: int
    engine: str
    search_threads: int  # 0: one per core
    embed_batch_size: int
    lock_timeout_seconds: int
    embedded_words: bool
    reads_text: bool
    sign_up_open: bool
    sign_ups_per_hour: int  # 0: no limit, as below
    reset_mails_per_hour: int
    resets_per_client_per_hour: int
    visitor_picture_searches_per_minute: int
    member_picture_searches_per_minute: int
    upload_bytes_per_hour: int
    quota_pictures: int  # where the account says nothing
    quota_bytes: int
    trash_days: int
    metrics_enabled: bool
    starts_worker: bool

    @property
    def vectors_dir(self) -> Path:
        return self.data_dir / "vectors"

    @property
    def machine_code_dir(self) -> Path:
        return self.data_dir / "cache" / "machine-code"

    @property
    def calibrations_dir(self) -> Path:
        return self.data_dir / "calibrations"

    @property
    def locks_dir(self) -> Path:
        return self.data_dir / "locks"


@lru_cache(maxsize=1)
def gallery() -> Gallery:
    """Return the validated settings. Raises ImproperlyConfigured naming what is missing or not known."""
    values: dict[str, Any] = settings.GALLERY
    known = {field.name for field in fields(Gallery)}
    if wrong := known ^ set(values):
        raise ImproperlyConfigured(f"settings.GALLERY must have exactly these keys; check {', '.join(sorted(wrong))}.")
    for field in fields(Gallery):
        _require_type(field.name, values[field.name], field.type)
    return Gallery(**values)


def _require_type(name: str, value: Any, wanted: Any) -> None:
    if not isinstance(value, get_origin(wanted) or wanted) or (isinstance(value, bool) and wanted is not bool):
        raise ImproperlyConfigured(f"settings.GALLERY['{name}'] is {value!r}; it must be {wanted.__name__}.")


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "GALLERY":
        gallery.cache_clear()


setting_changed.connect(_forget)
