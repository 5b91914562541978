"""The join of vectors, rows and pictures: in one process, in several, and after a crash between file and database."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from gallery.durable import crash_points
from gallery.encoders.base import EncoderKey
from gallery.errors import EncoderChanged, EncoderMismatch, InvalidVector, StoreDamaged
from gallery.jobs.periodic import PeriodicChores
from gallery.models import OPERATOR, WORKER, Image, IndexState, User
from gallery.search_index import SearchIndex, search_index
from gallery.search_index.files import IndexFiles
from gallery.services.curation import delete_forever
from gallery.services.embedding.model_change import change_model
from gallery.services.maintenance import compact, repair, verify
from gallery.vectors.npy_header import HEADER_BYTES, encode_header
from gallery.vectors.store import VectorStore
from tests.conftest import acting, drawn_picture
from tests.integration.test_models import stored
from tests.quick_encoder import QuickEncoder, unit_rows
from tests.waiting import PATIENCE_SECONDS, until

DIMENSION = QuickEncoder.dimension
ENCODER = QuickEncoder()


class Crash(BaseException):
    """Stands for the death of the process: nothing catches it."""


def added(owner: User, n: int, *, seed: int = 0, index: SearchIndex | None = None) -> tuple[list[int], np.ndarray]:
    """Make `n` pictures and commit a vector for each; return their ids and vectors."""
    ids = [stored(owner).pk for _ in range(n)]
    vectors = unit_rows(n, seed=seed)
    assert (index or search_index()).add(ids, vectors, encoder=ENCODER) == n
    return ids, vectors


def vector_file(data_dir: Path, epoch: int = 1) -> Path:
    return data_dir / "vectors" / f"embeddings-{epoch}.npy"


def best(vector: np.ndarray, k: int = 10, allowed=None, index: SearchIndex | None = None) -> list[int]:
    images = None if allowed is None else Image.objects.filter(pk__in=allowed)
    return (index or search_index()).search(vector[np.newaxis], k=k, allowed=images).of(0).ids.tolist()


def codes() -> list[str]:
    return [problem.code for problem in search_index().problems()]


# One process


def test_an_empty_index_finds_nothing_and_has_no_problem(alice):
    assert best(unit_rows(1)[0]) == []
    assert search_index().vectors([1, 2])[0].tolist() == []
    assert search_index().problems() == []


def test_added_vectors_are_found_best_first(alice):
    ids, vectors = added(alice, 5)

    assert best(vectors[3])[0] == ids[3]
    assert sorted(best(vectors[3])) == ids
    found, rows = search_index().vectors([ids[4], 99_999, ids[0]])
    assert found.tolist() == [ids[4], ids[0]]
    np.testing.assert_array_equal(rows, vectors[[4, 0]])


def test_every_change_moves_the_version(alice):
    versions = [IndexState.objects.current().version]
    ids, _ = added(alice, 3)
    versions.append(IndexState.objects.current().version)
    with search_index().removing(ids[:1]):
        Image.objects.filter(pk=ids[0]).delete()
    versions.append(IndexState.objects.current().version)
    compact(by=OPERATOR)
    versions.append(IndexState.objects.current().version)

    assert versions == sorted(set(versions))


def test_a_filter_is_inside_the_search_so_that_k_come_back(alice):
    ids, vectors = added(alice, 200)
    allowed = ids[150:160]

    assert sorted(best(vectors[0], k=10, allowed=allowed)) == allowed
    assert best(vectors[0], k=3, allowed=[]) == []
    assert best(vectors[0], k=3, allowed=[10**9]) == []
    assert len(best(vectors[0], k=7, allowed=ids)) == 7


def test_all_that_score_as_much_are_counted_inside_the_filter(alice):
    ids, vectors = added(alice, 30)
    scores = np.sort(vectors @ vectors[3])[::-1]
    half = Image.objects.filter(pk__in=ids[::2])
    of_half = (vectors[::2] @ vectors[3] >= scores[9] - 1e-6).sum()

    assert search_index().count_above(vectors[3], scores[9] - 1e-6) == 10
    assert search_index().count_above(vectors[3], scores[9] - 1e-6, half) == of_half
    assert search_index().count_above(vectors[3], -2.0, Image.objects.none()) == 0
    assert len(search_index().hits_above(vectors[3], scores[9] - 1e-6).ids) == 10
    assert set(search_index().hits_above(vectors[3], scores[9] - 1e-6, half).ids.tolist()) <= set(ids[::2])
    assert len(search_index().hits_above(vectors[3], -2.0, Image.objects.none()).ids) == 0
    delete_forever(Image.objects.filter(pk=ids[0]), by=OPERATOR)
    assert search_index().count_above(vectors[3], -2.0) == 29
    with pytest.raises(EncoderChanged):
        search_index().count_above(vectors[3], 0.0, encoder=EncoderKey("clip:other", "1"))
    with pytest.raises(EncoderChanged):
        search_index().hits_above(vectors[3], 0.0, encoder=EncoderKey("clip:other", "1"))


def test_nothing_scores_in_an_empty_index(alice):
    assert search_index().count_above(unit_rows(1)[0], -1.0) == 0
    assert len(search_index().hits_above(unit_rows(1)[0], -1.0).ids) == 0


def test_a_picture_that_has_a_vector_gets_no_second_one(alice, data_dir):
    ids, vectors = added(alice, 2)

    assert search_index().add(ids, vectors, encoder=ENCODER) == 0
    assert len(np.load(vector_file(data_dir))) == 2


def test_a_picture_deleted_meanwhile_gets_no_vector(alice, data_dir):
    gone, here = stored(alice), stored(alice)
    ids = [gone.pk, here.pk]
    gone.delete()

    assert search_index().add(ids, unit_rows(2), encoder=ENCODER) == 1
    assert len(np.load(vector_file(data_dir))) == 1


def test_a_bad_vector_adds_nothing(alice, data_dir):
    ids = [stored(alice).pk for _ in range(3)]
    vectors = unit_rows(3)
    vectors[1] = np.nan

    with pytest.raises(InvalidVector) as caught:
        search_index().add(ids, vectors, encoder=ENCODER)

    assert caught.value.details["image_id"] == ids[1]
    assert Image.objects.searchable().count() == 0
    assert not vector_file(data_dir).exists() or len(np.load(vector_file(data_dir))) == 0


def test_removed_vectors_are_zeros_and_never_found(alice, data_dir):
    ids, vectors = added(alice, 3)

    with search_index().removing([ids[1]]):
        Image.objects.filter(pk=ids[1]).delete()

    assert not np.load(vector_file(data_dir))[1].any()
    assert best(vectors[1]) == best(vectors[1], allowed=ids)
    assert ids[1] not in best(vectors[1])
    assert codes() == []


def test_a_body_that_fails_removes_nothing(alice, data_dir):
    ids, vectors = added(alice, 2)

    with pytest.raises(ZeroDivisionError), search_index().removing(ids):
        raise ZeroDivisionError

    assert best(vectors[0])[0] == ids[0]
    np.testing.assert_array_equal(np.load(vector_file(data_dir)), vectors)


def test_removing_inside_a_transaction_is_refused(alice):
    """The vectors would be overwritten although the outer transaction may still be rolled back."""
    ids, _ = added(alice, 1)

    with pytest.raises(RuntimeError), transaction.atomic(), search_index().removing(ids):
        pass


def test_a_vector_wins_over_a_failure_noted_by_another_process(alice, monkeypatch):
    image = stored(alice)
    monkeypatch.setattr(
        crash_points, "callback", lambda name: _note_failure(image) if name == "after_header_sync" else None
    )

    assert search_index().add([image.pk], unit_rows(1), encoder=ENCODER) == 1

    image.refresh_from_db()
    assert image.search_status == "searchable"


def _note_failure(image: Image) -> None:
    Image.objects.filter(pk=image.pk).update(embed_error="it was gone")


def test_another_encoder_is_refused_with_the_remedy(alice):
    added(alice, 1)
    waiting = stored(alice)

    for other in (QuickEncoder("clip:other"), QuickEncoder(revision="2")):
        with pytest.raises(EncoderMismatch) as caught:
            search_index().add([waiting.pk], unit_rows(1), encoder=other)
        assert f"reindex --encoder {other.id}" in str(caught.value)
        assert f"{other.id} ({other.revision})" in str(caught.value)

    assert list(Image.objects.pending()) == [waiting]


# Compaction and rebuilding


def test_compaction_drops_dead_rows_and_finds_the_same(alice, data_dir):
    ids, vectors = added(alice, 6)
    with search_index().removing(ids[:3]):
        Image.objects.filter(pk__in=ids[:3]).delete()
    before = [best(vector) for vector in vectors]

    assert compact(by=OPERATOR) == 3

    assert [best(vector) for vector in vectors] == before
    assert len(np.load(vector_file(data_dir, 2))) == 3
    assert not vector_file(data_dir, 1).exists()
    assert IndexState.objects.current().epoch == 2
    assert codes() == []


def test_compaction_of_nothing_is_nothing(alice):
    assert compact(by=OPERATOR) == 0
    assert IndexState.objects.current().epoch == 1


def test_pictures_that_a_rebuild_leaves_out_go_back_to_the_queue(alice):
    ids, vectors = added(alice, 3)

    search_index().rebuild(lambda present: [(present[:2], vectors[:2])])

    assert [image.pk for image in Image.objects.pending()] == [ids[2]]
    assert best(vectors[0], k=2)[0] == ids[0]


def test_forgotten_rows_go_back_to_the_queue(alice, data_dir):
    ids, _ = added(alice, 3)

    assert search_index().forget_rows([1]) == 1

    assert [image.pk for image in Image.objects.pending()] == [ids[1]]
    assert not np.load(vector_file(data_dir))[1].any()


def test_more_rows_are_forgotten_than_one_statement_can_name(alice):
    ids, _ = added(alice, 2_500)

    assert search_index().forget_rows(range(2_500)) == 2_500
    assert Image.objects.pending().count() == len(ids)


# Codes


def test_codes_that_are_gone_are_computed_without_what_is_deleted_meanwhile(alice, data_dir, monkeypatch):
    """A deletion between asking for the ids and the lock must not leave a deleted picture in the codes."""
    ids, vectors = added(alice, 300)
    codes_file = data_dir / "vectors" / "codes-1.bin"
    codes_file.unlink()
    reader, real = SearchIndex(), VectorStore.lock

    def lock_after_a_deletion(store):
        monkeypatch.undo()
        with search_index().removing(ids[:1]):
            Image.objects.filter(pk=ids[0]).delete()
        return real(store)

    monkeypatch.setattr(VectorStore, "lock", lock_after_a_deletion)

    assert best(vectors[0], k=300, index=reader) == best(vectors[0], k=300)
    assert ids[0] not in best(vectors[0], k=300)
    assert codes() == []


# Other readers


def test_a_stale_reader_sees_what_another_index_changed(alice):
    ids, vectors = added(alice, 2)
    other = SearchIndex()  # what another process has
    assert best(vectors[0], index=other)[0] == ids[0]

    more, more_vectors = added(alice, 2, seed=1)
    assert best(more_vectors[1], index=other)[0] == more[1]

    with search_index().removing([ids[0]]):
        Image.objects.filter(pk=ids[0]).delete()
    assert ids[0] not in best(vectors[0], index=other)

    compact(by=OPERATOR)
    assert sorted(best(vectors[1], index=other)) == [ids[1], *more]


def test_a_thread_that_searches_all_the_time_is_never_wrong(alice):
    """Others add, remove and compact meanwhile; a result may be late but never names a picture of another vector."""
    ids, vectors = added(alice, 30)
    kept = dict(zip(ids[:10], vectors[:10], strict=True))
    stop, wrong, searches = threading.Event(), [], []

    def search_on() -> None:
        try:
            while not stop.is_set():
                for image_id, vector in kept.items():
                    if best(vector, k=1) != [image_id]:
                        wrong.append(image_id)
                    searches.append(1)
        except BaseException as error:  # noqa: BLE001 -- shown by the assertion below
            wrong.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=search_on)
    thread.start()
    for step in range(6):
        added(alice, 5, seed=10 + step)
        with search_index().removing(ids[10 + step : 11 + step]):
            Image.objects.filter(pk=ids[10 + step]).delete()
        compact(by=OPERATOR)
        before = len(searches)
        until(lambda before=before: len(searches) > before or wrong, "it searches on")
    stop.set()
    thread.join(PATIENCE_SECONDS)

    assert wrong == []


def test_many_threads_map_a_new_version_once(alice, monkeypatch):
    _ids, vectors = added(alice, 3)
    loads = []
    real = SearchIndex._load
    monkeypatch.setattr(SearchIndex, "_load", lambda self: (loads.append(1), real(self))[1])
    barrier = threading.Barrier(5)

    def search_once() -> None:
        barrier.wait(PATIENCE_SECONDS)
        best(vectors[0])
        connection.close()

    threads = [threading.Thread(target=search_once) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)

    assert len(loads) == 1


CHILD = """
import sys
import django
django.setup()
from django.conf import settings
from pathlib import Path
from django.db import connections
folder, database, mode, *rest = sys.argv[1:]
connections.settings["default"]["NAME"] = database
settings.GALLERY = {**settings.GALLERY, "data_dir": Path(folder)}
from gallery.search_index import search_index
from tests.quick_encoder import QuickEncoder, unit_rows
if mode == "add":
    ids = [int(part) for part in rest]
    print("ready", flush=True)
    sys.stdin.readline()
    for image_id in ids:
        search_index().add([image_id], unit_rows(1, seed=image_id), encoder=QuickEncoder())
