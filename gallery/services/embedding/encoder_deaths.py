"""Which pictures a process was at when it died: suspects, of which none is to blame before it was tried alone.

Processes die for many reasons that are no picture's fault: they are killed, restarted, or the machine's memory runs
out. So a death fails nobody. Suspects come after all others, one at a time, in a process of their own (`trial.py`).
"""

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
    """Let a death of this process within make suspects of these pictures."""
    return leaving_note(_folder(), json.dumps([image.pk for image in images]))


def count_deaths() -> None:
    """Make suspects of the pictures at which processes have died since this was last asked."""
    for note in notes_of_the_dead(_folder()):
        try:
            image_ids = json.loads(note)
        except ValueError:  # a power cut left a part of it
            continue
        suspect(image_ids)
        logger.warning("A process died while it encoded pictures %s; each is tried alone.", image_ids)


def suspect(image_ids: Sequence[int]) -> None:
    Image.objects.filter(pk__in=image_ids).update(embed_deaths=F("embed_deaths") + 1)


def forget_deaths(images: Iterable[Image]) -> None:
    """Clear these pictures of all suspicion."""
    if ids := [image.pk for image in images if image.embed_deaths]:
        Image.objects.filter(pk__in=ids).update(embed_deaths=0)


def _folder() -> Path:
    return gallery().locks_dir / "encoding"
