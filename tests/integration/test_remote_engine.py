"""An engine with a server of its own: fed by one, asked by all, and never another answer than the files give."""

import threading

import numpy as np
import pytest
from django.db import connection

from gallery.models import OPERATOR, AccessState, Image, IndexState, ModelChange
from gallery.search_index import SearchIndex, feeding, search_index
from gallery.services.curation import delete_forever, move_to_trash
from gallery.services.maintenance import compact
from gallery.vectors import engines
from gallery.vectors.allowed import Condition
from gallery.vectors.engines.contract import Watermark
from tests.conftest import acting
from tests.integration.test_models import stored
from tests.memory_engine import MemoryCollection, MemoryEngine, MemoryServer
from tests.quick_encoder import QuickEncoder, WideEncoder, unit_rows

ENCODER = QuickEncoder()


@pytest.fixture
def server(limits_of, monkeypatch) -> MemoryServer:
    """The one server of a site that has named the engine in its settings."""
    server = MemoryServer()
    monkeypatch.setitem(engines.REMOTE, "memory", lambda: MemoryEngine(server))
    limits_of(engine="memory")
    return server


def added(owner, count: int) -> list[int]:
    ids = [stored(owner).pk for _ in range(count)]
    vectors = np.concatenate([unit_rows(1, seed=image_id) for image_id in ids])
    assert search_index().add(ids, vectors, encoder=ENCODER) == count
    return ids


def found(images=None, *, k: int = 100) -> list[int]:
    """Return all ids that a search gives, ascending."""
    return sorted(search_index().search(unit_rows(1), k, images).of(0).ids.tolist())


def answered(server: MemoryServer, images=None) -> bool:
    """Say whether the server was asked by a search, whose answer is that of the files in any case."""
    before, ids = server.searches, found(images)
    expected = Image.objects.searchable() if images is None else images.searchable()
    assert ids == sorted(expected.values_list("pk", flat=True))
    return server.searches > before


def committed_watermark() -> Watermark:
    state = IndexState.objects.current()
    return Watermark(state.epoch, state.row_count, AccessState.objects.current().departures)


def test_the_files_answer_until_the_engine_is_fed(alice, server):
    added(alice, 3)

    assert not answered(server)
    assert search_index().feed_engine() == 3
    assert answered(server)
    assert server.held[1].watermark == committed_watermark()
    assert search_index().feed_engine() == 0


def test_both_ways_give_the_same_hits_in_the_same_order(alice, server):
    ids = added(alice, 30)
    queries = unit_rows(4, seed=7)
    by_files = search_index().search(queries, 9, Image.objects.filter(pk__in=ids[::2]))

    search_index().feed_engine()

    by_server = search_index().search(queries, 9, Image.objects.filter(pk__in=ids[::2]))
    assert server.searches == 1
    assert by_server.ids.tolist() == by_files.ids.tolist()
    assert by_server.scores.tolist() == by_files.scores.tolist()
    assert by_server.searched == by_files.searched == 15


def test_what_is_added_is_found_at_once_and_by_the_engine_when_it_is_fed(alice, server):
    added(alice, 2)
    search_index().feed_engine()

    added(alice, 1)

    assert not answered(server)
    assert search_index().feed_engine() == 1
    assert answered(server)


def test_what_is_deleted_is_never_found_again(alice, server):
    ids = added(alice, 3)
    search_index().feed_engine()

    delete_forever(Image.objects.filter(pk=ids[1]), by=OPERATOR)

    assert not answered(server)
    assert search_index().feed_engine() == 0
    assert answered(server)
    assert sorted(server.held[1].vectors) == [ids[0], ids[2]]


def test_what_is_in_the_trash_is_found_by_nobody_who_may_not(alice, bob, server):
    mine, [others] = added(alice, 2), added(bob, 1)
    search_index().feed_engine()
    move_to_trash(Image.objects.filter(pk=mine[0]), by=OPERATOR)

    assert found(Image.objects.visible_to(acting(alice))) == [mine[1]]
    assert found(Image.objects.visible_to(acting(bob))) == [others]
    assert server.searches == 2


