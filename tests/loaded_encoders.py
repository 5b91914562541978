"""The encoders that this process has in memory: asked about, and put aside for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from gallery.encoders import registry


def is_loaded(name: str) -> bool:
    """Say whether this process has an encoder of that name in memory, with whatever options."""
    return any(loaded == registry.canonical_name(name) for loaded, _options in registry._instances)


@contextmanager
def nothing_loaded() -> Iterator[None]:
    """Let this process have loaded nothing yet, as a new one; afterwards it has what it had before."""
    before = dict(registry._instances)
    registry._instances.clear()
    try:
        yield
    finally:
        registry._instances.clear()
        registry._instances.update(before)
