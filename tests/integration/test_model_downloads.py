"""Models brought from a hub: the hub is a server on loopback, everything else is real (client, cache, processes)."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from gallery.encoders import downloads
from gallery.encoders.model_cards import DEFAULT_CLIP_MODEL, card_of
from tests.fake_hub import FakeHub
from tests.unit.encoders.tiny_models import copy_of, pickle_weights, save_tiny_clip, save_tiny_text_tower
from tests.waiting import PATIENCE_SECONDS, until

ROOT = Path(__file__).parents[2]
NAME = "someone/tiny"
OLD, NEW = "a" * 40, "b" * 40
BRING = "import sys; from gallery.encoders.downloads import bring; print(bring(*sys.argv[1:2], revision={revision!r}))"


@pytest.fixture(scope="module")
def tiny_clip(tmp_path_factory):
    return save_tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def heavy_clip(tiny_clip, tmp_path_factory):
    """The same model with 25 MB that nobody needs: the hub's client writes 10 MB at a time."""
    folder = copy_of(tiny_clip, tmp_path_factory.mktemp("heavy") / "clip")
    weights = load_file(folder / "model.safetensors")
    ballast = torch.randint(0, 255, (25_000_000,), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    save_file(weights | {"ballast": ballast}, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture
def hub():
    with FakeHub() as running:
        yield running


@pytest.fixture
def environment(hub, tmp_path):
    """A process of its own with an empty cache, whose mirror is the fake hub."""
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith(("HF_", "DJANGO_"))},
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DOWNLOAD_TIMEOUT": "60",  # seconds; a client that waits for a paused hub must not ask again
        "IMAGESEARCH_DATA_DIR": str(tmp_path / "data"),
        "PYTHONPATH": str(ROOT),
    }


@pytest.fixture
def blobs(tmp_path):
    return tmp_path / "hf" / "hub" / "models--someone--tiny" / "blobs"


def started(environment, *arguments):
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=environment, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def finished(environment, *arguments):
    process = started(environment, *arguments)
    output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, output, errors


def bring(environment, name=NAME, revision=None):
    """Return the folder, or the sentence that says why there is none."""
    status, output, errors = finished(environment, "-c", BRING.format(revision=revision), name)
    return Path(output.strip()) if status == 0 else errors.strip().splitlines()[-1]


def found(environment, name=NAME):
    """Return where a model lies for a process without the network."""
    code = "import sys; from gallery.encoders.weights import find_weights; print(find_weights(*sys.argv[1:]))"
    offline = environment | {"HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9"}
    output = finished(offline, "-c", code, name)[1]
    return output.strip()


def changed(source, tmp_path):
    """Return the model with other weights, as its authors may publish them one day."""
    folder = copy_of(source, tmp_path / "changed")
    weights = load_file(folder / "model.safetensors")
    save_file(
        {key: value + 1 for key, value in weights.items()}, folder / "model.safetensors", metadata={"format": "pt"}
    )
    return folder


def test_model_is_brought_from_the_mirror_and_found_without_the_network(hub, environment, tiny_clip):
    hub.add(NAME, tiny_clip)

    folder = bring(environment)

    assert folder.parts[-3:] == ("models--someone--tiny", "snapshots", OLD)
    assert {path.name for path in folder.iterdir()} >= {"config.json", "model.safetensors", "preprocessor_config.json"}
    assert (folder / "model.safetensors").read_bytes() == (tiny_clip / "model.safetensors").read_bytes()
    assert found(environment) == str(folder)


def test_token_goes_to_the_hub_alone(hub, environment, tiny_clip):
    """Large files come from another host, which must not learn it."""
    hub.add(NAME, tiny_clip)

    bring(environment | {"HF_TOKEN": "hf_secret"})

    assert set(hub.tokens_at_hub) == {"Bearer hf_secret"}
    assert hub.tokens_at_cdn == [None]


def test_two_processes_fetch_a_model_once(hub, environment, heavy_clip):
    hub.add(NAME, heavy_clip)
    hub.pause_after = 12_000_000
    processes = [started(environment, "-c", BRING.format(revision=None), NAME) for _ in range(2)]
    until(
        lambda: hub.paused.is_set() and len(hub.asked_for("GET", "/api/models/someone/tiny")) == 2,
        "both have asked for it",
    )
    hub.go_on()

    outputs = [process.communicate(timeout=PATIENCE_SECONDS)[0].strip() for process in processes]

    assert [Path(output).name for output in outputs] == [OLD, OLD]
    assert hub.asked_for("GET", "/model.safetensors") == [None]


