"""What a decoder process runs: one picture after another, under limits of memory and time, until its pipe closes.

It is started as `python -m gallery.imaging.sandbox.child_main` by `child.py`, with nothing but its pipes and no
setting or secret of the site. Whatever a hostile file does to a C library ends here: the kernel refuses more memory
(RLIMIT_DATA) and any written file (RLIMIT_FSIZE), a timer of the processor's time ends what takes too long, the alarm
what hangs, even if the site is gone, and a crash ends this process alone. On macOS the kernel does not count the
memory of a process in this way.
"""

import os
import resource
import signal
import threading

from gallery.errors import DecodingOutOfMemory, ImageSearchError
from gallery.imaging.decoding import Decoded, decode, decode_part, decode_whole, read_told
from gallery.imaging.embedded.reading import read_xmp_file
from gallery.imaging.limits import Limits
from gallery.imaging.plain_copy import plain_copy
from gallery.imaging.sandbox.child_pipes import end_with_the_site, own_pipes, silence
from gallery.imaging.sandbox.messages import COPY, DECODE, PART, TELL, TELL_XMP, Message, receive, send
from gallery.imaging.thumbnails import thumbnails

Answer = tuple[Message, list[bytes]]
NICENESS = 10  # pages, searches and the encoder come first: beside one of them this gets a tenth of a core
ALARM_GRACE_SECONDS = 5  # the site kills this process at the limit; the alarm is for when there is no site any more


def main() -> None:
    requests, answers = own_pipes()
    _restrict()
    threading.Thread(target=end_with_the_site, args=(requests,), daemon=True).start()
    send(answers, {"ready": True}, [], deadline=None)
    silence(2)
    while True:
        try:
            request, blobs = receive(requests, max_blob_bytes=None, deadline=None)
        except EOFError:
            return
        answer, parts = answer_to(request, bytes(blobs.pop()))
        send(answers, answer, parts, deadline=None)


def _restrict() -> None:
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    for number in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, signal.SIG_DFL)  # the kernel's own end, which no library can hold up


def answer_to(request: Message, data: bytes) -> Answer:
    limits = Limits(**request["limits"])
    _limit_memory(limits.memory_mb)
    signal.setitimer(signal.ITIMER_PROF, limits.timeout_seconds)
    signal.setitimer(signal.ITIMER_REAL, limits.clock_seconds + ALARM_GRACE_SECONDS)
    try:
        return _JOBS[request["job"]](request, data, limits)
    except MemoryError:
        return _refused(DecodingOutOfMemory(limit_mb=limits.memory_mb))
    except ImageSearchError as error:
        return _refused(error)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _limit_memory(None)  # taking in the next file is no fault of that file


def _decode(request: Message, data: bytes, limits: Limits) -> Answer:
    decoded = decode(data, limits)
    small = thumbnails(decoded.pixels) if request["thumbnails"] else {}
    return _described(decoded, list(small)), [decoded.pixels.tobytes(), *small.values()]


def _part(request: Message, data: bytes, limits: Limits) -> Answer:
    part = decode_part(data, limits, tuple(request["shares"]))
    return {"size": part.size}, [part.tobytes()]


def _copy(_request: Message, data: bytes, limits: Limits) -> Answer:
    format, content = plain_copy(decode_whole(data, limits))
    return {"format": format}, [content]


def _tell(_request: Message, data: bytes, limits: Limits) -> Answer:
    shot, embedded = read_told(data, limits)
    return {"exif": shot.selection, "embedded": embedded.as_json()}, []


def _tell_xmp(_request: Message, data: bytes, _limits: Limits) -> Answer:
    return {"embedded": read_xmp_file(data).as_json()}, []


_JOBS = {DECODE: _decode, PART: _part, COPY: _copy, TELL: _tell, TELL_XMP: _tell_xmp}


def _limit_memory(memory_mb: int | None) -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = hard if memory_mb is None else memory_mb * 1_000_000
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _refused(error: ImageSearchError) -> Answer:
    return {"error": error.code, "details": error.details}, []


def _described(decoded: Decoded, thumbnail_sizes: list[int]) -> Message:
    return {
        "format": decoded.format.name,
        "width_px": decoded.width_px,
        "height_px": decoded.height_px,
        "frame_count": decoded.frame_count,
        "exif": decoded.shot.selection,
        "embedded": decoded.embedded.as_json(),
        "size": decoded.pixels.size,
        "thumbnails": thumbnail_sizes,
    }


if __name__ == "__main__":
    main()
