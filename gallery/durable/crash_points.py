"""Named moments at which a crash test may kill the process. In the product they do nothing."""

from collections.abc import Callable

callback: Callable[[str], None] | None = None


def crash_point(name: str) -> None:
    """Tell the crash test, if there is one, that this moment has come."""
    if callback is not None:
        callback(name)
