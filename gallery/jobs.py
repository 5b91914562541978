"""Background work. Each task is a line or two: it calls a service, and running it twice does no harm."""

from collections.abc import Sequence
from typing import Any

from django.dispatch import receiver
from django_tasks import DEFAULT_TASK_BACKEND_ALIAS, task, task_backends
from django_tasks.backends.dummy import DummyBackend
from django_tasks.backends.immediate import ImmediateBackend

from gallery.models import WORKER, Actor, ModelChange
from gallery.services.detached import run_detached
from gallery.services.embedding.model_change import change_model, note_begin
from gallery.services.embedding.queue import images_waiting
from gallery.services.embedding.waiting_images import embed_images
from gallery.services.password_links import send_password_links
from gallery.services.soon import do_soon


@task()
def embed(image_ids: list[int]) -> int:
    """Embed those of these pictures that still wait; return how many were embedded."""
    return embed_images(image_ids).embedded


@receiver(images_waiting, dispatch_uid="enqueue_embedding")
def enqueue_embedding(image_ids: Sequence[int], **_: Any) -> None:
    embed.enqueue(list(image_ids))


@task()
def move_to_model(encoder: str, *, retry_failed: bool = False, accept_failures: bool = False) -> int:
    """Move the library to an encoder; return how many rows the index has then."""
    return change_model(encoder, by=WORKER, retry_failed=retry_failed, accept_failures=accept_failures).rows


def begin_model_change(
    change: ModelChange, *, by: Actor, retry_failed: bool = False, accept_failures: bool = False
) -> None:
    """Have a change of the model carried out where tasks run; without a queue that is a process of its own."""
    note_begin(change, by=by, retry_failed=retry_failed, accept_failures=accept_failures)
    if not isinstance(task_backends[DEFAULT_TASK_BACKEND_ALIAS], ImmediateBackend | DummyBackend):
        move_to_model.enqueue(change.encoder_id, retry_failed=retry_failed, accept_failures=accept_failures)
        return
    switches = ["--retry-failed"] * retry_failed + ["--accept-failures"] * accept_failures
    run_detached("reindex", "--encoder", change.encoder_id, *switches)


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
