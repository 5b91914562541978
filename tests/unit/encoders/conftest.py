"""Real pictures that come with scikit-image, and one loaded encoder for the whole run."""

import os
from pathlib import Path

import pytest
import skimage
from PIL import Image

from gallery.encoders.offline import OfflineEncoder

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
