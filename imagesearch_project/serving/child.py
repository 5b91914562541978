"""A process of the site that ends with its supervisor: `python -m ...child WATCHED_FD COMMAND...`."""

import os
import signal
import sys
import threading

ENDS_WITHIN_SECONDS = 30


def end_with_parent(watched_fd: int) -> None:
    """Ask this process to end when the other end of the pipe is closed, which the kernel does for whoever dies."""

    def watch() -> None:
        os.read(watched_fd, 1)
        os.kill(os.getpid(), signal.SIGTERM)
        threading.Event().wait(ENDS_WITHIN_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="supervisor's life", daemon=True).start()


def main(arguments: list[str]) -> None:
    end_with_parent(int(arguments[0]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch_project.settings")
    if arguments[1] == "serve":
        from .server import serve  # noqa: PLC0415 -- loads the site

        return serve(int(arguments[2]))
    from django.core.management import execute_from_command_line  # noqa: PLC0415 -- not for a serving process

    return execute_from_command_line(["manage.py", *arguments[1:]])


if __name__ == "__main__":
    main(sys.argv[1:])
