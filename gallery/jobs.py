"""Background work. Each task is a line or two: it calls a service, and running it twice does no harm."""

from collections.abc import Sequence
from typing import Any

from django.dispatch import receiver
from django_tasks import DEFAULT_TASK_BACKEND_ALIAS, task, task_backends
from django_tasks.backends.dummy import DummyBackend
from django_tasks.backends.immediate import ImmediateBackend

from gallery.services.detached import run_detached
from gallery.services.embedding.queue import images_waiting
from gallery.services.embedding.waiting_images import embed_images
from gallery.services.password_links import send_password_links
from gallery.services.soon import do_soon
from gallery.services.waiting_jobs import is_at_work, jobs_waiting


@task()
def embed(image_ids: list[int]) -> int:
    """Embed those of these pictures that still wait; return how many were embedded."""
    return embed_images(image_ids).embedded


@receiver(images_waiting, dispatch_uid="enqueue_embedding")
def enqueue_embedding(image_ids: Sequence[int], **_: Any) -> None:
    embed.enqueue(list(image_ids))


@receiver(jobs_waiting, dispatch_uid="begin_waiting_jobs")
def begin_waiting_jobs(**_: Any) -> None:
    """Have the long work that waits carried out by a process of its own, unless one is at it."""
    if not is_at_work():
        run_detached("run_jobs")


@task()
def send_links(email: str, *, domain: str, is_https: bool, language: str) -> None:
    """Mail links to choose a new password."""
    send_password_links(email, domain=domain, is_https=is_https, language=language)


def begin_sending_links(email: str, *, domain: str, is_https: bool, language: str) -> None:
    """Have the links mailed where tasks run; without a queue by a thread.

    Not in the request: the time that a mail takes would tell who has an account.
    """
    if isinstance(task_backends[DEFAULT_TASK_BACKEND_ALIAS], ImmediateBackend | DummyBackend):
        do_soon(send_password_links, email=email, domain=domain, is_https=is_https, language=language)
    else:
        send_links.enqueue(email, domain=domain, is_https=is_https, language=language)
