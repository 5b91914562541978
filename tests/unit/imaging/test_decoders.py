"""Decoding in processes of their own: whatever one of them suffers, the site goes on and says what happened."""

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from gallery.errors import (
    BrokenPicture,
    DecoderCrashed,
    DecoderUnavailable,
    DecodingOutOfMemory,
    DecodingTooSlow,
    InvalidPicture,
    ServerBusy,
    TooManyPixels,
)
from gallery.imaging import Limits, Purpose, inspect
from gallery.imaging.decoding import Decoded, decode
from gallery.imaging.sandbox import child as decoder_module
from gallery.imaging.sandbox import pool as decoders_module
from gallery.imaging.sandbox.child import Decoder
from gallery.imaging.sandbox.pool import Decoders, decoders
from gallery.imaging.thumbnails import thumbnails
from tests.waiting import PATIENCE_SECONDS, until

ROOT = Path(__file__).parents[3]
LIMITS = Limits(max_bytes=50_000_000, max_pixels=128_000_000, max_frames=5, timeout_seconds=PATIENCE_SECONDS)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


SMALL = encoded(Image.new("RGB", (40, 30), "teal"), "PNG")


def slow_jpeg() -> bytes:
    """Return 121 million pixels in few bytes, over which the decoder walks fifty times: some seconds."""
    content = encoded(Image.new("L", (11_000, 11_000), 90), "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * 40 + b"\xff\xd9"


@pytest.fixture
def pool() -> Iterator[Decoders]:
    made = Decoders(size=2)
    yield made
    made.close()


def decode_small(pool: Decoders) -> Decoded:
    return pool.decode(SMALL, LIMITS, thumbnails=False)


def is_gone(pid: int) -> bool:
    """Say whether a process has ended, reaped or not: where nobody is init, an orphan stays a zombie."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def await_end(*pids: int) -> None:
    until(lambda: all(is_gone(pid) for pid in pids), f"the processes {pids} end")


def die_when_asked(monkeypatch: pytest.MonkeyPatch, *, times: int, by: int = signal.SIGSEGV) -> None:
    """Let the next `times` jobs meet a process with a deadly signal on its way."""
    real, left = Decoder.ask, iter(range(times))

    def ask(self: Decoder, *arguments: Any, **options: Any) -> Any:
        if next(left, None) is not None:
            os.kill(self.pid, by)
        return real(self, *arguments, **options)

    monkeypatch.setattr(Decoder, "ask", ask)


def test_decoders_give_what_decoding_here_gives(pool):
    content = encoded(Image.effect_noise((1500, 900), 80), "JPEG")

    there, here = pool.decode(content, LIMITS, thumbnails=True), decode(content, LIMITS)

    assert there.pixels.tobytes() == here.pixels.tobytes()
    assert there.thumbnails == thumbnails(here.pixels)
    assert replace(there, pixels=here.pixels, thumbnails={}) == here


def test_decoders_pass_errors_on_whole(pool):
    with pytest.raises(TooManyPixels) as refused:
        pool.decode(SMALL, replace(LIMITS, max_pixels=1_000), thumbnails=False)
    with pytest.raises(BrokenPicture) as damaged:
        pool.decode(SMALL[:60], LIMITS, thumbnails=False)

    assert refused.value.details == {"size_px": 1_200, "limit_px": 1_000}
    assert damaged.value.details["format"] == "PNG"
    assert len(pool.pids) == 1  # a refusal is an answer, not an accident


def test_decoders_start_nothing_before_the_first_picture(pool):
    assert pool.pids == []


def test_decoders_use_one_process_for_one_picture_after_another(pool):
    decode_small(pool)
    first = pool.pids
    decode_small(pool)

    assert pool.pids == first


def test_decoders_serve_many_threads_with_few_processes(pool):
    colours = [(value, 0, 255 - value) for value in range(0, 240, 6)]
    files = [encoded(Image.new("RGB", (64, 64), colour), "PNG") for colour in colours]

    with ThreadPoolExecutor(8) as threads:
        decoded = list(threads.map(lambda content: pool.decode(content, LIMITS, thumbnails=False), files))

    assert [one.pixels.getpixel((5, 5)) for one in decoded] == colours
    assert 1 <= len(pool.pids) <= 2


def busy_one(pool: Decoders) -> Decoder:
    """Occupy the pool's only process."""
    return pool._take(None)


def test_decoders_send_away_who_waits_too_long_and_begin_nothing():
    pool = Decoders(size=1)
    busy = busy_one(pool)

    with pytest.raises(ServerBusy) as refused:
        pool.decode(SMALL, replace(LIMITS, wait_seconds=0.05), thumbnails=False)
    pool._give_back(busy)

    assert (refused.value.http_status, refused.value.retry_after_seconds) == (503, 5)
    assert pool.decode(SMALL, replace(LIMITS, wait_seconds=0.05), thumbnails=False).width_px == 40
    assert busy.jobs == 1
    pool.close()


def test_decoders_serve_who_waits_as_soon_as_there_is_a_turn():
    pool = Decoders(size=1)
    busy = busy_one(pool)

    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pool.decode, SMALL, replace(LIMITS, wait_seconds=PATIENCE_SECONDS), thumbnails=False)
        pool._give_back(busy)

        assert waiting.result().width_px == 40
    pool.close()


