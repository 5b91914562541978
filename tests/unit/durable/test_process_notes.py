import os
import signal

import pytest

from gallery.durable.process_notes import leaving_note, notes_of_the_dead


def die_within_a_note(folder, content):
    pid = os.fork()
    if pid == 0:
        with leaving_note(folder, content):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)


def test_note_of_a_process_that_lives_is_read_by_nobody(tmp_path):
    with leaving_note(tmp_path / "notes", "17"):
        assert list(notes_of_the_dead(tmp_path / "notes")) == []

    assert list(notes_of_the_dead(tmp_path / "notes")) == []


def test_note_of_a_process_that_failed_is_gone(tmp_path):
    with pytest.raises(OSError, match="the disk"), leaving_note(tmp_path / "notes", "17"):
        raise OSError("the disk")

    assert list((tmp_path / "notes").iterdir()) == []


def test_note_of_a_dead_process_is_read_once(tmp_path):
    die_within_a_note(tmp_path, "17")

    assert list(notes_of_the_dead(tmp_path)) == ["17"]
    assert list(notes_of_the_dead(tmp_path)) == []


def test_note_stays_for_another_reader_where_its_reader_stops(tmp_path):
    die_within_a_note(tmp_path, "17")
    first = notes_of_the_dead(tmp_path)
    next(first)
    first.close()

    assert list(notes_of_the_dead(tmp_path)) == ["17"]
