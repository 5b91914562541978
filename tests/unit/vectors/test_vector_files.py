"""The lock between processes and threads, and replacing files as a whole."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import gallery
from gallery.durable.file_lock import FileLock
from gallery.durable.synced_writing import partial_path, replacing_whole_files, write_all
from gallery.errors import StoreBusy

ROOT = Path(gallery.__file__).parents[1]
HOLD_UNTIL_KILLED = """
import sys
from pathlib import Path
from gallery.durable.file_lock import FileLock
with FileLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.lock"


def test_lock_may_be_taken_again_by_its_thread(path):
    lock = FileLock(path, timeout_seconds=0)
    with lock, lock:
        pass

    with FileLock(path, timeout_seconds=0):
        pass


def test_inner_exit_does_not_free_the_lock(path):
    lock, other = FileLock(path), FileLock(path, timeout_seconds=0)
    with lock:
        with lock:
            pass

        with pytest.raises(StoreBusy), other:
            pass


def test_lock_excludes_other_threads_of_the_process(path):
    lock = FileLock(path, timeout_seconds=0.02)
    failures = []

    def take():
        try:
            with lock:
                pass
        except StoreBusy as error:
            failures.append(str(error))

    with lock:
        thread = threading.Thread(target=take)
        thread.start()
        thread.join()

    assert failures == ["The vector file has been locked by another process for 0.02 seconds. Try again."]


def test_threads_take_turns(path):
    lock = FileLock(path)
    inside, most_inside = [], []

    def work():
        for _ in range(50):
            with lock:
                inside.append(1)
                most_inside.append(len(inside))
                time.sleep(0.0001)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most_inside == [1] * 200


def test_lock_of_a_killed_process_is_free(path):
    command = [sys.executable, "-c", HOLD_UNTIL_KILLED, path]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    assert child.stdout.readline() == b"held\n"
    with pytest.raises(StoreBusy), FileLock(path, timeout_seconds=0.02):
        pass

    child.kill()
    child.communicate()

    with FileLock(path, timeout_seconds=0):
        pass


def test_error_inside_frees_the_lock(path):
    with pytest.raises(RuntimeError), FileLock(path):
        raise RuntimeError

    with FileLock(path, timeout_seconds=0):
        pass


def test_forked_child_does_not_hold_its_parents_lock(path):
    lock = FileLock(path, timeout_seconds=0.02)
    with lock:
        pid = os.fork()
        if pid == 0:
            try:
                with lock:
                    os._exit(1)
            except StoreBusy:
                os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0

        with pytest.raises(StoreBusy), FileLock(path, timeout_seconds=0):
            pass


def test_forked_child_that_lives_on_does_not_keep_the_lock(path):
    reader, writer = os.pipe()
    with FileLock(path):
        pid = os.fork()
        if pid == 0:
            os.close(writer)
            os.read(reader, 1)
            os._exit(0)

    with FileLock(path, timeout_seconds=0):
        pass
    os.close(writer)
    os.waitpid(pid, 0)


def test_replaced_file_is_the_old_one_until_it_is_whole(path):
    path.write_bytes(b"old")

    with replacing_whole_files(path) as [fd]:
        write_all(fd, b"new and longer", 0)
        assert path.read_bytes() == b"old"

    assert path.read_bytes() == b"new and longer"
    assert not partial_path(path).exists()


def test_failed_replacement_leaves_the_old_file_alone(path):
    path.write_bytes(b"old")

    with pytest.raises(ZeroDivisionError), replacing_whole_files(path) as [fd]:
        write_all(fd, b"new" * (1 // 0), 0)

    assert path.read_bytes() == b"old"
    assert not partial_path(path).exists()


def test_several_files_are_whole_on_the_disk_before_one_has_its_name(tmp_path, monkeypatch):
    calls = []
    for name in ("fdatasync", "rename", "fsync"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, real=real: (calls.append(name), real(*args))[1])

    with replacing_whole_files(tmp_path / "a", tmp_path / "b") as [first, second]:
        write_all(first, b"one", 0)
        write_all(second, b"two", 0)

    assert calls == ["fdatasync", "fdatasync", "rename", "rename", "fsync"]
    assert [(tmp_path / name).read_bytes() for name in "ab"] == [b"one", b"two"]