@pytest.mark.parametrize("full", Purpose)
def test_a_full_purpose_delays_no_other(full):
    others = [purpose for purpose in Purpose if purpose is not full]
    taken = [decoders(full)._take(None) for _ in range(decoders_module.PROCESSES[full])]

    try:
        with pytest.raises(ServerBusy):
            inspect(BytesIO(SMALL), limits=replace(LIMITS, purpose=full, wait_seconds=0))
        limits = [replace(LIMITS, purpose=purpose, wait_seconds=0) for purpose in others]
        assert [inspect(BytesIO(SMALL), limits=one).facts.width_px for one in limits] == [40, 40]
    finally:
        for decoder in taken:
            decoders(full)._give_back(decoder)
        for purpose in Purpose:
            decoders(purpose).close()


def test_a_decoder_comes_after_the_site(pool):
    decode_small(pool)

    assert psutil.Process(pool.pids[0]).nice() == min(19, psutil.Process().nice() + 10)


# What a hostile file can do


def test_decoders_survive_a_process_that_died_for_reasons_of_its_own(pool, monkeypatch):
    die_when_asked(monkeypatch, times=1, by=signal.SIGKILL)

    assert decode_small(pool).width_px == 40


def test_decoders_blame_the_file_when_two_processes_die(pool, monkeypatch, caplog):
    die_when_asked(monkeypatch, times=2)

    with pytest.raises(DecoderCrashed) as crashed:
        decode_small(pool)

    assert crashed.value.details == {"size_bytes": len(SMALL)}
    assert [record.message.count("SIGSEGV") for record in caplog.records] == [1, 1]
    assert decode_small(pool).width_px == 40


def test_decoders_end_what_takes_too_long(pool):
    content = slow_jpeg()

    with pytest.raises(DecodingTooSlow) as refused:
        pool.decode(content, replace(LIMITS, timeout_seconds=1), thumbnails=False)

    assert refused.value.details == {"limit_seconds": 1}
    assert pool.pids == []
    assert decode_small(pool).width_px == 40


def test_decoders_blame_no_picture_for_a_clock_that_others_use_up(pool):
    decode_small(pool)
    decoder = psutil.Process(pool.pids[0])
    decoder.suspend()

    with ThreadPoolExecutor(1) as threads:
        slowed = threads.submit(pool.decode, SMALL, replace(LIMITS, timeout_seconds=1), thumbnails=False)
        time.sleep(1.5)  # longer than its limit, of which it can use nothing
        decoder.resume()

        assert slowed.result().width_px == 40


def test_decoders_end_a_process_that_does_not_even_read(pool):
    decode_small(pool)
    os.kill(pool.pids[0], signal.SIGSTOP)

    with pytest.raises(DecodingTooSlow):
        pool.decode(SMALL[:-12] + bytes(5_000_000), replace(LIMITS, timeout_seconds=1), thumbnails=False)


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not limit the memory of a process")
@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_decoders_refuse_what_takes_too_much_memory(pool, kind):
    content = encoded(
        Image.new("RGB", (9_000, 9_000), "navy"), kind, **({"compress_level": 1} if kind == "PNG" else {})
    )
    limits = replace(LIMITS, max_bytes=300_000_000, memory_mb=200)

    with pytest.raises(DecodingOutOfMemory) as refused:
        pool.decode(content, limits, thumbnails=False)

    assert refused.value.details == {"limit_mb": 200}
    assert pool.decode(SMALL, limits, thumbnails=True).width_px == 40


@pytest.mark.parametrize(
    "answer",
    [
        {"size": [60_000, 60_000], "format": "PNG"},
        {"error": "no_such_error", "details": {}},
        {"error": "too_many_pixels", "details": {}},
        {},
    ],
)
def test_decoders_do_not_trust_an_answer(pool, monkeypatch, answer):
    monkeypatch.setattr(Decoder, "ask", lambda *_arguments, **_options: (answer, [bytearray(12)]))

    with pytest.raises(DecoderCrashed):
        decode_small(pool)

    assert pool.pids == []


def test_decoders_leak_no_descriptor_and_no_zombie(pool, monkeypatch):
    decoders().close()  # those of other tests, which may end by themselves meanwhile
    decode_small(pool)
    gc.collect()
    me = psutil.Process()
    before, children = me.num_fds(), len(me.children())
    die_when_asked(monkeypatch, times=6)

    for _ in range(3):
        with pytest.raises(DecoderCrashed):
            decode_small(pool)
    decode_small(pool)

    assert (me.num_fds(), len(me.children())) == (before, children)


def test_inspect_never_decodes_here_when_no_process_starts(pool, monkeypatch):
    monkeypatch.setitem(decoders_module._pools, Purpose.BRINGING_IN, pool)
    monkeypatch.setattr(sys, "executable", "/no/such/python")

    with pytest.raises(DecoderUnavailable, match="/no/such/python"):
        inspect(BytesIO(SMALL), limits=LIMITS)


