"""Background work: each piece is a few lines, calls a service, and does no harm when it is done twice."""

from typing import Any

from django.dispatch import receiver

from gallery.services.embedding.queue import images_waiting
from gallery.services.password_links import send_password_links
from gallery.services.soon import do_soon
from gallery.services.waiting_jobs import jobs_waiting
from gallery.services.workers import see_to_worker


@receiver([images_waiting, jobs_waiting], dispatch_uid="see_that_work_is_done")
def see_that_work_is_done(**_: Any) -> None:
    """Start a worker where none runs; one that does sees by itself what waits."""
    see_to_worker()


def begin_sending_links(email: str, *, domain: str, is_https: bool, language: str) -> None:
    """Have the links mailed by a thread.

    Not in the request: the time that a mail takes would tell who has an account.
    """
    do_soon(send_password_links, email=email, domain=domain, is_https=is_https, language=language)