def test_many_processes_note_the_newest_commit_beside_each_other(hub, environment, tiny_clip):
    hub.add(NAME, tiny_clip)
    bring(environment)
    note = "from gallery.encoders.downloads import _remember_main\n"
    note += f"for _ in range(50): _remember_main({NAME!r}, {OLD!r})"

    processes = [started(environment, "-c", note) for _ in range(4)]
    errors = [process.communicate(timeout=PATIENCE_SECONDS)[1] for process in processes]

    assert errors == [""] * 4
    assert Path(found(environment)).name == OLD


def test_what_other_programs_need_is_not_downloaded(hub, environment, tiny_clip, tmp_path):
    source = copy_of(tiny_clip, tmp_path / "source")
    for other in ("pytorch_model.bin", "tf_model.h5", "modeling_tiny.py", "onnx/model.onnx", "onnx/model.safetensors"):
        (source / other).parent.mkdir(exist_ok=True)
        (source / other).write_bytes(b"x")
    hub.add(NAME, source)

    folder = bring(environment)

    names = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    assert names & {"pytorch_model.bin", "tf_model.h5", "modeling_tiny.py", "onnx"} == set()


def test_download_goes_on_after_kill_half_way(hub, environment, heavy_clip, blobs):
    hub.add(NAME, heavy_clip)
    hub.pause_after = 12_000_000
    process = started(environment, "manage.py", "encoders", "download", f"clip:{NAME}", "--json")
    part = None

    def ten_megabytes_arrived():
        nonlocal part
        assert process.poll() is None, process.communicate()
        part = next(blobs.glob("*.part"), None)
        return part is not None and part.stat().st_size >= 10_000_000

    until(ten_megabytes_arrived, "ten megabytes arrive")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    arrived_bytes = part.stat().st_size
    assert found(environment) == "None"  # a half model is no model
    hub.go_on()

    status, output, errors = finished(environment, "manage.py", "encoders", "download", f"clip:{NAME}", "--json")

    assert (status, errors.count("Traceback")) == (0, 0)
    assert json.loads(output)["models"] == [NAME]
    assert hub.asked_for("GET", "/model.safetensors") == [None, f"bytes={arrived_bytes}-"]
    folder = Path(found(environment))
    assert (folder / "model.safetensors").read_bytes() == (heavy_clip / "model.safetensors").read_bytes()
    assert list(blobs.glob("*.part")) == []


def test_damaged_part_is_noticed_and_thrown_away(hub, environment, heavy_clip, blobs):
    hub.add(NAME, heavy_clip)
    hub.pause_after = 12_000_000
    process = started(environment, "-c", BRING.format(revision=None), NAME)
    until(lambda: any(part.stat().st_size >= 10_000_000 for part in blobs.glob("*.part")), "ten megabytes arrive")
    process.kill()
    process.communicate()
    part = next(blobs.glob("*.part"))
    with part.open("r+b") as file:
        file.write(b"other bytes")
    hub.go_on()

    assert "arrived damaged (its checksum is wrong)" in bring(environment)
    assert list(blobs.glob("*.part")) == []
    assert bring(environment).name == OLD


def test_unknown_name_is_said(hub, environment):
    assert "the hub has no model, or no commit, of this name" in bring(environment, "nobody/nothing")


def test_unknown_commit_is_said(hub, environment, tiny_clip):
    hub.add(NAME, tiny_clip)

    assert "no commit, of this name" in bring(environment, revision="c" * 40)


def test_gated_model_is_said(hub, environment, tiny_clip):
    hub.add(NAME, tiny_clip)
    hub.refuse_with = (403, "GatedRepo")

    assert "licence to be accepted first" in bring(environment)


def test_refused_connection_is_said(environment):
    nobody_listens = environment | {"HF_ENDPOINT": "http://127.0.0.1:9"}

    assert "cannot be downloaded (ConnectError)" in bring(nobody_listens)


def test_too_small_a_disk_is_said_before_anything_is_fetched(hub, environment, tiny_clip):
    hub.add(NAME, tiny_clip)
    hub.declared_size["model.safetensors"] = 10**15

    assert "its download needs 1,000,000,2" in bring(environment)
    assert hub.asked_for("GET", ".safetensors") == []


