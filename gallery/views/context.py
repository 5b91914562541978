from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from gallery.conf import gallery
from gallery.doors import sentence
from gallery.errors import ImageSearchError
from gallery.services.encoding import current_encoder_name


@dataclass(frozen=True, slots=True)
class EncoderInUse:
    """The encoder's name, or the sentence that says why there is none."""

    name: str = ""
    problem: str = ""

    @property
    def is_offline(self) -> bool:
        return self.name == "offline"


def site(request: HttpRequest) -> dict[str, Any]:
    """What every page needs. The encoder is asked for only where a template shows it: that is a query."""
    return {"sign_up_open": gallery().sign_up_open, "encoder_in_use": encoder_in_use}


def encoder_in_use() -> EncoderInUse:
    try:
        return EncoderInUse(name=current_encoder_name())
    except ImageSearchError as error:
        return EncoderInUse(problem=sentence(error))
