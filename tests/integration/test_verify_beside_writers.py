"""Verifying the index while others write: it keeps nobody waiting, finds what is wrong, and nothing else."""

import threading
from collections.abc import Callable

import numpy as np
import pytest
from django.db import connection

from gallery.durable.file_lock import FileLock
from gallery.models import OPERATOR, Image, IndexState
from gallery.search_index import checking, search_index
from gallery.search_index.files import IndexFiles
from gallery.services.maintenance import compact, repair
from gallery.vectors import store as store_module
from gallery.vectors.codes import CodesFile
from gallery.vectors.store import VectorStore
from tests.integration.test_search_index import ENCODER, added, vector_file
from tests.waiting import PATIENCE_SECONDS, until

PART_ROWS = 4


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    monkeypatch.setattr(checking, "CHECK_ROWS", PART_ROWS)
    monkeypatch.setattr(store_module, "CHECK_ROWS", PART_ROWS)


@pytest.fixture
def reads(monkeypatch) -> list[tuple[range, bool]]:
    """Return a list that gets the rows of each reading of vectors, and whether the writer lock was held for it."""
    seen: list[tuple[range, bool]] = []
    real = VectorStore.read_rows

    def read_rows(self, rows, *, epoch):
        seen.append((rows, self.lock()._depth > 0))
        return real(self, rows, epoch=epoch)

    monkeypatch.setattr(VectorStore, "read_rows", read_rows)
    return seen


def holds_of_the_lock(monkeypatch, work: Callable[[], object]) -> int:
    taken: list[str] = []
    real = FileLock.__enter__

    def enter(self):
        taken.extend([self.path.name] * (self._depth == 0 and self.path.name == "store.lock"))
        return real(self)

    with monkeypatch.context() as patch:
        patch.setattr(FileLock, "__enter__", enter)
        work()
    return len(taken)


def found() -> list[tuple[str, int | None]]:
    return [(problem.code, problem.row) for problem in search_index().problems()]


def damage(data_dir, row: int, value: float = 0.5) -> None:
    np.load(vector_file(data_dir), mmap_mode="r+")[row] = value


# The lock


def test_sound_rows_are_read_without_the_lock_which_is_held_as_often_for_few_as_for_many(alice, reads, monkeypatch):
    added(alice, 6)
    few = holds_of_the_lock(monkeypatch, lambda: search_index().problems())
    added(alice, 60, seed=1)
    reads.clear()

    many = holds_of_the_lock(monkeypatch, lambda: search_index().problems())

    assert few == many <= 3
    assert [rows for rows, _locked in reads] == [range(start, min(start + 4, 66)) for start in range(0, 66, 4)]
    assert not any(locked for _rows, locked in reads)


def test_rows_that_look_wrong_are_read_again_under_the_lock_those_alone(alice, data_dir, reads):
    added(alice, 30)
    damage(data_dir, 13)

    assert found() == [("not_unit", 13)]

    assert [rows for rows, locked in reads if locked] == [range(12, 16)]


def test_nothing_is_judged_under_the_lock(alice, data_dir, monkeypatch):
    added(alice, 12)
    damage(data_dir, 5)
    lock, held = search_index()._files.lock, []
    real = checking._judged
    monkeypatch.setattr(checking, "_judged", lambda seen: (held.append(lock._depth), real(seen))[1])

    search_index().problems()

    assert held == [0] * 4  # three parts, one of them twice


def test_rows_without_checksums_cost_no_lock(alice, data_dir, reads):
    added(alice, 30)
    (data_dir / "vectors" / "checksums-1.crc32").unlink()

    assert found() == [("checksums_missing", None)]

    assert not any(locked for _rows, locked in reads)


def test_repair_holds_the_lock_for_some_rows_at_a_time(alice, data_dir, quick_encoder, reads, monkeypatch):
    added(alice, 41)
    (data_dir / "vectors" / "checksums-1.crc32").unlink()
    for row in (3, 30):
        damage(data_dir, row, 0.0)
    index = search_index()
    bad = sorted({problem.row for problem in index.problems() if problem.row is not None})
    reads.clear()

    assert holds_of_the_lock(monkeypatch, lambda: index.forget_bad_rows(bad)) == 2
    assert reads == [(range(4), True), (range(28, 32), True)]
    assert holds_of_the_lock(monkeypatch, index.write_missing_checksums) == 11
    assert found() == []
    assert Image.objects.pending().count() == 2


# What others do meanwhile


def uploads(alice, ids):
    added(alice, 3, seed=9)


def deletes(alice, ids):
    with search_index().removing(ids[4:7]):
        Image.objects.filter(pk__in=ids[4:7]).delete()


def forgets(alice, ids):
    search_index().forget_rows([5, 6])


def embeds_again(alice, ids):
    search_index().forget_rows([5])
    again = [ids[5]]
    search_index().add(again, search_index().vectors(ids[:1])[1], encoder=ENCODER)


def computes_codes(alice, ids):
    search_index().compute_codes()


def compacts(alice, ids):
    compact(by=OPERATOR)


CHANGES = [uploads, deletes, forgets, embeds_again, computes_codes, compacts]
DAMAGES = {"vector_missing": 0.0, "not_unit": 0.5, "not_finite": np.nan}
MOMENTS = {"vectors": (VectorStore, "read_rows"), "codes": (CodesFile, "read_part")}


