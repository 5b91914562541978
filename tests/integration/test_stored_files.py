"""Comparing the files of pictures with the database, wherever they lie."""

import threading

import pytest

from gallery.models import Image
from gallery.services import stored_files
from gallery.services.stored_files import SHARDS, check_files
from tests.conftest import drawn_picture
from tests.waiting import PATIENCE_SECONDS

COLOURS = ("red", "blue", "lime", "white", "black")
pytestmark = pytest.mark.usefixtures("quick_encoder")


class FarStorage:
    """Answers a listing only once as many are asked for as it can do at a time."""

    listings_at_once = 4

    def __init__(self) -> None:
        self.folders: list[str] = []
        self.most = self.now = 0
        self._together = threading.Barrier(self.listings_at_once)
        self._changing = threading.Lock()

    def sizes_below(self, folder: str) -> dict[str, int]:
        with self._changing:
            self.folders.append(folder)
            self.now += 1
            self.most = max(self.most, self.now)
        self._together.wait(PATIENCE_SECONDS)
        with self._changing:
            self.now -= 1
        return {}

    def listdir(self, folder: str) -> tuple[list[str], list[str]]:
        raise FileNotFoundError


def test_folders_far_away_are_listed_at_once_within_a_bound_and_each_once(db, monkeypatch):
    storage = FarStorage()
    monkeypatch.setattr(stored_files, "default_storage", storage)

    found = check_files()

    assert (found.problems, found.orphans) == ((), ())
    assert storage.most == storage.listings_at_once
    assert sorted(storage.folders) == [f"originals/{shard}" for shard in SHARDS]


def test_pictures_are_asked_for_by_parts_of_their_addresses(alice, upload, django_assert_max_num_queries):
    for colour in ("red", "blue", "lime"):
        upload(alice, content=drawn_picture(colour))
    heard: list[int] = []

    with django_assert_max_num_queries(len(SHARDS) + 12):
        found = check_files(heard.append)

    assert (found.problems, found.orphans) == ((), ())
    assert sum(heard) == 3


@pytest.mark.parametrize("moment", ["listed", "told"])
def test_picture_that_is_deleted_meanwhile_is_no_problem(alice, upload, monkeypatch, moment):
    image = upload(alice, content=drawn_picture("red"))
    name = {"listed": "_images_of", "told": "original_size_bytes"}[moment]
    real = getattr(stored_files, name)

    def delete_then(*arguments):
        answer = real(*arguments)
        if moment == "told" or answer:
            Image.objects.filter(pk=image.pk).delete()
        return answer

    monkeypatch.setattr(stored_files, "original_path", lambda *_: "originals/elsewhere")
    monkeypatch.setattr(stored_files, name, delete_then)
    monkeypatch.setattr(stored_files, "is_orphan", lambda _path: False)

    assert check_files().problems == ()


def test_picture_that_is_uploaded_after_its_folder_was_listed_is_no_problem(alice, upload, monkeypatch):
    storage = type(stored_files.default_storage._wrapped)
    sizes_below, uploaded = storage.sizes_below, []

    def sizes_then_upload(self, folder):
        sizes = sizes_below(self, folder)
        if not uploaded:
            uploaded.extend(
                upload(alice, content=drawn_picture(colour)) for colour in ("red", "blue", "lime", "white", "black")
            )
        return sizes

    monkeypatch.setattr(storage, "sizes_below", sizes_then_upload)

    found = check_files()

    assert (found.problems, found.orphans) == ((), ())
    assert len(uploaded) == 5
