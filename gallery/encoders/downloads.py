"""Bringing a model from the Hugging Face hub, or a mirror of it (`HF_ENDPOINT`), into the hub's own cache.

Order, and what each kill leaves behind. Everything is about one commit, resolved first.
1. Small files, by the hub's client: each appears whole or not at all.
2. Each file of weights grows as `blobs/<sha256>.part`. A kill leaves the part; the next run asks for the rest by an
   HTTP range. The whole file is compared with the hub's SHA-256, synced, and renamed to `blobs/<sha256>`, which is
   where the hub's client expects it.
3. The hub's client links the weights into `snapshots/<commit>`. From here on `weights.is_complete` is true.
4. Pickled weights, where there is nothing better, are converted beside the links.
The hub's client itself does not go on with a broken file (its partial files have random names), so step 2 is ours.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from io import FileIO
from pathlib import Path
from typing import Any

from gallery.durable.file_lock import FileLock
from gallery.durable.synced_writing import fsync_dir, make_folder, replacing_whole_files, sync_file, write_all
from gallery.encoders.conversion import convert_pickled
from gallery.encoders.weights import (
    COMMIT_LENGTH,
    CONFIGURATION_FILES,
    cached_folders,
    find_weights,
    hub_folder,
    is_complete,
    is_folder,
    is_pickled,
    looks_like_a_path,
    refuse_remote_code,
    require_weights,
    unavailable,
    wanted_revisions,
)
from gallery.errors import EncoderUnavailable, Phrase, gettext_noop

# A text tower keeps its modules in 1_Pooling, 2_Dense...; other folders hold the same weights for other programs.
SAFE_FILES = ("model.safetensors", "model-*-of-*.safetensors", "[0-9]_*/model.safetensors")
PICKLED_FILES = ("pytorch_model.bin", "pytorch_model-*-of-*.bin", "[0-9]_*/pytorch_model.bin")
OTHER_PROGRAMS = ("onnx/*", "openvino/*", "coreml/*")
DOWNLOAD_SECONDS = 24 * 3600.0  # for which a second process waits for the first one's file
SPARE_BYTES = 200_000_000  # left free for everything else on that disk
Report = Callable[[int, int], None]  # bytes that arrived, bytes in all


@dataclass(frozen=True)
class HubFile:
    path: str
    size_bytes: int
    sha256: str  # "" for a small file, which git holds itself


def bring(
    name: str,
    *,
    revision: str | None = None,
    latest: bool = False,
    report: Report = lambda _arrived, _total: None,
) -> Path:
    """Return the folder of a model that can be loaded, downloaded and converted as far as that is needed.

    `latest` takes the hub's `main` of today although an older commit is here; a pinned model has no later one.
    Goes on where a killed run stopped. Raises EncoderUnavailable: no network, no such model, no space...
    """
    if latest and not wanted_revisions(name) and not is_folder(name) and not looks_like_a_path(name):
        with _plain_failure(name):
            return _download(name, None, report)
    if (folder := find_weights(name, revision=revision)) is not None:
        refuse_remote_code(name, folder)
        return folder
    for folder in cached_folders(name, revision=revision):
        if is_pickled(folder):
            refuse_remote_code(name, folder)
            convert_pickled(name, folder)
            return folder
    if is_folder(name) or looks_like_a_path(name):
        return require_weights(name)
    with _plain_failure(name):
        return _download(name, revision, report)


def fetch_weights(name: str, *, revision: str | None = None, local_files_only: bool = False) -> Path:
    """Return the folder of a model, downloaded if it must be and may be. Raises EncoderUnavailable.

    In a folder of the user's own nothing is written: only `bring` converts its pickles.
    """
    if local_files_only or is_folder(name):
        return require_weights(name, revision=revision)
    return bring(name, revision=revision)


def _download(name: str, revision: str | None, report: Report) -> Path:
    commit, files = _listing(name, revision)
    small = [file for file in files if not file.sha256 and _is_configuration(file.path)]
    weights = _weights(name, files)
    large = [file for file in files if file.sha256 and (_is_configuration(file.path) or file in weights)]
    _require_space(name, [*small, *large], converted=weights if not _is_safe(weights) else [])
    folder = _link(name, commit, [file.path for file in small])
    refuse_remote_code(name, folder)
    total = sum(file.size_bytes for file in large)
    for file in large:
        _fetch(name, commit, file, lambda arrived: report(arrived, total))
    _link(name, commit, [file.path for file in large if file not in weights])
    _link(name, commit, [file.path for file in weights])
    if not _is_safe(weights):
        convert_pickled(name, folder)
    if not is_complete(folder):
        raise _no_weights(name)
    if revision is None and not wanted_revisions(name):
        _remember_main(name, commit)
    return folder


def _listing(name: str, revision: str | None) -> tuple[str, list[HubFile]]:
    """Return the commit that is wanted, in full, and its files."""
    from huggingface_hub import HfApi  # noqa: PLC0415 -- slow import

    api = HfApi()
    pinned = wanted_revisions(name)
    wanted = pinned[0] if pinned and (revision is None or _is_one_of(revision, pinned)) else revision
    if wanted is not None and len(wanted) < COMMIT_LENGTH:  # an index keeps the first digits only
        wanted = next(
            (each.commit_id for each in api.list_repo_commits(name) if each.commit_id.startswith(wanted)), wanted
        )
    info = api.model_info(name, revision=wanted, files_metadata=True)
    files = [
        HubFile(each.rfilename, each.size or 0, each.lfs.sha256 if each.lfs is not None else "")
        for each in info.siblings or []
    ]
    return str(info.sha), files


def _is_one_of(revision: str, commits: tuple[str, ...]) -> bool:
    return any(commit.startswith(revision) for commit in commits)


def _is_configuration(path: str) -> bool:
    return _matches(path, CONFIGURATION_FILES) and not _matches(path, OTHER_PROGRAMS)


def _weights(name: str, files: list[HubFile]) -> list[HubFile]:
    """Return the safetensors files, or else the pickled ones."""
    for patterns in (SAFE_FILES, PICKLED_FILES):
        found = [file for file in files if _matches(file.path, patterns)]
        if any("/" not in file.path for file in found):
            return found
    raise _no_weights(name)


def _is_safe(weights: list[HubFile]) -> bool:
    return all(file.path.endswith(".safetensors") for file in weights)


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(path, pattern) for pattern in patterns)


def _require_space(name: str, files: list[HubFile], *, converted: list[HubFile]) -> None:
    """Raise EncoderUnavailable if the disk of the cache cannot hold what is still missing."""
    blobs = hub_folder(name) / "blobs"
    missing = sum(max(0, file.size_bytes - _arrived(blobs / file.sha256)) for file in files if file.sha256)
    missing += sum(file.size_bytes for file in files if not file.sha256) + sum(file.size_bytes for file in converted)
    existing = blobs
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if missing and missing + SPARE_BYTES > free:
        raise unavailable(
            name,
            Phrase(
                gettext_noop("its download needs %(needed_mb)s MB, but only %(free_mb)s MB are free"),
                needed_mb=_megabytes(missing + SPARE_BYTES),
                free_mb=_megabytes(free),
            ),
            Phrase(gettext_noop("Free some space, or set HF_HUB_CACHE to a folder on a larger disk.")),
        )


def _arrived(blob: Path) -> int:
    part = _part(blob)
    return next((path.stat().st_size for path in (blob, part) if path.is_file()), 0)


def _part(blob: Path) -> Path:
    return blob.with_name(blob.name + ".part")


def _megabytes(count: int) -> int:
    return -(-count // 1_000_000)


def _fetch(name: str, commit: str, file: HubFile, arrived: Callable[[int], None]) -> None:
    """Bring one large file to `blobs/<sha256>`. Two processes take turns, and the second finds it done."""
    blob = hub_folder(name) / "blobs" / file.sha256
    make_folder(blob.parent)
    with FileLock(_part(blob).with_suffix(".lock"), timeout_seconds=DOWNLOAD_SECONDS):
        arrived(_arrived(blob))
        if blob.is_file():
            return
        part = _part(blob)
        _get(name, commit, file, part, arrived)
        if _sha256(part) != file.sha256:
            part.unlink()
            raise unavailable(
                name,
                Phrase(gettext_noop("“%(file)s” arrived damaged (its checksum is wrong)"), file=file.path),
                Phrase(gettext_noop("Run it again.")),
            )
        part.replace(blob)
        fsync_dir(blob.parent)


def _get(name: str, commit: str, file: HubFile, part: Path, arrived: Callable[[int], None]) -> None:
    """Append what is missing to `part`, in one HTTP range, and sync it."""
    from huggingface_hub import hf_hub_url  # noqa: PLC0415 -- slow import
    from huggingface_hub.file_download import http_get  # noqa: PLC0415 -- slow import
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # noqa: PLC0415 -- slow import

    part.touch()
    with _CountedFile(part, arrived) as target:
        start = target.seek(0, os.SEEK_END)
        if start > file.size_bytes:  # of no known use
            start = target.seek(0)
            target.truncate()
        http_get(
            hf_hub_url(name, file.path, revision=commit),
            target,
            resume_size=start,
            headers=build_hf_headers(),
            expected_size=file.size_bytes,
            tqdm_class=_silent_bar(),
        )
        sync_file(target)


class _CountedFile(FileIO):
    """Tells how many bytes were written to it."""

    def __init__(self, path: Path, arrived: Callable[[int], None]) -> None:
        super().__init__(path, "r+")
        self._tell_arrived = arrived

    def write(self, content: Any) -> int:
        rest = memoryview(content)
        while rest:  # a file on a full disk may take a part only
            rest = rest[super().write(rest) :]
        self._tell_arrived(len(content))
        return len(content)


def _silent_bar() -> Any:
    """Return the hub's progress bar, switched off: ours counts all files together."""
    from tqdm import tqdm  # noqa: PLC0415 -- used by downloads only

    class Silent(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)  # the hub's own bars have names
            super().__init__(*args, **kwargs | {"disable": True})

    return Silent


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _link(name: str, commit: str, paths: list[str]) -> Path:
    """Let the hub's client put files into the commit's snapshot; what lies in `blobs` is not downloaded again."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415 -- slow import

    folder = hub_folder(name) / "snapshots" / commit
    if paths:
        snapshot_download(name, revision=commit, allow_patterns=paths, tqdm_class=_silent_bar(), max_workers=1)
    return folder


def _remember_main(name: str, commit: str) -> None:
    """Note which commit `main` was, as the hub's client does: without the network it is found there."""
    ref = hub_folder(name) / "refs" / "main"
    make_folder(ref.parent)
    with FileLock(hub_folder(name) / "refs.lock"), replacing_whole_files(ref) as [fd]:  # not within `refs`: no ref
        write_all(fd, commit.encode(), 0)


