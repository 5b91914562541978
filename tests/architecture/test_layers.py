"""The shape of the code, checked: who imports whom, who reads the environment and the settings, how long a file is."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
LONGEST_FILE_LINES = 400
LONG_FILES: set[str] = set()  # with a reason beside each


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def files_with(pattern: str, *folders: str) -> set[str]:
    return {name for name, text in sources(*folders) if re.search(pattern, text)}


def test_imports_point_down_only():
    tool = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_environment_is_read_in_one_place():
    reads = files_with(r"\bos\.(environ|getenv)\b|from os import .*(environ|getenv)", "gallery", "imagesearch_project")

    # what begins a process names the settings module, as Django makes it; measured code paths set no variable at all
    beginnings = {f"imagesearch_project/{name}.py" for name in ("wsgi", "asgi", "serving/child")}
    assert reads - beginnings == {"imagesearch_project/env.py"}
    helpers = files_with(r"\benv_(str|bool|int|choice|list|path)\(", "gallery", "imagesearch_project")
    assert helpers == {"imagesearch_project/env.py", "imagesearch_project/settings.py"}


def test_the_gallerys_settings_are_read_in_one_place():
    assert files_with(r"settings\.GALLERY|\"GALLERY\"", "gallery") == {"gallery/conf.py"}


def test_no_file_is_too_long():
    long = {name for name, text in sources("gallery", "imagesearch_project") if text.count("\n") > LONGEST_FILE_LINES}

    assert long == LONG_FILES


@pytest.mark.parametrize("word", ["utils", "helpers", "manager", "misc"])
def test_no_file_has_a_name_that_says_nothing(word):
    assert [name for name, _text in sources("gallery") if word in Path(name).stem] == []


def test_nothing_is_printed():
    assert files_with(r"(?m)^\s*print\(", "gallery") == set()


def test_no_private_module_of_a_library_is_imported():
    private = r"^\s*from (?!gallery)[a-z]\w*(\.\w+)*\._\w+[\w.]* import|^\s*from (?!gallery|\.)\S+ import _[a-z]\w+"

    assert files_with(f"(?m){private}", "gallery", "imagesearch_project") == set()
