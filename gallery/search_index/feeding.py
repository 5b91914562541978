"""Bringing a remote engine up to what is committed, some rows at a time."""

from dataclasses import dataclass, replace

import numpy as np

from gallery.models import AccessState, Image, IndexState
from gallery.vectors.engines.contract import RemoteCollection, RemoteEngine, Watermark
from gallery.vectors.unit_vectors import Ids, Vectors

from .files import IndexFiles

FEED_ROWS = 1_000  # while nobody else can write


@dataclass(frozen=True)
class Fed:
    """What one step gave the engine, and whether it holds all that is committed now."""

    vectors: int
    is_complete: bool


def feed_all(engine: RemoteEngine, files: IndexFiles) -> int:
    """Give the engine all that it lacks; return how many vectors that were. The lock is let go now and then."""
    given = 0
    while IndexState.objects.current().has_encoder:
        with files.current():
            fed = feed_some(engine, files)
        given += fed.vectors
        if fed.is_complete:
            break
    return given


def feed_some(engine: RemoteEngine, files: IndexFiles) -> Fed:
    """Give the engine the next rows that it lacks. Hold the writer lock: what is committed stands still then.

    First it forgets the pictures that have left their rows, so that it never holds one longer than its watermark says;
    then it gets new rows. A crash anywhere leaves a watermark that says less than what is there, and the same is done
    again. Collections of other epochs are removed: the files are scanned until that of a new epoch is full.
    """
    state, departures = IndexState.objects.current(), AccessState.objects.current().departures
    engine.drop_all_but([state.epoch])
    collection = engine.open(state.epoch, state.dimension)
    matrix = files.store(state.dimension).read(epoch=state.epoch, row_count=state.row_count)
    held, given = collection.watermark(), 0
    if held.departures != departures or held.rows > state.row_count:
        settled = Watermark(state.epoch, min(held.rows, state.row_count), departures)
        given = _settle_departures(collection, matrix, held, settled)
        held = settled
    fed = replace(held, rows=min(held.rows + FEED_ROWS, state.row_count))
    if fed.rows > held.rows:
        new = Image.objects.filter(embedding_row__gte=held.rows, embedding_row__lt=fed.rows).rows()
        collection.feed(new[:, 1], matrix[new[:, 0]], then=fed)
        given += len(new)
    return Fed(given, is_complete=fed.rows == state.row_count)


def _settle_departures(collection: RemoteCollection, matrix: Vectors, held: Watermark, settled: Watermark) -> int:
    """Make the collection hold exactly the images of the first `settled.rows` rows; return how many it lacked.

    It lacks some where rows were lost with their file and others have taken their numbers.
    """
    rows = Image.objects.filter(embedding_row__lt=settled.rows).rows()
    ids = collection.ids()
    lacking = rows[~np.isin(rows[:, 1], ids)]
    for start in range(0, len(lacking), FEED_ROWS):
        some = lacking[start : start + FEED_ROWS]
        collection.feed(some[:, 1], matrix[some[:, 0]], then=held)
    gone: Ids = np.setdiff1d(ids, rows[:, 1])
    collection.forget(gone, then=settled)
    return len(lacking)
