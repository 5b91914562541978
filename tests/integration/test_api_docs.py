"""Every example of docs/api.md runs, in order, against a real server, and answers with what is written there."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conformance.server import ROOT, Site, library_and_server
from tests.conftest import sample_bytes
from tests.waiting import until

LOCAL = "http://127.0.0.1:8000"
SECOND_UPLOAD = 'curl -H "Authorization: Bearer $TOKEN" -F file=@coffee.png $URL/images/'
STATS = "curl -s $URL/stats/"
SAMPLES = {"cat.png": "chelsea.png", "coffee.png": "coffee.png"}
MAY_SKIP = not os.environ.get("CI")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(MAY_SKIP and shutil.which("curl") is None, reason="the examples are commands of curl"),
]


@dataclass(frozen=True)
class Example:
    command: str
    answer: str


def examples() -> list[Example]:
    blocks = re.findall(r"^```\n(.*?)^```", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE | re.DOTALL)
    found = re.findall(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", "".join(blocks), re.MULTILINE)
    return [Example(command, answer) for command, answer in found]


@pytest.fixture
def site(own_database: dict[str, str], tmp_path: Path) -> Iterator[Site]:
    with library_and_server(tmp_path / "site", empty=True, **own_database) as site:
        yield site


def answer_of(command: str, site: Site, folder: Path) -> str:
    for name, local in {"python manage.py": f"{sys.executable} {ROOT}/manage.py", LOCAL: site.url}.items():
        command = command.replace(name, local)
    environment = {**site.environment, "URL": f"{site.url}/api/v1", "TOKEN": site.tokens["member"]}
    ran = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_examples_of_the_api_docs_run_and_answer_as_written(site, tmp_path):
    for name, sample in SAMPLES.items():
        (tmp_path / name).write_bytes(sample_bytes(sample))
    shown = examples()

    for example in shown:
        answer = answer_of(example.command, site, tmp_path)
        for key in re.findall(r'"(\w+)":', example.answer):
            assert f'"{key}":' in answer, f"{example.command}\n{answer}"
        if "-F file=" in example.command:
            answer_of(SECOND_UPLOAD, site, tmp_path)  # what is deleted later
            until(lambda: re.search(r'"pending": ?0', answer_of(STATS, site, tmp_path)), "both can be found")
        if example.answer.strip().isdigit():
            assert answer.strip() == example.answer.strip()
        if '"code"' not in example.answer:
            assert '"code"' not in answer, f"{example.command}\n{answer}"

    assert len(shown) >= 12
