"""What the storages of pictures can do beside Django's: say at once which files there are."""

from typing import Protocol


class ListingStorage(Protocol):
    """`listings_at_once` is how many threads may list folders, where more are no faster."""

    listings_at_once: int

    def sizes_below(self, folder: str) -> dict[str, int]:
        """Return the size in bytes of each file in this folder and those below it, by its path; {} without a folder."""
        ...