if mode == "search":
    for line in sys.stdin:
        vector = unit_rows(1, seed=int(line))
        print(search_index().search(vector, k=1).of(0).ids.tolist(), flush=True)
"""


def child(data_dir: Path, mode: str, *rest: object) -> subprocess.Popen[str]:
    database = str(connection.settings_dict["NAME"])
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(data_dir), database, mode, *map(str, rest)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(django_settings.BASE_DIR)},
        cwd=django_settings.BASE_DIR,
    )


def test_two_processes_that_add_at_the_same_moment_lose_nothing(alice, data_dir):
    ids = [stored(alice).pk for _ in range(40)]
    writers = [child(data_dir, "add", *ids[::2], *ids[10:20]), child(data_dir, "add", *ids[1::2], *ids[10:20])]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()

    assert [writer.wait(PATIENCE_SECONDS) for writer in writers] == [0, 0]
    for writer in writers:
        writer.communicate()

    assert Image.objects.pending().count() == 0
    assert len(np.load(vector_file(data_dir))) == 40
    for image_id in ids:
        assert best(unit_rows(1, seed=image_id)[0], k=1) == [image_id]
    assert codes() == []


def test_another_process_sees_the_next_version(alice, data_dir):
    first = stored(alice).pk
    search_index().add([first], unit_rows(1, seed=first), encoder=ENCODER)
    reader = child(data_dir, "search")

    def ask(seed: int) -> str:
        reader.stdin.write(f"{seed}\n")
        reader.stdin.flush()
        return reader.stdout.readline()

    assert ask(first) == f"[{first}]\n"
    second = stored(alice).pk
    search_index().add([second], unit_rows(1, seed=second), encoder=ENCODER)
    assert ask(second) == f"[{second}]\n"
    with search_index().removing([first]):
        Image.objects.filter(pk=first).delete()
    compact(by=OPERATOR)
    assert ask(first) == f"[{second}]\n"
    reader.communicate(timeout=PATIENCE_SECONDS)


# A crash between file and database


def crash_at(monkeypatch, moment: str) -> None:
    def die(name: str) -> None:
        if name == moment:
            raise Crash

    monkeypatch.setattr(crash_points, "callback", die)


def test_crash_after_rows_before_the_database_leaves_an_orphan_that_the_next_add_clears(alice, data_dir, monkeypatch):
    ids, vectors = added(alice, 2)
    waiting = stored(alice)
    crash_at(monkeypatch, "after_header_sync")
    with pytest.raises(Crash):
        search_index().add([waiting.pk], unit_rows(1, seed=9), encoder=ENCODER)
    monkeypatch.undo()

    assert codes() == ["orphan_vector"]
    assert best(unit_rows(1, seed=9)[0], k=5) == best(unit_rows(1, seed=9)[0], k=5, allowed=ids)
    assert waiting.pk not in best(unit_rows(1, seed=9)[0], k=5)

    search_index().add([waiting.pk], unit_rows(1, seed=9), encoder=ENCODER)

    assert codes() == []
    assert best(unit_rows(1, seed=9)[0], k=1) == [waiting.pk]
    matrix = np.load(vector_file(data_dir))
    assert matrix.any(axis=1).tolist() == [True, True, False, True]
    assert best(vectors[0], k=1) == [ids[0]]


def test_crash_after_codes_leaves_no_code_that_an_unfiltered_search_could_find(alice, monkeypatch):
    """The code of the orphan would be a hit without a vector, in the place of a true one."""
    ids, vectors = added(alice, 300)
    waiting = stored(alice)
    crash_at(monkeypatch, "after_codes_header")
    with pytest.raises(Crash):
        search_index().add([waiting.pk], vectors[:1], encoder=ENCODER)
    monkeypatch.undo()
    waiting.delete()
    late = stored(alice)

    search_index().add([late.pk], unit_rows(1, seed=9), encoder=ENCODER)

    assert best(vectors[0], k=1) == [ids[0]]
    assert sorted(best(vectors[0], k=400)) == sorted([*ids, late.pk])


def test_crash_between_codes_and_vectors_of_a_deletion_is_found_and_mended(alice, monkeypatch):
    ids, vectors = added(alice, 3)
    crash_at(monkeypatch, "between_cleared_rows")
    with pytest.raises(Crash), search_index().removing(ids[:2]):
        Image.objects.filter(pk__in=ids[:2]).delete()
    monkeypatch.undo()

    assert codes() == ["orphan_vector"]
    assert best(vectors[0], k=5) == [ids[2]]
    search_index().forget_rows([1])
    assert codes() == []


def seen_at_first_call(monkeypatch, name: str) -> list[bool]:
    """Return a list that gets, when the index calls `name`, whether something was committed since now."""
    before, seen = IndexState.objects.current().updated_at, []
    owner = IndexFiles if hasattr(IndexFiles, name) else VectorStore
    real = getattr(owner, name)

    def call(self, *arguments, **named):
        seen.append(IndexState.objects.current().updated_at > before)
        return real(self, *arguments, **named)

    monkeypatch.setattr(owner, name, call)
    return seen


def test_orphans_and_stale_files_go_only_after_a_commit_of_ones_own(alice, data_dir, monkeypatch):
    """Their owner may have died within its commit: it would come back when SQLite reads its log anew."""
    added(alice, 2)
    waiting = stored(alice)
    crash_at(monkeypatch, "after_codes_header")
    with pytest.raises(Crash):
        search_index().add([waiting.pk], unit_rows(1, seed=9), encoder=ENCODER)
    monkeypatch.undo()

    cleared = seen_at_first_call(monkeypatch, "clear")
    search_index().add([waiting.pk], unit_rows(1, seed=9), encoder=ENCODER)
    written = seen_at_first_call(monkeypatch, "write_epoch")
    compact(by=OPERATOR)
    listed = seen_at_first_call(monkeypatch, "stale")
    search_index().remove_stale_files()

    assert [cleared[0], written[0], listed[0]] == [True, True, True]


def test_crash_after_a_deletion_before_its_vector_is_cleared_is_mended_by_repair(alice, data_dir, monkeypatch):
    ids, _ = added(alice, 2)
    monkeypatch.setattr("gallery.search_index.files.IndexFiles.clear", _die)
    with pytest.raises(Crash), search_index().removing(ids[:1]):
        Image.objects.filter(pk=ids[0]).delete()
    monkeypatch.undo()
    assert codes() == ["orphan_vector"]

    search_index().forget_rows([0])

    assert codes() == []
    assert not np.load(vector_file(data_dir))[0].any()


def test_crash_before_a_compaction_moves_leaves_the_old_epoch_in_use(alice, data_dir, monkeypatch):
    ids, vectors = added(alice, 3)
    monkeypatch.setattr(SearchIndex, "_move_to", _die)
    with pytest.raises(Crash):
        compact(by=OPERATOR)
    monkeypatch.undo()

    assert best(vectors[2], k=1) == [ids[2]]
    assert codes() == ["stale_vectors"] * 3  # vectors, checksums and codes

    assert compact(by=OPERATOR) == 3  # the next one writes over it
    assert codes() == []
    assert sorted(path.name for path in data_dir.glob("vectors/*-2.*")) == [
        "checksums-2.crc32",
        "codes-2.bin",
        "embeddings-2.npy",
    ]
    assert not list(data_dir.glob("vectors/*-1.*"))


def test_crash_after_a_compaction_moved_leaves_a_stale_file_that_repair_removes(alice, data_dir, monkeypatch):
    ids, vectors = added(alice, 3)
    monkeypatch.setattr("gallery.vectors.store.VectorStore.remove_epoch", _die)
    with pytest.raises(Crash):
        compact(by=OPERATOR)
    monkeypatch.undo()
    assert codes() == ["stale_vectors"] * 3  # vectors, checksums and codes
    assert best(vectors[1], k=1) == [ids[1]]

    search_index().remove_stale_files()

    assert codes() == []
    assert sorted(path.name for path in data_dir.glob("vectors/*-2.*")) == [
        "checksums-2.crc32",
        "codes-2.bin",
        "embeddings-2.npy",
    ]
    assert not list(data_dir.glob("vectors/*-1.*"))
    assert best(vectors[1], k=1) == [ids[1]]


def _die(*_args, **_kwargs) -> None:
    raise Crash


# Damage, found and mended


@pytest.fixture
def library(alice, upload, quick_encoder) -> list[Image]:
    """Five pictures of one colour each, embedded."""
    return [
        upload(alice, f"{colour}.png", content=drawn_picture(colour))
        for colour in ("red", "lime", "blue", "yellow", "gray")
    ]


def assert_whole_again(library: list[Image], encoder: QuickEncoder) -> None:
    found = verify()
    assert (found.ok, found.problems) == (True, ())
    assert (found.indexed, found.pending, found.failed) == (len(library), 0, 0)
    vectors = encoder.encode_texts(["red", "lime", "blue", "yellow", "gray"])
    assert [best(vector, k=1) for vector in vectors] == [[image.pk] for image in library]


def test_a_whole_library_has_no_problem(library, quick_encoder):
    assert_whole_again(library, quick_encoder)


@pytest.mark.parametrize("mend", [compact, repair])
def test_maintenance_is_for_the_operator_and_the_program_alone(library, admin_user, data_dir, mend):
    path = vector_file(data_dir)
    path.write_bytes(damaged := b"not vectors" + path.read_bytes()[11:])
    epoch = IndexState.objects.current().epoch

    with pytest.raises(PermissionDenied):
        mend(by=acting(admin_user))

    assert (path.read_bytes(), IndexState.objects.current().epoch) == (damaged, epoch)


def test_program_itself_may_repair_and_compact(library):
    assert repair(by=WORKER).ok
    assert compact(by=WORKER) > 0


def test_a_flipped_header_is_restored_without_computing_anything_again(library, quick_encoder, data_dir):
    path = vector_file(data_dir)
    content = bytearray(path.read_bytes())
    content[3] ^= 0xFF
    path.write_bytes(content)
    encoded = quick_encoder.encoded

    assert [problem.code for problem in verify().problems] == ["file_damaged"]
    with pytest.raises(StoreDamaged, match="--repair"):
        best(quick_encoder.encode_texts(["red"])[0], index=SearchIndex())
    found = repair(by=OPERATOR)

    assert found.ok
    assert quick_encoder.encoded == encoded
    assert IndexState.objects.current().epoch == 1
    assert_whole_again(library, quick_encoder)


def test_a_shortened_file_costs_only_the_rows_it_lost(library, quick_encoder, data_dir):
    os.truncate(vector_file(data_dir), HEADER_BYTES + 3 * DIMENSION * 4 + 5)
    encoded = quick_encoder.encoded
    assert [problem.code for problem in verify().problems] == ["file_damaged"]

    assert repair(by=OPERATOR).ok

    assert quick_encoder.encoded == encoded + 2
    assert_whole_again(library, quick_encoder)


def test_a_header_that_counts_too_few_is_found_and_writers_refuse_to_go_on(
    library, quick_encoder, data_dir, alice, upload
):
    with vector_file(data_dir).open("r+b") as file:
        file.write(encode_header(3, DIMENSION))
    assert [problem.code for problem in verify().problems] == ["file_damaged"]
    late = stored(alice)
    with pytest.raises(StoreDamaged):
        search_index().add([late.pk], unit_rows(1), encoder=quick_encoder)
    late.delete()

    assert repair(by=OPERATOR).ok

    assert_whole_again(library, quick_encoder)


def test_a_missing_file_is_made_again(library, quick_encoder, data_dir):
    vector_file(data_dir).unlink()
    assert [problem.code for problem in verify().problems] == ["file_damaged"]

    assert repair(by=OPERATOR).ok

    assert_whole_again(library, quick_encoder)


def test_a_file_of_another_dimension_is_made_again(library, quick_encoder, data_dir):
    np.save(vector_file(data_dir), unit_rows(5, dimension=7))
    assert [problem.code for problem in verify().problems] == ["file_damaged"]

    assert repair(by=OPERATOR).ok

    assert_whole_again(library, quick_encoder)


@pytest.mark.parametrize(
    ("value", "code"), [(0.0, "vector_missing"), (np.nan, "not_finite"), (0.5, "not_unit"), (np.inf, "not_finite")]
)
def test_a_damaged_row_is_computed_again_and_only_that_one(library, quick_encoder, data_dir, value, code):
    np.load(vector_file(data_dir), mmap_mode="r+")[2] = value
    encoded = quick_encoder.encoded
    assert [(problem.code, problem.row) for problem in verify().problems] == [(code, 2)]

    assert repair(by=OPERATOR).ok

    assert quick_encoder.encoded == encoded + 1
    assert_whole_again(library, quick_encoder)


def flip_bit(path: Path, offset: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 1 << bit
    path.write_bytes(content)


@pytest.mark.parametrize("bit", [0, 22, 31])
def test_flipped_bits_send_their_rows_to_the_encoder_and_leave_all_others_where_they_are(
    library, quick_encoder, data_dir, bit
):
    path = vector_file(data_dir)
    whole, rows = np.load(path), dict(Image.objects.values_list("pk", "embedding_row"))
    for row in (1, 3):
        flip_bit(path, HEADER_BYTES + row * DIMENSION * 4 + bit // 8, bit % 8)
    encoded = quick_encoder.encoded
    found = [(problem.code, problem.row) for problem in verify().problems]
    assert [row for _code, row in found] == [1, 3]
    assert {code for code, _row in found} <= {"checksum_mismatch", "not_unit"}

    assert repair(by=OPERATOR).ok

    assert quick_encoder.encoded == encoded + 2
    mended = np.load(path)
    assert mended[[0, 2, 4]].tobytes() == whole[[0, 2, 4]].tobytes()
    assert not mended[[1, 3]].any()
    assert mended[[5, 6]].tobytes() == whole[[1, 3]].tobytes()
    moved = {1: 5, 3: 6}
    assert dict(Image.objects.values_list("pk", "embedding_row")) == {
        pk: moved.get(row, row) for pk, row in rows.items()
    }
    assert_whole_again(library, quick_encoder)


def test_a_library_from_before_checksums_is_searched_reported_and_completed(library, quick_encoder, data_dir):
    whole = vector_file(data_dir).read_bytes()
    checksums = data_dir / "vectors" / "checksums-1.crc32"
    recorded = checksums.read_bytes()
    checksums.unlink()
    encoded = quick_encoder.encoded
    assert codes() == ["checksums_missing"]
    red = quick_encoder.encode_texts(["red"])[0]
    assert best(red, k=1, index=SearchIndex()) == [library[0].pk]

    assert repair(by=OPERATOR).ok

    assert quick_encoder.encoded == encoded
    assert (vector_file(data_dir).read_bytes(), checksums.read_bytes()) == (whole, recorded)
    assert_whole_again(library, quick_encoder)


def test_missing_checksums_hide_nothing_else(library, quick_encoder, data_dir):
    Image.objects.filter(pk=library[0].pk).update(embedding_row=None)
    np.load(vector_file(data_dir), mmap_mode="r+")[1] = 0
    np.load(vector_file(data_dir), mmap_mode="r+")[2] = 0.5
    (data_dir / "vectors" / "embeddings-7.npy").write_bytes(b"")
    (data_dir / "vectors" / "checksums-1.crc32").unlink()
    encoded = quick_encoder.encoded
    assert codes() == ["not_unit", "checksums_missing", "vector_missing", "orphan_vector", "stale_vectors"]

    assert repair(by=OPERATOR).ok

    assert quick_encoder.encoded == encoded + 3
    assert_whole_again(library, quick_encoder)


def test_a_damaged_row_is_reported_beside_lost_ones(library, quick_encoder, data_dir):
    flip_bit(vector_file(data_dir), HEADER_BYTES)
    with vector_file(data_dir).open("r+b") as file:
        file.write(encode_header(3, DIMENSION))
    encoded = quick_encoder.encoded
    assert codes() == ["file_damaged", "checksum_mismatch"]

    assert repair(by=OPERATOR).ok

    assert quick_encoder.encoded == encoded + 3
    assert_whole_again(library, quick_encoder)


def test_compaction_refuses_a_damaged_row_which_would_get_a_checksum_that_fits_it(library, quick_encoder, data_dir):
    flip_bit(vector_file(data_dir), HEADER_BYTES + 2 * DIMENSION * 4)

    with pytest.raises(StoreDamaged, match="Row 2 is not what was written"):
        compact(by=OPERATOR)

    assert codes() == ["checksum_mismatch"]
    assert repair(by=OPERATOR).ok
    assert compact(by=OPERATOR) == 5
    assert_whole_again(library, quick_encoder)


def test_compaction_of_a_library_from_before_checksums_writes_them(library, quick_encoder, data_dir):
    (data_dir / "vectors" / "checksums-1.crc32").unlink()

    assert compact(by=OPERATOR) == 5

    assert_whole_again(library, quick_encoder)


def test_deleting_goes_on_while_the_file_is_damaged_and_repair_clears_the_rest(library, quick_encoder, data_dir):
    path = vector_file(data_dir)
    whole = path.read_bytes()
    path.write_bytes(b"\x00" * HEADER_BYTES + whole[HEADER_BYTES:])

    with search_index().removing([library[0].pk]):
        Image.objects.filter(pk=library[0].pk).delete()
    assert not Image.objects.filter(pk=library[0].pk).exists()
    assert repair(by=OPERATOR).ok

    assert np.load(path).any(axis=1).tolist() == [False, True, True, True, True]


def test_orphan_files_parts_and_lost_originals_are_told_apart(library, quick_encoder, data_dir):
    originals = data_dir / "media" / "originals"
    lost = next(originals.rglob(f"{library[1].sha256}*"))
    lost.unlink()
    orphan = originals / "ab" / "cd" / ("abcd" + "0" * 60 + ".png")
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"x")
    thumbnail = data_dir / "media" / "thumbnails" / "320" / "ab" / "cd" / ("abcd" + "0" * 60 + ".webp")
    thumbnail.parent.mkdir(parents=True)
    thumbnail.write_bytes(b"x")
    part = next(originals.rglob(f"{library[0].sha256}*"))
    part = part.with_name(part.name + ".part")
    part.write_bytes(b"half")

    problems = sorted((problem.code, problem.detail) for problem in verify().problems)
    after = repair(by=OPERATOR)

    assert [code for code, _detail in problems] == ["original_missing", "orphan_file", "orphan_file", "orphan_file"]
    assert problems[0][1] == f"The original file of picture {library[1].pk} is gone."
    assert [problem.code for problem in after.problems] == ["original_missing"]  # nobody can make it again
    assert not any(path.exists() for path in (orphan, thumbnail, part))


def test_an_original_of_another_size_is_a_problem_that_repair_cannot_mend(library, quick_encoder, data_dir):
    damaged = library[1]
    next((data_dir / "media" / "originals").rglob(f"{damaged.sha256}*")).write_bytes(b"half")

    problems = [(problem.code, problem.detail) for problem in verify().problems]

    said = f"The original file of picture {damaged.pk} has 4 bytes; {damaged.size_bytes} were uploaded."
    assert problems == [("original_damaged", said)]
    assert [problem.code for problem in repair(by=OPERATOR).problems] == ["original_damaged"]


def test_reindex_moves_to_another_encoder_with_another_dimension(library, quick_encoder, wide):
    old = SearchIndex()
    assert best(quick_encoder.encode_texts(["red"])[0], k=1, index=old) == [library[0].pk]

    assert change_model("clip:wide", by=OPERATOR).rows == 5

    state = IndexState.objects.current()
    assert (state.encoder_id, state.dimension, state.epoch) == ("clip:wide", 16, 2)
    assert best(wide.encode_texts(["blue"])[0], k=1, index=old) == [library[2].pk]
    assert codes() == []
    with search_index().removing([library[0].pk]):
        Image.objects.filter(pk=library[0].pk).delete()
    assert len(best(wide.encode_texts(["red"])[0])) == 4


def test_reindex_leaves_what_cannot_be_opened_failed_with_the_reason(library, quick_encoder, data_dir):
    next((data_dir / "media" / "originals").rglob(f"{library[4].sha256}*")).unlink()

    assert change_model(by=OPERATOR).rows == 4

    library[4].refresh_from_db()
    assert library[4].search_status == "failed"
    assert "no longer in the storage" in library[4].failure.message


def test_chores_remove_stale_files_but_no_columns_that_are_being_written(alice, data_dir):
    added(alice, 2)
    written, left = (data_dir / "vectors" / f"columns-{epoch}.bin.partial" for epoch in (1, 2))
    for path in (written, left):
        path.write_bytes(b"half")

    assert codes() == ["stale_vectors"]
    PeriodicChores().step()

    assert (written.exists(), left.exists()) == (True, False)
