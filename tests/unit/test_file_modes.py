"""What the site keeps is for its own account, whatever the umask it is started with."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from gallery.checks import data_folder_check
from imagesearch_project.file_modes import FileModes, keep_private, open_to_others
from tests.conftest import drawn_picture
from tests.waiting import PATIENCE_SECONDS

OWNER, GROUP = FileModes.of("owner"), FileModes.of("group")


@pytest.fixture(autouse=True)
def umask_of_the_process():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def old_folder(tmp_path) -> Path:
    """As an earlier version left it."""
    folder = tmp_path / "old"
    (folder / "media" / "originals").mkdir(parents=True)
    for name in ("imagesearch.sqlite3", "secret_key", "media/originals/a.png"):
        (folder / name).write_bytes(b"x")
        (folder / name).chmod(0o644)
    for each in (folder, folder / "media"):
        each.chmod(0o755)
    return folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_open_data_folder_is_closed_at_the_start(old_folder):
    keep_private(old_folder, OWNER)

    assert [mode(old_folder), mode(old_folder / "media")] == [0o700, 0o700]
    assert mode(old_folder / "imagesearch.sqlite3") == 0o600
    assert open_to_others(old_folder, OWNER) == []


def test_data_folder_for_a_group_stays_open_to_it_and_keeps_its_set_group_id(old_folder):
    old_folder.chmod(0o2775)
    keep_private(old_folder, GROUP)

    assert [mode(old_folder), mode(old_folder / "imagesearch.sqlite3")] == [0o2750, 0o640]
    assert open_to_others(old_folder, GROUP) == []
    assert open_to_others(old_folder, OWNER) != []


def test_folder_that_others_use_too_is_left_open_and_what_is_ours_in_it_is_closed(old_folder):
    (old_folder / "of another program").write_text("x")
    (old_folder / "of another program").chmod(0o644)

    keep_private(old_folder, OWNER)

    assert [mode(old_folder), mode(old_folder / "of another program")] == [0o755, 0o644]
    assert [mode(old_folder / "media"), mode(old_folder / "secret_key")] == [0o700, 0o600]
    assert open_to_others(old_folder, OWNER) == [old_folder]


def test_modes_narrower_than_asked_stay(old_folder):
    (old_folder / "secret_key").chmod(0o400)

    keep_private(old_folder, GROUP)

    assert mode(old_folder / "secret_key") == 0o400


def test_check_names_what_is_open_and_the_remedy(old_folder, settings):
    settings.DATA_DIR, settings.FILE_MODES = old_folder, OWNER

    [found] = data_folder_check(None)

    assert found.id == "gallery.W005"
    assert str(old_folder / "imagesearch.sqlite3") in found.msg
    assert f"chmod -R o-rwx,g-rwx {old_folder}" in found.hint
    keep_private(old_folder, OWNER)
    assert data_folder_check(None) == []


@pytest.mark.slow
@pytest.mark.parametrize(("readers", "folder_mode", "file_mode"), [("owner", 0o700, 0o600), ("group", 0o750, 0o640)])
def test_everything_that_is_written_is_closed_whatever_the_umask(tmp_path, readers, folder_mode, file_mode):
    data = tmp_path / "site"
    picture = tmp_path / "red.png"
    picture.write_bytes(drawn_picture("red"))
    environment = os.environ | {
        "IMAGESEARCH_DATA_DIR": str(data),
        "IMAGESEARCH_DATA_READERS": readers,
        "IMAGESEARCH_DATABASE_URL": "",
        "DJANGO_SETTINGS_MODULE": "tests.quick_settings",
    }
    for command in (
        ["migrate"],
        ["import_images", str(picture)],
        ["search_images", "red"],
        ["collectstatic", "--noinput"],
    ):
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=django_settings.BASE_DIR,
            env=environment,
            check=True,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            umask=0,
        )

    paths = [data, *data.rglob("*")]
    assert {path.name for path in paths} >= {"imagesearch.sqlite3", "embeddings-1.npy", "secret_key", "static"}
    wider = [path for path in paths if mode(path) & 0o777 & ~(folder_mode if path.is_dir() else file_mode)]
    assert wider == []
    assert mode(data) == folder_mode
    assert mode(data / "imagesearch.sqlite3") == file_mode
