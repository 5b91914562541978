"""What a process that answers through its pipes does first, whatever it answers."""

import os
import select


def own_pipes() -> tuple[int, int]:
    """Move the pipes of requests and answers away from where a library might read or print; return both."""
    requests, answers = os.dup(0), os.dup(1)
    silence(0)
    silence(1)
    return requests, answers


def silence(fd: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, fd)
    os.close(null)


def end_with_the_site(requests: int) -> None:
    """End at once when the other end of the pipe closes, in the middle of a picture too. Runs in a thread."""
    poll = select.poll()
    poll.register(requests, 0)  # a hang-up is told without being asked for
    poll.poll()
    os._exit(0)
