"""Which engine answers: the one that the settings name, or an exact scan of the files where that one cannot."""

from functools import cached_property

from gallery.conf import gallery
from gallery.models import IndexState
from gallery.vectors.engines import local_engine, remote_engine
from gallery.vectors.engines.contract import LocalEngine, RemoteEngine, Searcher, Watermark
from gallery.vectors.snapshot import Snapshot

from .committed_index import CommittedIndex

BESIDE_A_REMOTE_ONE = "exact"


class EngineInUse:
    """Opens committed versions, and says what searches each of them.

    A remote engine answers only where its watermark covers what is committed, and where it can be told what may be
    found. Until it has been fed, and for wider filters, the files are scanned: so it is late, never wrong.
    """

    def __init__(self) -> None:
        self._held: Watermark | None = None  # by the remote engine, when it was last asked

    @cached_property
    def remote(self) -> RemoteEngine | None:
        return remote_engine(gallery().engine)

    @cached_property
    def _local(self) -> LocalEngine:
        settings = gallery()
        name = settings.engine if self.remote is None else BESIDE_A_REMOTE_ONE
        return local_engine(name, threads=settings.search_threads, code_folder=settings.machine_code_dir)

    def open(self, state: IndexState, snapshot: Snapshot, *, before: CommittedIndex | None) -> CommittedIndex:
        """Return the version that `state` tells of; `before` is the one that this process has, and goes on working."""
        after = before.local if before is not None and before.epoch == state.epoch else None
        return CommittedIndex(
            epoch=state.epoch,
            version=state.version,
            encoder=state.encoder_key,
            snapshot=snapshot,
            local=self._local.open(snapshot, after=after),
            remote=self.remote.open(state.epoch, state.dimension) if self.remote is not None else None,
        )

    def searcher_of(self, committed: CommittedIndex, *, departures: int) -> Searcher:
        """Return what searches this version, after pictures have left rows `departures` times."""
        if committed.remote is None:
            return committed.local
        wanted = Watermark(committed.epoch, committed.snapshot.row_count, departures)
        if self._held is None or not self._held.covers(wanted):
            self._held = committed.remote.watermark()
        return committed.remote if self._held.covers(wanted) else committed.local
