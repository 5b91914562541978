"""The queue of pictures that wait for a vector, as work for a worker."""

from gallery.services.embedding.claimed_images import embed_some


class WaitingImages:
    name = "pictures that wait"
    is_busy = False

    def __init__(self, holder: str) -> None:
        self._holder = holder
        self.embedded = self.failed = 0

    def step(self) -> int:
        report = embed_some(holder=self._holder)
        self.embedded += report.embedded
        self.failed += report.failed
        return report.count