def _no_weights(name: str) -> EncoderUnavailable:
    return unavailable(
        name,
        Phrase(gettext_noop("the hub has no weights for it that PyTorch can load")),
        Phrase(gettext_noop("Choose another model.")),
    )


@contextmanager
def _plain_failure(name: str) -> Iterator[None]:
    """Turn what the hub's client and the disk raise into one sentence."""
    from huggingface_hub.errors import (  # noqa: PLC0415 -- slow import
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except EncoderUnavailable:
        raise
    except GatedRepoError as error:
        raise unavailable(
            name,
            Phrase(gettext_noop("its authors ask for their licence to be accepted first")),
            Phrase(gettext_noop("Accept it on the model's page of the hub, set HF_TOKEN and run it again.")),
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        raise unavailable(
            name,
            Phrase(gettext_noop("the hub has no model, or no commit, of this name")),
            Phrase(gettext_noop("Check the name; a private model needs HF_TOKEN.")),
        ) from error
    except Exception as error:  # the hub client raises its HTTP library's errors beside its own
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise unavailable(
                name,
                Phrase(gettext_noop("the disk became full during its download")),
                Phrase(gettext_noop("Free some space and run it again: what has arrived is kept.")),
            ) from error
        raise unavailable(
            name,
            Phrase(gettext_noop("its weights cannot be downloaded (%(error)s)"), error=type(error).__name__),
            Phrase(
                gettext_noop("Check the name and the network, set HF_ENDPOINT to a mirror, or name a local folder.")
            ),
        ) from error
