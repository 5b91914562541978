"""The registry at work: the command, and the commit that an index keeps."""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from gallery.encoders import registry
from gallery.encoders.model_cards import CARDS, DEFAULT_CLIP_MODEL, card_of
from gallery.errors import EncoderUnavailable
from gallery.models import IndexState
from gallery.search_index import search_index
from gallery.services.embedding.encoder_in_use import current_encoder
from gallery.services.readiness import part_states
from tests.loaded_encoders import nothing_loaded
from tests.unit.encoders.tiny_models import copy_of, save_tiny_chinese_clip, save_tiny_clip, save_tiny_text_tower

OLD, NEW = "a" * 40, "b" * 40
TOWER = "sentence-transformers/clip-ViT-B-32-multilingual-v1"


@pytest.fixture(autouse=True)
def hub_cache(tmp_path, monkeypatch) -> Iterator[Path]:
    """An empty cache, and no encoder loaded yet."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with nothing_loaded():
        yield tmp_path / "hub"


@pytest.fixture(scope="module")
def tiny_clip(tmp_path_factory):
    return save_tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def other_clip(tmp_path_factory):
    """Another model: what the hub's `main` may become one day."""
    return save_tiny_chinese_clip(tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="module")
def tiny_tower(tmp_path_factory):
    return save_tiny_text_tower(tmp_path_factory.mktemp("tower"), dimension=16)


def put(cache, name, source, commit):
    """Put a commit into the cache, and let the cache's `main` be this one."""
    repository = cache / f"models--{name.replace('/', '--')}"
    copy_of(source, repository / "snapshots" / commit)
    (repository / "refs").mkdir(exist_ok=True)
    (repository / "refs" / "main").write_text(commit)


def put_pinned(cache, name, source):
    put(cache, name, source, card_of(name).revision)


def run(*words):
    output = StringIO()
    call_command("encoders", *words, "--json", stdout=output)
    return json.loads(output.getvalue())


def listed(report):
    return {model["name"]: model for model in report["models"]}


def test_list_knows_every_model(db):
    report = run("list")

    assert report["encoder"] == "offline"
    assert [model["name"] for model in report["models"]] == [card.name for card in CARDS]
    assert [model["name"] for model in report["models"] if model["in_use"]] == ["offline"]
    assert [model["name"] for model in report["models"] if model["here"]] == ["offline"]


def test_list_marks_what_is_here(db, hub_cache, tiny_clip, limits_of):
    limits_of(encoder="clip")
    put_pinned(hub_cache, DEFAULT_CLIP_MODEL, tiny_clip)

    models = listed(run("list"))

    assert [name for name, model in models.items() if model["in_use"]] == [f"clip:{DEFAULT_CLIP_MODEL}"]
    assert [name for name, model in models.items() if model["here"]] == ["offline", f"clip:{DEFAULT_CLIP_MODEL}"]
    assert models[f"clip:{DEFAULT_CLIP_MODEL}"]["commit"] == card_of(DEFAULT_CLIP_MODEL).same_vectors[0][:12]


def test_list_shows_a_model_of_ones_own_that_is_in_use(db, tiny_clip, limits_of):
    limits_of(encoder=f"clip:{tiny_clip}")

    own = listed(run("list"))[f"clip:{tiny_clip}"]

    assert (own["in_use"], own["here"], own["figures"]) == (True, True, [])


def test_check_of_the_encoder_in_use(db):
    report = run("check")

    assert (report["ok"], report["encoder"], report["dimension"], report["problems"]) == (True, "offline", 1280, [])
    assert report["text_towers"] == {"en": "offline", "zh": "offline"}
    assert report["image_milliseconds"] > 0


def test_check_of_a_folder_names_its_safetensors(db, tiny_clip):
    report = run("check", f"clip:{tiny_clip}")

    assert (report["ok"], report["dimension"]) == (True, 16)
    assert report["weights"] == [f"{tiny_clip}/model.safetensors"]
    assert report["revision"].startswith("local-")


