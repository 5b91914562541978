"""Serve the site: the processes that answer, and those that work beside them."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management import CommandError

from gallery.management.command import GalleryCommand, Report
from imagesearch_project.serving.spool import clear_spool, spool_folder
from imagesearch_project.serving.supervisor import Child, PortTaken, Supervisor, listening_socket


class Command(GalleryCommand):
    help = "Serves the site, with its background work, until Ctrl-C; starts again whichever of its processes ends."
    requires_system_checks = "__all__"  # a wrong setting stops the start; they speak on stderr

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen at (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8_000, help="default: 8000")
        parser.add_argument("--processes", type=int, default=1, help="how many answer; each holds the encoder")
        parser.add_argument("--workers", type=int, default=1, help="how many do background work; 0: none")

    def run(self, **options: Any) -> Report:
        host, port = options["host"], options["port"]
        try:
            listener = listening_socket(host, port)
        except PortTaken:
            raise CommandError(f"Another program serves {host}:{port}. Stop it, or choose another --port.") from None
        except OSError as error:
            raise CommandError(f"The site cannot listen at {host}:{port} ({error.strerror}).") from error
        clear_spool(spool_folder())
        serving = [Child(("serve", str(listener.fileno())), (listener.fileno(),)) for _ in range(options["processes"])]
        working = [Child(("work",)) for _ in range(options["workers"])]
        supervisor = Supervisor([*serving, *working], say=self.stderr.write)
        began = time.monotonic()
        supervisor.run()
        seconds = round(time.monotonic() - began, 1)
        return {"host": host, "port": port, "seconds": seconds, "restarts": supervisor.restarts}

    def describe(self, report: Report) -> str:
        return f"Served {report['host']}:{report['port']} for {report['seconds']:g} s; {report['restarts']} restarts."
