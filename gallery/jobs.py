"""Background work. Each task is a line or two: it calls a service, and running it twice does no harm."""

from collections.abc import Sequence
from typing import Any

from django.dispatch import receiver
from django_tasks import task

from gallery.services.embedding import embed_images
from gallery.services.queue import pictures_waiting


@task()
def embed(image_ids: list[int]) -> int:
    """Embed those of these pictures that still wait; return how many were embedded."""
    return embed_images(image_ids).embedded


@receiver(pictures_waiting, dispatch_uid="enqueue_embedding")
def enqueue_embedding(image_ids: Sequence[int], **_: Any) -> None:
    embed.enqueue(list(image_ids))
