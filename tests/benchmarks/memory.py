"""What a serving process holds: one of `manage.py serve`, after searches by text and by picture."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from .environment import with_data_dir

QUERIES = ("a cat", "一只狗", "a red car on the street", "山和海", "an airplane", "a photo of children playing")
PICTURE_SIZES = ((480, 360), (1024, 768), (640, 480))
START_SECONDS = 60
BOUNDARY = "imagesearch-benchmark"


def memory_of_server(encoder: str, scratch: Path) -> dict[str, Any] | None:
    """Return megabytes of one worker, idle and after searches; None where the kernel does not say."""
    if not Path("/proc/self/smaps_rollup").exists():
        return None
    port = _free_port()
    site = with_data_dir(str(scratch / f"data-{port}"))
    environment = {**site, "IMAGESEARCH_ENCODER": encoder, "IMAGESEARCH_LOG_LEVEL": "ERROR"}
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "migrate", "--verbosity", "0", "--skip-checks"], check=True, env=environment)
    command = [*manage, "serve", "--port", str(port), "--workers", "0"]
    server = subprocess.Popen(command, env=environment)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/healthz")
        worker = _only_child(server.pid)
        found = {"idle": _megabytes(worker)}
        for text in QUERIES:
            _ask(f"{address}/api/v1/search/?q={urllib.parse.quote(text)}")
        found["texts"] = _megabytes(worker)
        for size in PICTURE_SIZES:
            _ask(_picture_search(f"{address}/api/v1/search/", size))
        found["texts_and_pictures"] = _megabytes(worker)
    finally:
        server.terminate()
        server.wait()
    after = found["texts_and_pictures"]
    print(
        f"worker, {encoder.partition(':')[0]:12}{after['resident']:7.0f} MB resident, {after['private']:.0f} private, "
        f"{after['shareable']:.0f} of files (after texts only: {found['texts']['resident']:.0f})"
    )
    return found


def _megabytes(pid: int) -> dict[str, float]:
    """Return what a process holds; `shareable` are pages of files, which further workers share."""
    kilobytes = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, value = line.partition(":")
        kilobytes[name] = int(value.split()[0])
    resident, private = kilobytes["Rss"], kilobytes["Anonymous"]
    return {
        "resident": resident * 1024 / 1e6,
        "proportional": kilobytes["Pss"] * 1024 / 1e6,
        "private": private * 1024 / 1e6,
        "shareable": (resident - private) * 1024 / 1e6,
    }


def _picture_search(url: str, size: tuple[int, int]) -> urllib.request.Request:
    out = BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, "JPEG")
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n'
    head += "Content-Type: image/jpeg\r\n\r\n"
    body = head.encode() + out.getvalue() + f"\r\n--{BOUNDARY}--\r\n".encode()
    return urllib.request.Request(url, body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})


def _ask(request: str | urllib.request.Request) -> None:
    with urllib.request.urlopen(request, timeout=120) as answer:
        answer.read()


def _wait_for(url: str) -> None:
    ends = time.monotonic() + START_SECONDS
    while True:
        try:
            return _ask(url)
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > ends:
                raise
            time.sleep(0.2)


def _only_child(pid: int) -> int:
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    print(memory_of_server(sys.argv[1], Path(sys.argv[2])))
