"""Which folders count as a model: whole, safetensors, the right commit, without code of its own."""

import json

import pytest
import torch

from gallery.encoders.clip import ClipEncoder
from gallery.encoders.conversion import convert_pickled
from gallery.encoders.model_cards import DEFAULT_CLIP_MODEL, card_of
from gallery.encoders.weights import find_weights, is_complete, is_pickled, require_weights, revision_of
from gallery.errors import EncoderUnavailable
from tests.unit.encoders.tiny_models import copy_of, pickle_weights

OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture(autouse=True)
def snapshots(tmp_path, monkeypatch):
    """Return where the cache keeps the commits of someone/tiny."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    repository = tmp_path / "hub" / "models--someone--tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(OLD)
    return repository / "snapshots"


@pytest.fixture
def folder(tiny_clip, tmp_path):
    return copy_of(tiny_clip, tmp_path / "model")


def write_shards(folder, pattern, shards):
    names = [pattern.format(number) for number in range(shards)]
    index = {"weight_map": {f"array{number}": name for number, name in enumerate(names)}}
    suffix = "safetensors" if pattern.endswith("safetensors") else "bin"
    stem = "model" if suffix == "safetensors" else "pytorch_model"
    (folder / f"{stem}.{suffix}.index.json").write_text(json.dumps(index))
    for number, name in enumerate(names):
        torch.save({f"array{number}": torch.full((2,), float(number))}, folder / name)
    return names


def test_folder_with_safetensors_is_complete(folder):
    assert is_complete(folder) is True
    assert find_weights(str(folder)) == folder


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_folder_without_its_main_files_is_not_complete(folder, file):
    (folder / file).unlink()

    assert is_complete(folder) is False


def test_sharded_model_is_complete_with_every_shard(folder):
    (folder / "model.safetensors").unlink()
    names = write_shards(folder, "model-{}-of-2.safetensors", 2)
    assert is_complete(folder) is True

    (folder / names[1]).unlink()

    assert is_complete(folder) is False


@pytest.mark.parametrize("index", ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": {}}'])
def test_broken_shard_index_is_not_complete(folder, index):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(index)

    assert is_complete(folder) is False


def test_text_tower_needs_its_projection(tiny_text_tower, tmp_path):
    tower = copy_of(tiny_text_tower, tmp_path / "tower")
    assert is_complete(tower) is True

    (tower / "2_Dense" / "model.safetensors").unlink()

    assert is_complete(tower) is False


def test_pickle_only_folder_is_refused_with_the_remedy(folder):
    pickle_weights(folder)

    assert (is_complete(folder), is_pickled(folder)) == (False, True)
    with pytest.raises(EncoderUnavailable, match=r"only as a pickle.*manage\.py encoders download clip:"):
        ClipEncoder(str(folder), device="cpu")
    assert is_complete(folder) is False  # nothing was converted behind the user's back


def test_converted_model_gives_the_same_vectors(folder, tiny_clip):
    expected = ClipEncoder(str(tiny_clip), device="cpu").encode_texts(["a cat"])
    pickle_weights(folder)

    assert convert_pickled("tiny", folder) is True

    assert (ClipEncoder(str(folder), device="cpu").encode_texts(["a cat"]) == expected).all()


def test_converted_text_tower_gives_the_same_vectors(tiny_clip, tiny_text_tower, tmp_path):
    tower = pickle_weights(copy_of(tiny_text_tower, tmp_path / "tower"))
    convert_pickled("tower", tower)

    ours = ClipEncoder(str(tiny_clip), text_model=str(tower), device="cpu").encode_texts(["猫"])

    original = ClipEncoder(str(tiny_clip), text_model=str(tiny_text_tower), device="cpu").encode_texts(["猫"])
    assert (ours == original).all()


def test_sharded_pickles_are_converted_shard_by_shard(folder):
    (folder / "model.safetensors").unlink()
    write_shards(folder, "pytorch_model-{}-of-2.bin", 2)

    convert_pickled("tiny", folder)

    index = json.loads((folder / "model.safetensors.index.json").read_text())
    assert index["weight_map"] == {"array0": "model-0-of-2.safetensors", "array1": "model-1-of-2.safetensors"}
    assert is_complete(folder) is True


class Harmful:
    """Unpickling this would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_pickle_with_code_is_refused_and_does_not_run(folder, tmp_path):
    (folder / "model.safetensors").unlink()
    torch.save({"weight": Harmful(tmp_path / "it ran")}, folder / "pytorch_model.bin")

    with pytest.raises(EncoderUnavailable, match="damaged or hold more than arrays"):
        convert_pickled("tiny", folder)

    assert not (tmp_path / "it ran").exists()
    assert is_complete(folder) is False


