from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from gallery.conf import gallery
from gallery.encoders.registry import AUTO, OFFLINE, choose_encoder_name
from gallery.error_messages import for_visitors, sentence
from gallery.errors import ImageSearchError
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
        "max_query_characters": gallery().max_query_characters,
        "encoder_in_use": encoder_in_use,
    }


def encoder_in_use() -> EncoderInUse:
    try:
        name = current_encoder_name()
        is_automatic = name == OFFLINE and gallery().encoder == AUTO
        return EncoderInUse(name, lacks_weights=is_automatic and choose_encoder_name(AUTO) == OFFLINE)
    except ImageSearchError as error:
        return EncoderInUse(problem=sentence(for_visitors(error)))