def test_decoders_say_why_a_process_does_not_start(pool, monkeypatch):
    monkeypatch.setattr(decoder_module, "_MODULE", "gallery.imaging.no_such_module")

    with pytest.raises(DecoderUnavailable, match=r"No module named gallery\.imaging\.no_such_module"):
        decode_small(pool)

    monkeypatch.undo()
    assert decode_small(pool).width_px == 40


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows the environment of a process")
def test_a_decoder_knows_no_secret(pool, monkeypatch):
    monkeypatch.setenv("IMAGESEARCH_SECRET_KEY", "only-for-the-site")
    decode_small(pool)

    environment = Path(f"/proc/{pool.pids[0]}/environ").read_bytes()

    assert b"IMAGESEARCH" not in environment
    assert b"only-for-the-site" not in environment


def test_a_decoder_loads_neither_django_nor_torch():
    code = (
        "import sys, gallery.imaging.sandbox.child_main\n"
        "print([name for name in ('django', 'torch', 'transformers') if name in sys.modules])"
    )

    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert shown.stdout == "[]\n"


def test_the_site_itself_never_loads_the_foreign_decoders():
    code = (
        "import sys, gallery.imaging\nprint([name for name in ('_pillow_heif', 'pillow_jxl') if name in sys.modules])"
    )

    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert shown.stdout == "[]\n"


# When processes end


def test_idle_decoders_end_after_a_while(pool, monkeypatch):
    monkeypatch.setattr(decoders_module, "IDLE_SECONDS", 0.2)
    decode_small(pool)
    pids = psutil.Process().children()

    await_end(*(child.pid for child in pids if child.pid in pool.pids))
    until(lambda: not pool.pids, "the pool forgets them")

    assert decode_small(pool).width_px == 40


def test_decoders_are_renewed_after_many_jobs(pool, monkeypatch):
    monkeypatch.setattr(decoders_module, "JOBS_PER_PROCESS", 2)
    decode_small(pool)
    first = pool.pids
    decode_small(pool)

    assert pool.pids == []
    await_end(*first)


SITE = """
import sys, threading, time
from io import BytesIO
from pathlib import Path
from gallery.imaging import Limits, inspect
from gallery.imaging.sandbox.pool import decoders

def read(path):
    inspect(BytesIO(Path(path).read_bytes()), limits=Limits(50_000_000, 128_000_000, 5))

read(sys.argv[1])
{then}
print(*decoders().pids, flush=True)
{wait}
"""


def started_site(tmp_path: Path, *, then: str = "", wait: str = "time.sleep(600)") -> subprocess.Popen[str]:
    small = tmp_path / "small.png"
    small.write_bytes(SMALL)
    code = SITE.format(then=then, wait=wait)
    arguments = [sys.executable, "-c", code, str(small), str(tmp_path / "slow.jpg")]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def first_pids(site: subprocess.Popen[str]) -> list[int]:
    assert site.stdout is not None
    return [int(pid) for pid in site.stdout.readline().split()]


def test_kill_9_of_the_site_ends_an_idle_decoder(tmp_path):
    with started_site(tmp_path) as site:
        pids = first_pids(site)
        site.kill()

    assert len(pids) == 1
    await_end(*pids)


def test_kill_9_of_the_site_ends_a_busy_decoder(tmp_path):
    (tmp_path / "slow.jpg").write_bytes(slow_jpeg())
    then = (
        "threading.Thread(target=read, args=[sys.argv[2]], daemon=True).start()\n"
        "while decoders()._idle or not decoders().pids: time.sleep(0.01)"
    )
    with started_site(tmp_path, then=then) as site:
        pids = first_pids(site)
        site.kill()

    assert len(pids) == 1
    await_end(*pids)


def test_a_fork_of_the_site_neither_uses_nor_keeps_its_decoders(tmp_path):
    then = (
        "import os\n"
        "mine = decoders().pids\n"
        "answer, done = os.pipe()\n"
        "forked = os.fork()\n"
        "if not forked:\n"
        "    assert decoders().pids == []\n"
        "    read(sys.argv[1])\n"
        "    assert decoders().pids != mine\n"
        "    os.write(done, b'used its own')\n"
        "    time.sleep(600)\n"
        "os.close(done)\n"
        "assert os.read(answer, 100) == b'used its own'\n"
        "print(forked, flush=True)"
    )
    with started_site(tmp_path, then=then) as site:
        (forked,) = first_pids(site)
        pids = first_pids(site)
        site.kill()
    try:
        await_end(*pids)
        assert not is_gone(forked)
    finally:
        os.kill(forked, signal.SIGKILL)


def test_decoders_end_when_the_site_ends(tmp_path):
    with started_site(tmp_path, wait="") as site:
        pids = first_pids(site)

    assert site.returncode == 0
    await_end(*pids)


def test_every_failure_of_decoding_is_the_picture_s_own():
    assert all(issubclass(kind, InvalidPicture) for kind in (DecodingTooSlow, DecodingOutOfMemory, DecoderCrashed))
    assert not issubclass(DecoderUnavailable, InvalidPicture)
    assert decoders() is decoders()
