"""Which encoder this library uses: chosen once, kept in IndexState, never mixed."""

import logging

from gallery.conf import gallery
from gallery.encoders.base import Encoder
from gallery.encoders.registry import choose_encoder_name, get_encoder, pinned_options
from gallery.errors import EncoderMismatch
from gallery.models import IndexState

logger = logging.getLogger(__name__)


def current_encoder() -> Encoder:
    """Return the encoder of the index, or for an index without one, the encoder that the settings choose.

    Raises EncoderMismatch if the settings name another one than the index was made with, EncoderUnavailable.
    """
    name = current_encoder_name()
    state = IndexState.objects.current()
    if not state.has_encoder:
        return get_encoder(name)
    encoder = encoder_of(state)
    require_same(encoder, state)
    return encoder


def encoder_of(state: IndexState) -> Encoder:
    """Return the encoder that the index was made with, at the index's own commit. Raises EncoderUnavailable."""
    return get_encoder(state.encoder_id, pinned_options(state.encoder_id, state.encoder_revision))


def current_encoder_name() -> str:
    """Return the name of the encoder in use, without loading it. Raises EncoderMismatch."""
    state = IndexState.objects.current()
    wanted = gallery().encoder
    if not state.has_encoder:
        return choose_encoder_name(wanted)
    if wanted != "auto" and choose_encoder_name(wanted) != state.encoder_id:
        raise EncoderMismatch(index_encoder=state.encoder_id, encoder=wanted, encoder_name=wanted)
    return state.encoder_id


def require_same(encoder: Encoder, state: IndexState) -> None:
    """Raise EncoderMismatch unless the index was made by exactly this encoder."""
    if (encoder.id, encoder.revision) != (state.encoder_id, state.encoder_revision):
        raise EncoderMismatch(
            index_encoder=f"{state.encoder_id} ({state.encoder_revision})",
            encoder=f"{encoder.id} ({encoder.revision})",
            encoder_name=encoder.id,
        )
