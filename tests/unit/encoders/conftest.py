"""Real pictures that come with scikit-image, and one loaded encoder for the whole run."""

import os
from pathlib import Path

import pytest
import skimage
from PIL import Image

from gallery.encoders.offline import OfflineEncoder
from tests.unit.encoders.tiny_models import (
    save_tiny_altclip,
    save_tiny_chinese_clip,
    save_tiny_clip,
    save_tiny_siglip,
    save_tiny_text_tower,
)

PICTURES = Path(skimage.__file__).parent / "data"


@pytest.fixture(scope="session", autouse=True)
def _hub_is_offline():
    """Encoder tests must pass with no network: any attempt to reach the hub is an error."""
    before = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    yield
    if before is None:
        del os.environ["HF_HUB_OFFLINE"]
    else:
        os.environ["HF_HUB_OFFLINE"] = before


@pytest.fixture(scope="session")
def picture():
    """Return a function: the name of a bundled picture -> an RGB image."""
    return lambda name: Image.open(PICTURES / name).convert("RGB")


@pytest.fixture(scope="session")
def offline():
    return OfflineEncoder()


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """Any connection that an encoder tries to open fails the test."""

    def refuse(*args, **kwargs):
        pytest.fail("an encoder used the network")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory):
    return save_tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="session")
def tiny_chinese_clip(tmp_path_factory):
    return save_tiny_chinese_clip(tmp_path_factory.mktemp("chinese-clip"))


@pytest.fixture(scope="session")
def tiny_siglip(tmp_path_factory):
    return save_tiny_siglip(tmp_path_factory.mktemp("siglip"))


@pytest.fixture(scope="session")
def tiny_altclip(tmp_path_factory):
    return save_tiny_altclip(tmp_path_factory.mktemp("altclip"))


@pytest.fixture(scope="session")
def tiny_large_clip(tmp_path_factory):
    """The architecture of ViT-L/14 is that of B/32; its space has another dimension."""
    return save_tiny_clip(tmp_path_factory.mktemp("large-clip"), dimension=24)


@pytest.fixture(scope="session")
def tiny_text_tower(tmp_path_factory):
    """A tower for the tiny CLIP's space of 16 dimensions."""
    return save_tiny_text_tower(tmp_path_factory.mktemp("tower"), dimension=16)
