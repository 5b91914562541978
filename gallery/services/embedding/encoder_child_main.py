"""What a process runs in which pictures are tried: `python -m gallery.services.embedding.encoder_child_main`.

It loads the encoder that it is told to, then encodes one picture after another until its pipe closes. It knows neither
Django nor the database nor any file of the site but the models. Where the machine's memory runs out the kernel takes
this process first.
"""

import os
import resource
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from PIL import Image

from gallery.encoders.base import Encoder, harmless_picture
from gallery.encoders.looking import look_at
from gallery.encoders.registry import get_encoder, pinned_options, use_precision
from gallery.imaging.sandbox.child_pipes import end_with_the_site, own_pipes
from gallery.imaging.sandbox.messages import Message, receive, send
from gallery.services.embedding.encoder_errors import is_lack_of_memory, said

NICENESS = 5  # what nobody suspects is encoded meanwhile
MOST_EXPENDABLE = "1000"  # of Linux, see proc_pid_oom_score_adj(5)


def main() -> None:
    requests, answers = own_pipes()
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(MOST_EXPENDABLE)
    threading.Thread(target=end_with_the_site, args=(requests,), daemon=True).start()
    wanted, _ = receive(requests, max_blob_bytes=None, deadline=None)
    try:
        encoder = _loaded(wanted)
    except Exception as error:  # noqa: BLE001 -- the site says what it is
        send(answers, {"error": said(error)}, [], deadline=None)
        return
    send(answers, {"key": [encoder.key.id, encoder.key.revision]}, [], deadline=None)
    while True:
        try:
            request, blobs = receive(requests, max_blob_bytes=None, deadline=None)
        except EOFError:
            return
        answer, parts = _answer_to(request, bytes(blobs.pop()), encoder)
        send(answers, answer, parts, deadline=None)


def _loaded(wanted: Message) -> Encoder:
    """Return the encoder of the index, at its commit, from this machine."""
    use_precision(lambda: str(wanted["precision"]))
    options = pinned_options(wanted["encoder"], wanted["revision"])
    encoder = get_encoder(wanted["encoder"], replace(options, local_files_only=bool(options.revision)))
    encoder.encode_images([harmless_picture()])  # what loads late is loaded, and no picture's fault
    return encoder


def _answer_to(request: Message, data: bytes, encoder: Encoder) -> tuple[Message, list[bytes]]:
    picture = Image.frombytes("RGB", tuple(request["size"]), data)
    try:
        [look] = look_at([picture], encoder)
    except Exception as error:  # noqa: BLE001 -- the site says what it is
        if is_lack_of_memory(error):
            return {"is_out_of_memory": True}, []
        return {"error": said(error), "may_be_over_later": isinstance(error, OSError)}, []
    things = None if look.things is None else [thing.as_json() for thing in look.things]
    return {"things": things}, [look.row.tobytes()]


if __name__ == "__main__":
    main()
