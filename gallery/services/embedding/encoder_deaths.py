"""Who died at what: pictures at which processes die while they encode them are found out and counted."""

import json
import logging
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from django.db.models import F

from gallery.conf import gallery
from gallery.durable.process_notes import leaving_note, notes_of_the_dead
from gallery.models import Image

logger = logging.getLogger(__name__)


def at_risk(images: Iterable[Image]) -> AbstractContextManager[None]:
    """Let a death of this process within be counted against these pictures."""
    return leaving_note(_folder(), json.dumps([image.pk for image in images]))


def count_deaths() -> None:
    """Count, for each picture, the processes that died while they worked on its batch."""
    for note in notes_of_the_dead(_folder()):
        image_ids = json.loads(note)
        Image.objects.filter(pk__in=image_ids).update(embed_deaths=F("embed_deaths") + 1)
        logger.warning("A process died while it encoded pictures %s.", image_ids)


def forget_deaths(images: Sequence[Image]) -> None:
    if ids := [image.pk for image in images if image.embed_deaths]:
        Image.objects.filter(pk__in=ids).update(embed_deaths=0)


def _folder() -> Path:
    return gallery().locks_dir / "encoding"
