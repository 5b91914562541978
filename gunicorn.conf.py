"""Gunicorn's settings for `make run` and for a small server; docs/operations.md says what to change for a large one."""

import os
import threading
from typing import Any

bind = f"127.0.0.1:{os.environ.get('PORT', '8000')}"
workers = 1  # each worker holds the encoder's weights; threads share them
threads = 8
timeout = 120  # seconds; an upload of many pictures is embedded before it is answered
graceful_timeout = 30
limit_request_line = 0  # the default refuses 500 Chinese characters, and what is too long needs the site's own answer


def on_starting(server: Any) -> None:
    """Let the server's own log keep one line for each record, as the site's does."""
    from imagesearch_project.log_lines import OneLineFormatter  # noqa: PLC0415 -- the folder is on the path by now

    for log in (server.log.error_log, server.log.access_log):
        for handler in log.handlers:
            shown = handler.formatter
            handler.setFormatter(OneLineFormatter(shown._fmt, shown.datefmt))


def post_worker_init(worker: Any) -> None:
    """Load the encoder beside the first requests, so that the first search does not wait for it."""
    from gallery.services.embedding.encoder_in_use import current_encoder  # noqa: PLC0415 -- Django is not ready before

    def warm_up() -> None:
        try:
            current_encoder().encode_texts(["warm up"])
        except Exception as error:  # noqa: BLE001 -- a search will say it again, to the person who can act on it
            worker.log.warning("The encoder is not ready: %s", error)

    threading.Thread(target=warm_up, name="encoder warm-up", daemon=True).start()