def at_one_moment(monkeypatch, change: Callable[[], None], moment: str, *, turn: int, after: bool) -> list[bool]:
    """Run `change` once, before or after the `turn`-th reading of that kind; return a list that then has an entry."""
    owner, name = MOMENTS[moment]
    real, turns, done = getattr(owner, name), [], []

    def read(self, *arguments, **named):
        turns.append(True)
        result = None if not after else real(self, *arguments, **named)
        if len(turns) == turn and not done:
            done.append(True)
            change()
        return result if after else real(self, *arguments, **named)

    monkeypatch.setattr(owner, name, read)
    return done


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_change_between_two_readings_is_no_problem(alice, monkeypatch, change, moment, after):
    ids, _vectors = added(alice, 11)
    done = at_one_moment(monkeypatch, lambda: change(alice, ids), moment, turn=2, after=after)

    assert found() == []
    assert done
    assert found() == []


@pytest.mark.parametrize("change", CHANGES[:-1], ids=lambda change: change.__name__)
@pytest.mark.parametrize("code", DAMAGES)
def test_damage_is_found_whatever_others_do(alice, data_dir, monkeypatch, code, change):
    ids, _vectors = added(alice, 11)
    damage(data_dir, 9, DAMAGES[code])
    done = at_one_moment(monkeypatch, lambda: change(alice, ids), "vectors", turn=3, after=True)

    seen = found()

    assert [problem for problem in seen if problem[0] != "codes_damaged"] == [(code, 9)]
    assert done


def test_codes_and_checksums_that_are_wrong_are_found_beside_a_writer(alice, data_dir, monkeypatch):
    ids, _vectors = added(alice, 11)
    checksums = np.memmap(data_dir / "vectors" / "checksums-1.crc32", dtype="<u4", mode="r+")
    checksums[2] ^= 1
    checksums.flush()
    search_index()._files.codes(1, ENCODER.dimension).clear(np.array([8]))
    at_one_moment(monkeypatch, lambda: deletes(alice, ids), "vectors", turn=2, after=True)

    problems = search_index().problems()

    assert [(problem.code, problem.row) for problem in problems] == [("checksum_mismatch", 2), ("codes_damaged", None)]
    assert problems[1].detail == "1 rows have codes of something else, row 8 first."


def test_epoch_that_a_compaction_left_is_not_judged_and_progress_is_taken_back(alice, data_dir, monkeypatch):
    """The rows of the old epoch would all be orphans, if its files were still there."""
    added(alice, 11)
    deletes(alice, Image.objects.ids().tolist())
    monkeypatch.setattr("gallery.search_index.files.IndexFiles.remove_epoch", lambda *_: None)
    at_one_moment(monkeypatch, lambda: compact(by=OPERATOR), "vectors", turn=2, after=False)
    heard: list[int] = []

    problems = search_index().problems(progress=heard.append)

    assert [problem.code for problem in problems] == ["stale_vectors"] * 3
    assert IndexState.objects.current().epoch == 2
    assert sum(heard) == 8
    assert min(heard) < 0


def test_change_that_is_half_done_is_waited_for(alice, monkeypatch):
    """The database has forgotten the pictures, their vectors are there: the second look must come after both."""
    ids, _vectors = added(alice, 11)
    reached, go_on, seen = threading.Event(), threading.Event(), []
    real = IndexFiles.clear

    def clear(self, *arguments):
        reached.set()
        assert go_on.wait(PATIENCE_SECONDS)
        real(self, *arguments)

    monkeypatch.setattr(IndexFiles, "clear", clear)

    def in_thread(work):
        def run():
            try:
                work()
            finally:
                connection.close()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    writer = in_thread(lambda: deletes(alice, ids))
    assert reached.wait(PATIENCE_SECONDS)
    looks = []
    look = checking._judged
    monkeypatch.setattr(checking, "_judged", lambda rows: (looks.append(rows.rows), look(rows))[1])
    verifier = in_thread(lambda: seen.append(_without_first_lock(search_index()._files)))
    until(lambda: range(4, 8) in looks, "the half-done change is seen")
    go_on.set()
    for thread in (writer, verifier):
        thread.join(PATIENCE_SECONDS)

    assert seen == [[]]
    assert looks.count(range(4, 8)) == 2


def _without_first_lock(files):
    """Look at rows as a check does that began before the writer took the lock."""
    state = IndexState.objects.current()
    epoch = checking.current_epoch(files, files.store(state.dimension), state)
    return checking.EpochCheck(epoch, files.lock).run(11, lambda _count: None).of_rows


# Repair


def test_repair_leaves_alone_what_was_mended_meanwhile(alice, data_dir):
    """A row that was found bad belongs to a sound vector by now, in another epoch: it must keep it."""
    ids, _vectors = added(alice, 11)
    damage(data_dir, 3)
    assert found() == [("not_unit", 3)]
    with search_index().removing(ids[:4]):
        Image.objects.filter(pk__in=ids[:4]).delete()
    compact(by=OPERATOR)

    assert search_index().forget_bad_rows([3]) == 0

    assert Image.objects.pending().count() == 0
    assert found() == []


@pytest.mark.parametrize("change", CHANGES[:3], ids=lambda change: change.__name__)
def test_repair_beside_a_writer_mends_the_damage_alone(alice, data_dir, monkeypatch, change):
    ids, _vectors = added(alice, 11)
    damage(data_dir, 9)
    at_one_moment(monkeypatch, lambda: change(alice, ids), "vectors", turn=3, after=True)
    monkeypatch.setattr("gallery.services.maintenance.embed_pending", lambda: None)

    codes = {problem.code for problem in repair(by=OPERATOR).problems}

    assert codes <= {"original_missing"}  # these pictures have no files
    assert Image.objects.get(pk=ids[9]).embedding_row is None
    assert Image.objects.get(pk=ids[10]).embedding_row == 10