def test_disk_that_fills_up_is_said(hub, environment, tiny_clip, blobs):
    hub.add(NAME, tiny_clip)
    blobs.mkdir(parents=True)
    digest = downloads._sha256(tiny_clip / "model.safetensors")
    (blobs / f"{digest}.part").symlink_to("/dev/full")  # each write says: no space left on the device

    assert "the disk became full during its download" in bring(environment)


def test_main_may_move_without_changing_the_vectors(hub, environment, tiny_clip, tmp_path):
    hub.add(NAME, tiny_clip, commit=OLD)
    first = bring(environment)
    hub.add(NAME, changed(tiny_clip, tmp_path), commit=NEW)

    assert bring(environment) == first
    assert found(environment) == str(first)


def test_newer_main_is_brought_when_it_is_asked_for(hub, environment, tiny_clip, tmp_path):
    hub.add(NAME, tiny_clip, commit=OLD)
    bring(environment)
    hub.add(NAME, changed(tiny_clip, tmp_path), commit=NEW)

    status, output, _errors = finished(
        environment, "manage.py", "encoders", "download", f"clip:{NAME}", "--latest", "--json"
    )

    assert (status, json.loads(output)["models"]) == (0, [NAME])
    assert Path(found(environment)).name == NEW


def test_commit_of_an_index_is_brought_again_after_main_moved(hub, environment, tiny_clip, tmp_path):
    hub.add(NAME, tiny_clip, commit=OLD)
    hub.add(NAME, changed(tiny_clip, tmp_path), commit=NEW)

    folder = bring(environment, revision=OLD[:12])  # an index keeps twelve digits

    assert folder.name == OLD


def test_pinned_commit_is_used_whatever_main_is(hub, environment, tiny_clip, tmp_path):
    pinned = card_of(DEFAULT_CLIP_MODEL).revision
    hub.add(DEFAULT_CLIP_MODEL, tiny_clip, commit=pinned)
    hub.add(DEFAULT_CLIP_MODEL, changed(tiny_clip, tmp_path), commit=NEW)

    assert bring(environment, DEFAULT_CLIP_MODEL).name == pinned


def test_pickle_only_model_is_converted_when_it_is_brought(hub, environment, tiny_clip, tmp_path):
    hub.add(NAME, pickle_weights(copy_of(tiny_clip, tmp_path / "pickled")))

    folder = bring(environment)

    ours, original = load_file(folder / "model.safetensors"), load_file(tiny_clip / "model.safetensors")
    assert ours.keys() == original.keys()
    assert all(torch.equal(ours[key], original[key]) for key in original)
    assert found(environment) == str(folder)


def test_pickle_of_the_old_default_is_converted_without_a_download(hub, environment, tiny_clip, tmp_path):
    """Who downloaded CLIP before has the commit that has nothing but a pickle."""
    old = card_of(DEFAULT_CLIP_MODEL).same_vectors[0]
    cache = Path(environment["HF_HOME"]) / "hub" / "models--openai--clip-vit-base-patch32" / "snapshots"
    pickle_weights(copy_of(tiny_clip, cache / old))

    assert bring(environment, DEFAULT_CLIP_MODEL) == cache / old
    assert hub.requests == []


def test_text_tower_is_whole_only_with_its_projection(hub, environment, tmp_path):
    tower = save_tiny_text_tower(tmp_path / "tower", dimension=16)
    hub.add(NAME, tower)

    folder = bring(environment)

    assert (folder / "2_Dense" / "model.safetensors").is_file()
    (folder / "2_Dense" / "model.safetensors").unlink()
    assert found(environment) == "None"


def test_model_with_code_of_its_own_is_refused_before_its_weights_are_fetched(hub, environment, tiny_clip, tmp_path):
    source = copy_of(tiny_clip, tmp_path / "source")
    config = json.loads((source / "config.json").read_text())
    config |= {"model_type": "tiny_own", "auto_map": {"AutoModel": "modeling_tiny.TinyModel"}}
    (source / "config.json").write_text(json.dumps(config))
    (source / "modeling_tiny.py").write_text("raise SystemExit('this code ran')")
    hub.add(NAME, source)

    assert "code from a model's repository is never run" in bring(environment)
    assert hub.asked_for("GET", ".safetensors") == []


def test_repository_without_weights_is_refused(hub, environment, tiny_clip, tmp_path):
    source = copy_of(tiny_clip, tmp_path / "source")
    (source / "model.safetensors").rename(source / "open_clip_pytorch_model.safetensors")
    hub.add(NAME, source)

    assert "no weights for it that PyTorch can load" in bring(environment)
