from dataclasses import dataclass
from functools import partial
from typing import Any

from django.http import HttpRequest

from gallery.conf import gallery
from gallery.encoders.registry import AUTO, OFFLINE, choose_encoder_name
from gallery.error_messages import for_visitors, sentence
from gallery.errors import ImageSearchError
from gallery.models import Actor, Job
from gallery.services.embedding.encoder_in_use import current_encoder_name


@dataclass(frozen=True, slots=True)
class EncoderInUse:
    """The encoder's name, or the sentence that says why there is none.

    `lacks_weights`: `auto` took the offline encoder because no weights of CLIP are at hand.
    """

    name: str = ""
    problem: str = ""
    lacks_weights: bool = False


def site(request: HttpRequest) -> dict[str, Any]:
    """What every page needs. The encoder is asked for only where a template shows it: that is a query."""
    return {
        "sign_up_open": gallery().sign_up_open,
        "encoder_in_use": encoder_in_use,
        "jobs_under_way": partial(jobs_under_way, request),
    }


def jobs_under_way(request: HttpRequest) -> int:
    """Return how many jobs of whoever is signed in wait or run; pages of errors have nobody."""
    actor: Actor | None = getattr(request, "actor", None)
    return 0 if actor is None or actor.user is None else Job.objects.own_of(actor).under_way().count()


def encoder_in_use() -> EncoderInUse:
    try:
        name = current_encoder_name()
        is_automatic = name == OFFLINE and gallery().encoder == AUTO
        return EncoderInUse(name, lacks_weights=is_automatic and choose_encoder_name(AUTO) == OFFLINE)
    except ImageSearchError as error:
        return EncoderInUse(problem=sentence(for_visitors(error)))
