"""Where the weights of a transformers model lie: a folder, the hub's cache, or the hub. Nothing is loaded here."""

import hashlib
import json
from pathlib import Path

from gallery.errors import EncoderUnavailable, Phrase, gettext_noop

# Everything that loading reads. Python files are left out on purpose: no code of a repository is ever run.
CONFIGURATION_FILES = ("*.json", "*.txt", "*.model")
SAFE_WEIGHTS = "*.safetensors"
# Loaded with torch's weights_only, which runs no code; openai/clip-vit-base-patch32 may have nothing else.
PICKLED_WEIGHTS = "pytorch_model*.bin"
REVISION_LENGTH = 12  # hex digits, as git shows a commit


def find_weights(name: str, *, revision: str | None = None) -> Path | None:
    """Return the folder that holds all of a model's files, or None. Never uses the network."""
    folder = Path(name).expanduser()
    if not folder.is_dir():
        cached = _cached_snapshot(name, revision)
        if cached is None:
            return None
        folder = cached
    return folder if is_complete(folder) else None


def fetch_weights(name: str, *, revision: str | None = None, local_files_only: bool = False) -> Path:
    """Return the folder of a model, downloaded if it must be and may be. Raises EncoderUnavailable."""
    folder = find_weights(name, revision=revision)
    if folder is not None:
        return folder
    if Path(name).expanduser().is_dir():
        raise _unavailable(
            name,
            Phrase(gettext_noop("its folder lacks the configuration or the weights")),
            Phrase(gettext_noop("Copy the whole model folder again.")),
        )
    if _looks_like_a_path(name):
        raise _unavailable(
            name,
            Phrase(gettext_noop("this folder does not exist")),
            Phrase(gettext_noop("Correct the path or use a name from the hub.")),
        )
    if local_files_only:
        raise _unavailable(
            name,
            Phrase(gettext_noop("its weights are not on this machine")),
            Phrase(gettext_noop("Download them, or set another encoder.")),
        )
    return _download(name, revision)


def revision_of(folder: Path) -> str:
    """Return the commit of a hub snapshot, or else a hash of everything in `folder` that decides about vectors."""
    if folder.parent.name == "snapshots":  # the hub's cache: models--owner--name/snapshots/<commit>
        return folder.name[:REVISION_LENGTH]
    digest = hashlib.sha256()
    for path in _model_files(folder):
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"local-{digest.hexdigest()[:REVISION_LENGTH]}"


def is_complete(folder: Path) -> bool:
    """Say whether `folder` has a configuration and all weights in one format (of a sharded model: every shard)."""
    if not (folder / "config.json").is_file():
        return False
    if any((folder / name).is_file() for name in ("model.safetensors", "pytorch_model.bin")):
        return True
    return any(_has_every_shard(index) for index in folder.glob("*.index.json"))


def _has_every_shard(index: Path) -> bool:
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError, OSError):
        return False
    return all((index.parent / shard).is_file() for shard in shards)


def _model_files(folder: Path) -> list[Path]:
    patterns = (*CONFIGURATION_FILES, SAFE_WEIGHTS, PICKLED_WEIGHTS)
    return sorted({path for pattern in patterns for path in folder.rglob(pattern) if path.is_file()})


def _cached_snapshot(name: str, revision: str | None) -> Path | None:
    from huggingface_hub import snapshot_download  # noqa: PLC0415 -- slow import

    try:
        return Path(snapshot_download(name, revision=revision, local_files_only=True))
    except (OSError, ValueError):  # not in the cache, or not a name that the hub could have
        return None


def _download(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415 -- slow import

    try:
        for weights in (SAFE_WEIGHTS, PICKLED_WEIGHTS):
            patterns = [*CONFIGURATION_FILES, weights]
            folder = Path(snapshot_download(name, revision=revision, allow_patterns=patterns))
            if is_complete(folder):
                return folder
    except Exception as error:  # the hub client raises its HTTP library's errors beside its own
        raise _unavailable(
            name,
            Phrase(gettext_noop("its weights cannot be downloaded (%(error)s)"), error=type(error).__name__),
            Phrase(
                gettext_noop("Check the name and the network, set HF_ENDPOINT to a mirror, or name a local folder.")
            ),
        ) from error
    raise _unavailable(
        name,
        Phrase(gettext_noop("the hub has no weights for it that PyTorch can load")),
        Phrase(gettext_noop("Choose another model.")),
    )


def _looks_like_a_path(name: str) -> bool:
    return name.startswith(("/", ".", "~")) or name.count("/") > 1 or "\\" in name


def _unavailable(name: str, reason: Phrase, remedy: Phrase) -> EncoderUnavailable:
    return EncoderUnavailable(encoder=f"clip:{name}", reason=reason, remedy=remedy)