def test_check_says_which_tower_takes_which_language(db, hub_cache, tiny_clip, tiny_tower):
    put_pinned(hub_cache, DEFAULT_CLIP_MODEL, tiny_clip)
    assert failed_check("clip")["text_towers"] == {"en": DEFAULT_CLIP_MODEL, "zh": DEFAULT_CLIP_MODEL}

    put_pinned(hub_cache, TOWER, tiny_tower)

    report = failed_check("clip")
    assert report["text_towers"] == {"en": DEFAULT_CLIP_MODEL, "zh": TOWER}
    assert report["weights"] == [
        f"{DEFAULT_CLIP_MODEL}/model.safetensors",
        f"{TOWER}/2_Dense/model.safetensors",
        f"{TOWER}/model.safetensors",
    ]


def failed_check(name):
    """Return the report of a check that ends with status 1: the tiny model is no real CLIP."""
    output = StringIO()
    with pytest.raises(SystemExit) as caught:
        call_command("encoders", "check", name, "--json", stdout=output)
    assert caught.value.code == 1
    report = json.loads(output.getvalue())
    assert report["ok"] is False
    assert report["problems"][0] == "The vectors have 16 dimensions; this model is known to have 512."
    return report


def test_check_never_downloads(db):
    with pytest.raises(CommandError, match="its weights are not on this machine"):
        run("check", "clip")


@pytest.mark.parametrize("action", ["download", "check"])
def test_unknown_name_is_said(db, action):
    with pytest.raises(CommandError, match="There is no encoder “nonsense”"):
        run(action, "nonsense")


def test_download_needs_a_name(db):
    with pytest.raises(CommandError, match="Say which"):
        run("download")


def test_what_is_here_is_not_downloaded_again(db, hub_cache, tiny_clip, tiny_tower):
    put_pinned(hub_cache, DEFAULT_CLIP_MODEL, tiny_clip)
    put_pinned(hub_cache, TOWER, tiny_tower)

    assert run("download", "clip")["models"] == [DEFAULT_CLIP_MODEL, TOWER]
    assert run("download", TOWER)["models"] == [TOWER]
    assert run("download", "offline")["models"] == []


@pytest.mark.django_db(transaction=True)
class TestCommitOfAnIndex:
    """A model without a pinned commit: its first commit is written into the index and stays."""

    NAME = "clip:someone/tiny"

    @pytest.fixture(autouse=True)
    def index(self, hub_cache, tiny_clip, limits_of, upload, alice):
        limits_of(encoder=self.NAME)
        put(hub_cache, "someone/tiny", tiny_clip, OLD)
        upload(alice, "chelsea.png")

    def test_it_is_written_into_the_index(self):
        state = IndexState.objects.current()

        assert (state.encoder_id, state.encoder_revision) == (self.NAME, OLD[:12])

    def test_it_is_used_after_main_moved(self, hub_cache, other_clip):
        before = current_encoder().encode_texts(["a cat"])
        put(hub_cache, "someone/tiny", other_clip, NEW)
        registry.forget_encoder(self.NAME)  # another process

        after = current_encoder()

        assert after.key.revision == OLD[:12]
        np.testing.assert_allclose(after.encode_texts(["a cat"]), before, atol=1e-6)
        assert listed(run("list"))[self.NAME]["commit"] == OLD[:12]

    def test_reindex_without_a_name_keeps_it(self, hub_cache, other_clip):
        put(hub_cache, "someone/tiny", other_clip, NEW)
        registry.forget_encoder(self.NAME)

        call_command("reindex", stdout=StringIO())

        assert IndexState.objects.current().encoder_revision == OLD[:12]

    def test_reindex_by_name_moves_to_the_new_one(self, hub_cache, other_clip):
        put(hub_cache, "someone/tiny", other_clip, NEW)
        registry.forget_encoder(self.NAME)

        call_command("reindex", encoder=self.NAME, stdout=StringIO())

        assert IndexState.objects.current().encoder_revision == NEW[:12]
        assert current_encoder().key.revision == NEW[:12]
        assert search_index().problems() == []

    def test_it_is_loaded_once_whoever_asks(self):
        assert current_encoder() is registry.get_encoder(self.NAME)

    def test_its_loss_is_said(self, hub_cache, other_clip):
        repository = hub_cache / "models--someone--tiny"
        (repository / "snapshots" / OLD).rename(repository / "elsewhere")
        put(hub_cache, "someone/tiny", other_clip, NEW)
        registry.forget_encoder(self.NAME)

        with pytest.raises(EncoderUnavailable):
            current_encoder()
        assert {state.part: state.problem for state in part_states()}["encoder"] == "encoder_unavailable"