def test_a_picture_with_a_new_vector_is_found_by_that(alice, server):
    [image_id] = added(alice, 1)
    search_index().feed_engine()
    search_index().forget_rows([0])
    new = unit_rows(1, seed=99)
    search_index().add([image_id], new, encoder=ENCODER)

    assert search_index().feed_engine() == 1

    assert answered(server)
    np.testing.assert_array_equal(server.held[1].vectors[image_id], new[0])


def test_a_new_epoch_is_a_new_collection(alice, server):
    ids = added(alice, 4)
    delete_forever(Image.objects.filter(pk=ids[0]), by=OPERATOR)
    search_index().feed_engine()

    compact(by=OPERATOR)

    assert not answered(server)
    assert search_index().feed_engine() == 3
    assert answered(server)
    assert list(server.held) == [2]


def test_a_collection_that_goes_while_it_is_searched_does_not_answer(alice, server, monkeypatch):
    ids = added(alice, 3)
    search_index().feed_engine()
    real = MemoryCollection.search

    def compacted_meanwhile(self, queries, k, allowed=None):
        monkeypatch.setattr(MemoryCollection, "search", real)
        compact(by=OPERATOR)
        search_index().feed_engine()
        return real(self, queries, k, allowed)

    monkeypatch.setattr(MemoryCollection, "search", compacted_meanwhile)

    assert found() == ids
    assert server.searches == 2


def test_after_a_change_of_the_model_the_files_answer_until_the_engine_is_fed_anew(alice, server):
    ids, wide = added(alice, 2), WideEncoder()
    search_index().feed_engine()
    ModelChange.objects.create(pk=1, encoder_id=wide.id)
    search_index().next.open(wide)
    search_index().next.add(ids, unit_rows(2, dimension=wide.dimension), encoder=wide)
    search_index().next.switch(wide, replaced_setting="")
    query = unit_rows(1, dimension=wide.dimension, seed=5)

    by_files = search_index().search(query, 2)
    assert search_index().feed_engine() == 2
    by_server = search_index().search(query, 2)

    assert by_server.ids.tolist() == by_files.ids.tolist()
    assert (server.searches, list(server.held)) == (1, [2])


def test_feeding_goes_in_steps_between_which_others_may_write(alice, server, monkeypatch):
    monkeypatch.setattr(feeding, "FEED_ROWS", 2)
    added(alice, 5)
    steps = []
    real = MemoryEngine.open

    def upload_in_between(self, epoch, dimension):
        steps.append(server.held[epoch].watermark.rows if epoch in server.held else 0)
        if len(steps) == 2:
            writer = threading.Thread(target=waits_for_the_lock)
            writer.start()
            waiting.append(writer)
        return real(self, epoch, dimension)

    def waits_for_the_lock():
        added(alice, 1)
        connection.close()

    waiting: list[threading.Thread] = []
    monkeypatch.setattr(MemoryEngine, "open", upload_in_between)
    search_index().feed_engine()
    waiting[0].join(30)
    search_index().feed_engine()

    assert steps[:3] == [0, 2, 4]
    assert server.held[1].watermark.rows == 6
    assert answered(server)


@pytest.mark.parametrize("moment", ["fed before watermark", "forgotten before watermark"])
def test_crash_of_the_feeder_before_the_watermark_is_done_again(alice, server, moment):
    ids = added(alice, 3)
    search_index().feed_engine()
    delete_forever(Image.objects.filter(pk=ids[0]), by=OPERATOR)
    added(alice, 2)
    server.die_at = moment

    with pytest.raises(ConnectionError):
        search_index().feed_engine()

    assert not answered(server)
    search_index().feed_engine()
    assert answered(server)
    assert server.held[1].watermark == committed_watermark()


