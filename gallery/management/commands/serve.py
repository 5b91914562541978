"""Serve the site: the processes that answer, and those that work beside them."""

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from imagesearch_project.serving.supervisor import Child, PortTaken, Supervisor, listening_socket


class Command(BaseCommand):
    help = "Serves the site, with its background work, until Ctrl-C; starts again whichever of its processes ends."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen at (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8_000, help="default: 8000")
        parser.add_argument("--processes", type=int, default=1, help="how many answer; each holds the encoder")
        parser.add_argument("--workers", type=int, default=1, help="how many do background work; 0: none")

    def handle(self, *args: Any, host: str, port: int, processes: int, workers: int, **options: Any) -> None:
        try:
            listener = listening_socket(host, port)
        except PortTaken:
            raise CommandError(f"Another program serves {host}:{port}. Stop it, or choose another --port.") from None
        except OSError as error:
            raise CommandError(f"The site cannot listen at {host}:{port} ({error.strerror}).") from error
        serving = [Child(("serve", str(listener.fileno())), (listener.fileno(),)) for _ in range(processes)]
        working = [Child(("work",)) for _ in range(workers)]
        Supervisor([*serving, *working], say=self.stderr.write).run()
