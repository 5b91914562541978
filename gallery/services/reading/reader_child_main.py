"""What a process runs that reads pictures: `python -m gallery.services.reading.reader_child_main`.

It loads the networks, then reads one picture after another until its pipe closes. It knows neither Django nor the
database. Where the machine's memory runs out the kernel takes this process first.
"""

import resource
import threading
from contextlib import suppress
from pathlib import Path

from PIL import Image

from gallery.imaging.sandbox.child_pipes import end_with_the_site, own_pipes
from gallery.imaging.sandbox.messages import Message, receive, send
from gallery.reading import Reader
from gallery.services.embedding.encoder_errors import is_lack_of_memory, said

MEMORY_BYTES = 4_000_000_000  # of addresses: three times what the largest picture took
MOST_EXPENDABLE = "1000"  # of Linux, see proc_pid_oom_score_adj(5)


def main() -> None:
    requests, answers = own_pipes()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(MOST_EXPENDABLE)
    threading.Thread(target=end_with_the_site, args=(requests,), daemon=True).start()
    receive(requests, max_blob_bytes=None, deadline=None)
    try:
        reader = Reader()
        reader.read_all(Image.new("RGB", (64, 64)))  # what loads late is loaded, and no picture's fault
    except Exception as error:  # noqa: BLE001 -- the site says what it is
        send(answers, {"error": said(error)}, [], deadline=None)
        return
    send(answers, {}, [], deadline=None)
    while True:
        try:
            request, blobs = receive(requests, max_blob_bytes=None, deadline=None)
        except EOFError:
            return
        send(answers, _answer_to(request, bytes(blobs.pop()), reader), [], deadline=None)


def _answer_to(request: Message, data: bytes, reader: Reader) -> Message:
    try:
        lines = reader.read(Image.frombytes("RGB", tuple(request["size"]), data))
    except Exception as error:  # noqa: BLE001 -- the site says what it is
        may_be_over_later = isinstance(error, OSError) and not is_lack_of_memory(error)
        return {"error": said(error), "may_be_over_later": may_be_over_later}
    return {"lines": [line.as_json() for line in lines]}


if __name__ == "__main__":
    main()
