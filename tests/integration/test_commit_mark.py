"""While nobody commits anything nothing is read again; after any commit, by anybody, all that may differ is."""

import threading

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery.models import Image, User, Visibility
from gallery.search_index import search_index
from gallery.search_index.commit_mark import CommitMark
from tests.conftest import acting

alone = pytest.mark.sqlite_only(reason="on PostgreSQL whatever the whole server commits moves the mark")


def in_another_thread(work) -> None:
    """Run it with a connection of its own, as another process would."""

    def run() -> None:
        work()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


@alone
def test_mark_stays_while_nothing_is_committed(alice):
    before = CommitMark.now()
    list(Image.objects.all())
    assert CommitMark.now() == before


def test_mark_is_another_one_after_a_change_of_one_s_own(alice):
    before = CommitMark.now()
    User.objects.filter(pk=alice.pk).update(first_name="Alice")
    assert CommitMark.now() != before


def test_mark_is_another_one_after_a_change_of_another(alice):
    before = CommitMark.now()
    in_another_thread(lambda: User.objects.filter(pk=alice.pk).update(first_name="Alice"))
    assert CommitMark.now() != before


def test_mark_is_that_of_one_connection(alice):
    marks = [CommitMark.now()]
    connection.close()
    marks.append(CommitMark.now())
    assert marks[0] != marks[1]


@pytest.mark.parametrize("is_embedded", [True, False])
def test_lists_see_what_another_changes_about_a_picture(alice, bob, upload, is_embedded):
    upload(alice, "coffee.png", visibility=Visibility.PUBLIC)
    image = upload(alice, "chelsea.png")
    if not is_embedded:
        Image.objects.filter(pk=image.pk).update(embedding_row=None)
    seen, lists = Image.objects.visible_to(acting(bob)), search_index().lists
    assert (lists.count(seen), lists.count(seen)) == (1, 1)

    in_another_thread(lambda: Image.objects.filter(pk=image.pk).update(visibility=Visibility.PUBLIC))

    assert lists.count(seen) == 2


@alone
def test_lists_read_nothing_again_while_nothing_changes(alice, upload):
    upload(alice, "coffee.png", visibility=Visibility.PUBLIC)
    seen, lists = Image.objects.visible_to(acting(alice)), search_index().lists
    assert (lists.count(seen), lists.count(seen)) == (1, 1)  # the first one makes the row of AccessState
    with CaptureQueriesContext(connection) as queries:
        assert lists.count(seen) == 1
    assert len(queries) == 1


@alone
def test_pictures_that_wait_are_read_whole_once_nothing_changes(alice, upload, monkeypatch):
    monkeypatch.setattr("gallery.search_index.lists.MOST_WAITING", 0)
    upload(alice, "coffee.png")
    waiting = upload(alice, "chelsea.png")
    Image.objects.filter(pk=waiting.pk).update(embedding_row=None)
    own, lists = Image.objects.library_of(acting(alice)), search_index().lists
    answers = [lists.count(own) for _ in range(3)]
    with CaptureQueriesContext(connection) as queries:
        answers.append(lists.count(own))
    assert answers == [2, 2, 2, 2]
    assert len(queries) == 1
