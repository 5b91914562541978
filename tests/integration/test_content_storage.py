import pytest
from django.core.files.base import ContentFile

from gallery.durable import crash_points
from gallery.storage import ContentStorage

MOMENTS = ("after_partial_before_sync", "after_partial_before_rename")


class Died(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("moment", MOMENTS)
def test_crash_before_rename_leaves_no_file_of_that_name(tmp_path, monkeypatch, moment):
    def die(name):
        if name == moment:
            raise Died

    storage = ContentStorage(location=tmp_path)
    monkeypatch.setattr(crash_points, "callback", die)
    with pytest.raises(Died):
        storage.save("originals/ab/name.png", ContentFile(b"whole"))
    monkeypatch.setattr(crash_points, "callback", None)

    assert not storage.exists("originals/ab/name.png")
    storage.save("originals/ab/name.png", ContentFile(b"whole"))
    assert storage.open("originals/ab/name.png").read() == b"whole"


def test_file_in_many_chunks_is_saved_whole_with_its_permissions(tmp_path):
    storage = ContentStorage(location=tmp_path, file_permissions_mode=0o640)
    content = ContentFile(bytes(range(256)) * 1000)
    content.DEFAULT_CHUNK_SIZE = 1000

    storage.save("originals/name.png", content)

    path = tmp_path / "originals" / "name.png"
    assert path.read_bytes() == bytes(range(256)) * 1000
    assert path.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in path.parent.iterdir()] == ["name.png"]


def test_what_a_crash_left_is_known_as_a_part():
    assert ContentStorage.is_part("ab.png.partial")
    assert ContentStorage.is_part("ab.png.part")
    assert not ContentStorage.is_part("ab.png")