@pytest.mark.parametrize("content", [b"", b"not a pickle", None])
def test_damaged_pickle_is_refused(folder, content):
    if content is None:
        torch.save([1, 2], folder / "pytorch_model.bin")
    else:
        (folder / "pytorch_model.bin").write_bytes(content)
    (folder / "model.safetensors").unlink()

    with pytest.raises(EncoderUnavailable, match="damaged or hold more than arrays"):
        convert_pickled("tiny", folder)


def own_code(folder, model_type):
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": model_type, "auto_map": {"AutoModel": "modeling_own.OwnModel"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "modeling_own.py").write_text("raise SystemExit('this code ran')")


def test_model_that_needs_its_own_code_is_refused(folder):
    own_code(folder, "own")

    with pytest.raises(EncoderUnavailable, match="code from a model's repository is never run"):
        ClipEncoder(str(folder), device="cpu")


def test_code_beside_a_known_model_is_left_alone(folder, tiny_clip):
    own_code(folder, "clip")

    ours = ClipEncoder(str(folder), device="cpu").encode_texts(["a cat"])

    assert (ours == ClipEncoder(str(tiny_clip), device="cpu").encode_texts(["a cat"])).all()


def test_main_of_the_cache_is_taken_without_a_commit(snapshots, tiny_clip):
    copy_of(tiny_clip, snapshots / NEW)
    assert find_weights("someone/tiny") is None

    copy_of(tiny_clip, snapshots / OLD)

    assert find_weights("someone/tiny") == snapshots / OLD


def test_commit_is_found_by_its_first_digits(snapshots, tiny_clip):
    copy_of(tiny_clip, snapshots / NEW)

    assert find_weights("someone/tiny", revision=NEW[:12]) == snapshots / NEW
    assert find_weights("someone/tiny", revision="c" * 12) is None


@pytest.mark.parametrize("revision", ["../../..", "*", "?" * 12, "[a-f]"])
def test_revision_is_no_pattern_and_no_path(snapshots, tiny_clip, revision):
    copy_of(tiny_clip, snapshots / OLD)

    assert find_weights("someone/tiny", revision=revision) is None


def test_pinned_commit_counts_whatever_main_says(tmp_path, tiny_clip):
    repository = tmp_path / "hub" / "models--openai--clip-vit-base-patch32"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(NEW)
    copy_of(tiny_clip, repository / "snapshots" / NEW)
    assert find_weights(DEFAULT_CLIP_MODEL) is None

    pinned = copy_of(tiny_clip, repository / "snapshots" / card_of(DEFAULT_CLIP_MODEL).revision)

    assert find_weights(DEFAULT_CLIP_MODEL) == pinned


def test_conversion_of_the_default_model_has_the_revision_of_its_original(tmp_path, tiny_clip):
    """Indexes made with the original commit stay good, and the other way round."""
    card = card_of(DEFAULT_CLIP_MODEL)
    folder = tmp_path / "hub" / "models--openai--clip-vit-base-patch32" / "snapshots" / card.revision
    copy_of(tiny_clip, folder)
    original = card.same_vectors[0][:12]

    assert revision_of(folder) == original
    assert find_weights(DEFAULT_CLIP_MODEL, revision=original) == folder


def test_missing_weights_are_said():
    with pytest.raises(EncoderUnavailable, match="its weights are not on this machine"):
        require_weights("someone/tiny")
