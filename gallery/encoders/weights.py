"""Where the weights of a transformers model lie: a folder, or the hub's cache. Nothing is loaded or downloaded here.

Only safetensors files are weights: a pickle may run code when it is opened. `downloads.bring` fetches a model and,
where its authors published nothing but a pickle, converts that once.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from gallery.encoders.model_cards import card_of, original_revision
from gallery.errors import EncoderUnavailable, Phrase, gettext_noop

# Everything that loading reads. Python files are left out on purpose: no code of a repository is ever run.
CONFIGURATION_FILES = ("*.json", "*.txt", "*.model")
SAFE_WEIGHTS, PICKLED_WEIGHTS = "*.safetensors", "pytorch_model*.bin"
REVISION_LENGTH = 12  # hex digits, as git shows a commit
COMMIT_LENGTH = 40
LOCAL_REVISION = "local-"


def find_weights(name: str, *, revision: str | None = None) -> Path | None:
    """Return the folder that holds all of a model's files, or None. Never uses the network."""
    return next((folder for folder in cached_folders(name, revision=revision) if is_complete(folder)), None)


def require_weights(name: str, *, revision: str | None = None) -> Path:
    """Return the folder of a model that lies on this machine. Raises EncoderUnavailable, which says what to do."""
    folder = find_weights(name, revision=revision)
    if folder is not None:
        refuse_remote_code(name, folder)
        return folder
    pickled = any(is_pickled(folder) for folder in cached_folders(name, revision=revision))
    if pickled:
        raise unavailable(
            name,
            Phrase(gettext_noop("its weights are there only as a pickle, which may hold code and is not opened")),
            Phrase(gettext_noop("Run: manage.py encoders download %(name)s"), name=f"clip:{name}"),
        )
    if is_folder(name):
        raise unavailable(
            name,
            Phrase(gettext_noop("its folder lacks the configuration or the weights")),
            Phrase(gettext_noop("Copy the whole model folder again.")),
        )
    if looks_like_a_path(name):
        raise unavailable(
            name,
            Phrase(gettext_noop("this folder does not exist")),
            Phrase(gettext_noop("Correct the path or use a name from the hub.")),
        )
    raise unavailable(
        name,
        Phrase(gettext_noop("its weights are not on this machine")),
        Phrase(gettext_noop("Download them, or set another encoder.")),
    )


def cached_folders(name: str, *, revision: str | None = None) -> list[Path]:
    """Return the folders in which a model's files may lie, the best first.

    A model without a pinned commit is looked for where the cache says `main` was when it was downloaded.
    """
    if is_folder(name):
        return [Path(name).expanduser()]
    snapshots = hub_folder(name) / "snapshots"
    if revision:
        found = sorted(snapshots.glob(f"{revision}*")) if revision.isalnum() else []
        return [*found, *(snapshots / commit for commit in _twins(name, revision))]
    if wanted := wanted_revisions(name):
        return [snapshots / commit for commit in wanted]
    ref = hub_folder(name) / "refs" / "main"
    return [snapshots / ref.read_text().strip()] if ref.is_file() else []


def wanted_revisions(name: str) -> tuple[str, ...]:
    """Return the pinned commits of a model, the best first; () for a model whose `main` is taken as it is."""
    card = card_of(name)
    return (card.revision, *card.same_vectors) if card is not None and card.revision else ()


def _twins(name: str, revision: str) -> tuple[str, ...]:
    """Return the other commits that give the vectors of this one."""
    commits = wanted_revisions(name)
    return tuple(commit for commit in commits if any(each.startswith(revision) for each in commits))


def hub_folder(name: str) -> Path:
    """Return where the hub's cache keeps a model: `snapshots/<commit>`, `refs/main`, `blobs`."""
    from huggingface_hub import constants  # noqa: PLC0415 -- slow import

    return Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"


def is_folder(name: str) -> bool:
    return bool(name) and Path(name).expanduser().is_dir()


def revision_of(folder: Path) -> str:
    """Return the commit of a hub snapshot, or else a hash of everything in `folder` that decides about vectors."""
    if folder.parent.name == "snapshots":  # the hub's cache: models--owner--name/snapshots/<commit>
        return original_revision(folder.name)[:REVISION_LENGTH]
    digest = hashlib.sha256()
    for path in _model_files(folder):
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"{LOCAL_REVISION}{digest.hexdigest()[:REVISION_LENGTH]}"


def is_complete(folder: Path) -> bool:
    """Say whether `folder` has a configuration and all weights as safetensors (every shard, every dense layer)."""
    return _has_all(folder, "model.safetensors", "model.safetensors.index.json")


def is_pickled(folder: Path) -> bool:
    """Say whether `folder` has all weights as pickles."""
    return _has_all(folder, "pytorch_model.bin", "pytorch_model.bin.index.json")


def _has_all(folder: Path, whole: str, index: str) -> bool:
    if not (folder / "config.json").is_file():
        return False
    if not (folder / whole).is_file() and not _has_every_shard(folder / index):
        return False
    return all((dense / whole).is_file() for dense in dense_folders(folder))


def dense_folders(folder: Path) -> list[Path]:
    """Return the folders of a text tower's projections (`modules.json` names them); none for any other model."""
    modules = read_json(folder / "modules.json", default=[])
    return [folder / module["path"] for module in modules if str(module.get("type", "")).endswith(".Dense")]


def refuse_remote_code(name: str, folder: Path) -> None:
    """Raise EncoderUnavailable if only code from the model's own repository could load it."""
    config = read_json(folder / "config.json", default={})
    if not isinstance(config, dict) or "auto_map" not in config:
        return
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING  # noqa: PLC0415 -- slow import

    if config.get("model_type") not in CONFIG_MAPPING:
        raise unavailable(
            name,
            Phrase(gettext_noop("it brings code of its own, and code from a model's repository is never run")),
            Phrase(gettext_noop("Choose a model that the transformers library knows by itself.")),
        )


def read_json(path: Path, *, default: Any) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return default


def looks_like_a_path(name: str) -> bool:
    return name.startswith(("/", ".", "~")) or name.count("/") > 1 or "\\" in name


def unavailable(name: str, reason: Phrase, remedy: Phrase) -> EncoderUnavailable:
    return EncoderUnavailable(encoder=f"clip:{name}", reason=reason, remedy=remedy)


def _has_every_shard(index: Path) -> bool:
    content = read_json(index, default={})
    shards = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(shards, dict) or not shards:
        return False
    return all((index.parent / str(shard)).is_file() for shard in set(shards.values()))


def _model_files(folder: Path) -> list[Path]:
    patterns = (*CONFIGURATION_FILES, SAFE_WEIGHTS, PICKLED_WEIGHTS)
    return sorted({path for pattern in patterns for path in folder.rglob(pattern) if path.is_file()})