def test_crash_between_a_deletion_and_its_codes_is_forgotten_all_the_same(alice, server, monkeypatch):
    ids = added(alice, 3)
    search_index().feed_engine()
    monkeypatch.setattr("gallery.search_index.files.IndexFiles.clear", lambda *_: None)
    delete_forever(Image.objects.filter(pk=ids[2]), by=OPERATOR)

    search_index().feed_engine()

    assert sorted(server.held[1].vectors) == ids[:2]


def test_rows_that_were_lost_and_given_to_others_are_fed_again(alice, server):
    ids = added(alice, 4)
    search_index().feed_engine()
    with search_index()._files.current() as (store, epoch):
        store.write_epoch(epoch, [unit_rows(1, seed=ids[0])])
        IndexState.objects.update(row_count=4)
    Image.objects.filter(pk__in=ids[1:]).update(embedding_row=None)
    search_index().restore_file()
    Image.objects.filter(pk=ids[1]).delete()
    others = added(alice, 3)

    search_index().feed_engine()

    assert sorted(server.held[1].vectors) == sorted([ids[0], *others])
    assert answered(server)


def test_a_filter_that_is_too_wide_for_the_engine_is_answered_by_the_files(alice, server, monkeypatch):
    monkeypatch.setitem(engines.REMOTE, "memory", lambda: MemoryEngine(server, allowed_limit=2))
    ids = added(alice, 4)
    search_index().feed_engine()

    assert answered(server, Image.objects.filter(pk__in=ids[:2]))
    assert not answered(server, Image.objects.filter(pk__in=ids[:3]))
    assert answered(server)


def in_the_database(condition: Condition) -> np.ndarray:
    with connection.cursor() as cursor:
        cursor.execute(condition.sql, condition.parameters)
        return np.sort(np.array([row[0] for row in cursor.fetchall()], dtype=np.int64))


def test_an_engine_in_the_database_is_told_the_question(alice, bob, server, monkeypatch):
    monkeypatch.setitem(engines.REMOTE, "memory", lambda: MemoryEngine(server, database=in_the_database))
    mine, _others = added(alice, 2), added(bob, 1)
    search_index().feed_engine()

    assert found(Image.objects.visible_to(acting(alice))) == mine
    assert found(Image.objects.none()) == []
    move_to_trash(Image.objects.filter(pk=mine[0]), by=OPERATOR)
    assert found(Image.objects.visible_to(acting(alice))) == [mine[1]]
    assert server.searches == 2


def test_another_process_asks_the_same_server(alice, server):
    ids = added(alice, 2)
    search_index().feed_engine()

    hits = SearchIndex().search(unit_rows(1, seed=ids[1]), 1)

    assert hits.ids.tolist() == [[ids[1]]]
    assert server.searches == 1


def test_an_engine_that_has_answered_is_not_asked_for_its_watermark_again(alice, server, monkeypatch):
    added(alice, 1)
    search_index().feed_engine()
    found()

    monkeypatch.setattr("tests.memory_engine.MemoryCollection.watermark", None)

    assert answered(server)


def test_a_local_engine_is_not_fed(alice):
    added(alice, 1)

    assert search_index().feed_engine() == 0


def test_an_empty_library_is_not_fed(alice, server):
    assert search_index().feed_engine() == 0
    assert server.held == {}


def test_an_engine_without_a_distribution_gets_that_of_the_files(alice, server):
    ids = added(alice, 30)
    half = Image.objects.filter(pk__in=ids[::2])
    by_files = [search_index().search(unit_rows(1, seed=7), 9, images) for images in (None, half)]

    search_index().feed_engine()

    by_server = [search_index().search(unit_rows(1, seed=7), 9, images) for images in (None, half)]
    assert server.searches == 2
    for here, there in zip(by_files, by_server, strict=True):
        assert there.distribution is not None
        assert there.distribution.count == here.distribution.count
        assert there.distribution.quantile(0.5) == pytest.approx(here.distribution.quantile(0.5), abs=0.01)
    assert search_index().search(unit_rows(2), 9, None).distribution is None
