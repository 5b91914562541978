"""One serving process: granian in the process's own loop, on a socket that the supervisor has bound."""

import asyncio
import gc
import logging
import resource
import signal
import sys
import threading
from typing import Any

from django.conf import settings
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.net import SocketHolder  # type: ignore[attr-defined]  # its stub does not say so
from granian.server.embed import Server

from gallery.rooms import Room

from .adapter import RoomsAdapter
from .bodies import BodyLimits
from .rooms import RoomSize
from .spool import spool_folder, spool_in

logger = logging.getLogger(__name__)
BACKLOG = 2_048
LONGEST_HEADERS_BYTES = 128_000  # 500 Chinese characters in an address take 4,500; what is too long the site refuses
# A thread that computes lets others run after so long: `/healthz` waits for some of them. Beside six that compute, on a
# busy machine, its p99 was 380 ms at 0.001 and 170 ms at 0.0002, for the same work per second of the processor.
SWITCH_SECONDS = 0.0002
WARM_UP = ["warm up"]


class InheritingServer(Server):
    """Serves a socket that is open and listening already."""

    def __init__(self, target: RoomsAdapter, *, fd: int) -> None:
        super().__init__(
            target,
            interface=Interfaces.RSGI,
            http=HTTPModes.http1,
            websockets=False,
            backpressure=_most_connections(),
            http1_settings=HTTP1Settings(
                header_read_timeout=settings.SERVING["header_seconds"] * 1_000, max_buffer_size=LONGEST_HEADERS_BYTES
            ),
            runtime_blocking_threads=8,  # they open and read files
            log_enabled=False,
        )
        self._fd = fd

    def _init_shared_socket(self) -> None:
        self._ssp: Any = None
        self._shd: Any = SocketHolder(self._fd, False, BACKLOG)  # type: ignore[call-arg]  # its stub has no arguments
        self._sfd: Any = self._fd


def serve(fd: int) -> None:
    """Serve the site on the listening socket `fd` until SIGTERM or SIGINT, then finish what is under way."""
    from imagesearch_project.wsgi import application  # noqa: PLC0415 -- loads the site with all its addresses

    spool_in(spool_folder())
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()
    begin_beside()
    sizes = {Room(name): RoomSize(*size) for name, size in settings.SERVING["rooms"].items()}
    limits = BodyLimits(**settings.SERVING["bodies"])

    async def run() -> None:
        server = InheritingServer(RoomsAdapter(application, sizes, limits), fd=fd)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, server.stop)
        await server.serve()

    asyncio.run(run())


def begin_beside() -> None:
    """Begin what goes on beside the requests, in threads that end with the process."""
    threading.Thread(target=warm_up, name="encoder warm-up", daemon=True).start()
    threading.Thread(target=look_for_work, name="look for work", daemon=True).start()


def look_for_work() -> None:
    """See to it that a worker is there for what was left when the site ended, or is left by a worker that ends."""
    from gallery.services.workers import keep_looking_for_work  # noqa: PLC0415 -- needs the app registry

    keep_looking_for_work()


def warm_up() -> None:
    """Load the encoder beside the first requests, so that the first search does not wait for it."""
    from gallery.services.embedding.encoder_in_use import current_encoder  # noqa: PLC0415 -- slow import

    try:
        current_encoder().encode_texts(WARM_UP)
    except Exception as error:  # noqa: BLE001 -- a search will say it again, to the person who can act on it
        logger.warning("The encoder is not ready: %s", error)


def _most_connections() -> int:
    """Use what the system lets the process open, but for what requests open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    return max(64, max(soft, wanted) - 1_000)
