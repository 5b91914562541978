"""Read environment variables, or stop with one sentence that names the variable, its value and the remedy."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE_WORDS = ("1", "true", "yes", "on")
FALSE_WORDS = ("0", "false", "no", "off")
USER_IN_ADDRESS = re.compile(r"(?<=//).*@")
BUCKET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}|arn:[A-Za-z0-9:/._-]+")  # as boto3, which says it late


def environment_with_defaults(**defaults: str) -> dict[str, str]:
    """Return the environment for another process, with what it does not set."""
    return {**defaults, **os.environ}


def env_str(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def still_set(names: Sequence[str]) -> tuple[str, ...]:
    """Return those of these variables that the environment has, whatever their value: ones that mean nothing more."""
    return tuple(name for name in names if name in os.environ)


def env_bool(name: str, default: bool) -> bool:
    value = env_str(name).lower()
    if not value:
        return default
    if value in TRUE_WORDS:
        return True
    if value in FALSE_WORDS:
        return False
    raise ImproperlyConfigured(f"{name} is “{value}”; it must be one of {', '.join(TRUE_WORDS + FALSE_WORDS)}.")


def env_int(name: str, default: int, *, minimum: int, maximum: int) -> int:
    value = env_str(name)
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is “{value}”; it must be a whole number.") from None
    if not minimum <= number <= maximum:
        raise ImproperlyConfigured(f"{name} is {number:,}; it must be from {minimum:,} to {maximum:,}.")
    return number


def env_choice(name: str, default: str, *, choices: Sequence[str]) -> str:
    value = env_str(name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name} is “{value}”; it must be one of {', '.join(choices)}.")
    return value


def env_list(name: str, default: Sequence[str] = ()) -> list[str]:
    """Return the comma-separated parts of the variable, without spaces around them."""
    value = env_str(name)
    if not value:
        return list(default)
    return [part.strip() for part in value.split(",") if part.strip()]


def env_globs(name: str, default: Sequence[str]) -> tuple[str, ...]:
    """Return the globs of file names that the variable holds, separated by commas; none for a comma alone."""
    globs = tuple(env_list(name, default))
    for glob in globs:
        if "/" in glob:
            raise ImproperlyConfigured(f"{name} has “{glob}”; it must be the name of a file or folder, without “/”.")
    return globs


def env_path(name: str, default: Path) -> Path:
    """Return an absolute path; a relative one counts from the working directory."""
    return Path(env_str(name) or default).expanduser().resolve()


def web_address(value: str, *, setting: str) -> str | None:
    """Return the address of a service, None for none. Raises ImproperlyConfigured with the remedy."""
    if not value:
        return None
    try:
        parts = urlsplit(value)
        port = parts.port  # raises for what is no number
    except ValueError:
        parts, port = urlsplit(""), None
    is_a_host = parts.hostname and port != 0 and "@" not in parts.netloc and not any(map(str.isspace, value))
    if parts.scheme not in ("http", "https") or not is_a_host or parts.query or parts.fragment:
        raise ImproperlyConfigured(
            f"{setting} is “{USER_IN_ADDRESS.sub('…@', value)}”; it must be an address with its scheme, "
            "as https://s3.example.org:9000."
        )
    return value


def bucket_name(value: str, *, setting: str) -> str:
    """Return the name of a bucket, "" for none. Raises ImproperlyConfigured for what no service takes as one."""
    if value and not BUCKET_NAME.fullmatch(value):
        raise ImproperlyConfigured(
            f"{setting} is “{value}”; it must be the bucket's name alone, "
            "of letters, digits, dots and dashes, as my-pictures."
        )
    return value


def writable_folder(path: Path, *, setting: str) -> Path:
    """Make the folder if it is missing and return it. Raises ImproperlyConfigured with the remedy."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The folder “{path}” cannot be made ({error.strerror}). Correct its permissions, or set {setting}."
        ) from error
    return path


def secret_key(path: Path, *, setting: str) -> str:
    """Return the key kept in `path`, making it once, readable by its owner only.

    Two processes that start at the same moment agree: the file is linked into place whole, and the second
    maker reads what the first one linked.
    """
    try:
        if not path.exists():
            draft = path.with_name(f"{path.name}.{os.getpid()}")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(os.urandom(48).hex())
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"The secret key “{path}” cannot be kept ({error.strerror}). Correct the folder's permissions, "
            f"or set {setting}."
        ) from error
