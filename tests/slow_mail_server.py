"""A mail server on loopback that does nothing until it is released."""

from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from typing import Any


class SlowMailServer(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.released = Event()
        self.recipients: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Conversation(StreamRequestHandler):
    server: SlowMailServer

    def handle(self) -> None:
        self.server.released.wait()
        self._say("220 ready")
        while line := self.rfile.readline().decode().strip():
            verb = line[:4].upper()
            if verb == "RCPT":
                self.server.recipients.append(line.partition(":")[2].strip("<> "))
            if verb == "DATA":
                self._say("354 go on")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
            self._say("221 bye" if verb == "QUIT" else "250 well")

    def _say(self, answer: str) -> None:
        self.wfile.write(f"{answer}\r\n".encode())


@contextmanager
def slow_mail_server(settings: Any) -> Iterator[SlowMailServer]:
    """Run the server and have the site send its mails there."""
    with SlowMailServer() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", server.port, False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
