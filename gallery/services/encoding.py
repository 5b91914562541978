"""Which encoder this library uses: chosen once, kept in IndexState, never mixed."""

import logging

from gallery.conf import gallery
from gallery.encoders.base import Encoder
from gallery.encoders.registry import choose_encoder_name, get_encoder, pinned_options
from gallery.errors import EncoderMismatch
from gallery.models import EncoderKey, IndexState

logger = logging.getLogger(__name__)


def current_encoder() -> Encoder:
    """Return the encoder of the index, or for an index without one, the encoder that the settings choose.

    Raises EncoderMismatch if the settings name another one than the index was made with, EncoderUnavailable.
    """
    state = IndexState.objects.current()  # once: what is read a second time may be that of another encoder
    name = _name_for(state)
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
    return _name_for(IndexState.objects.current())


def _name_for(state: IndexState) -> str:
    wanted = gallery().encoder
    if not state.has_encoder:
        return choose_encoder_name(wanted)
    if wanted != "auto" and choose_encoder_name(wanted) != state.encoder_id:
        raise EncoderMismatch(index_encoder=state.encoder_id, encoder=wanted, encoder_name=wanted)
    return state.encoder_id


def key_of(encoder: Encoder) -> EncoderKey:
    return EncoderKey(encoder.id, encoder.revision)


def require_same(encoder: Encoder, state: IndexState) -> None:
    """Raise EncoderMismatch unless the index was made by exactly this encoder."""
    key = key_of(encoder)
    if key != state.encoder_key:
        raise EncoderMismatch(index_encoder=str(state.encoder_key), encoder=str(key), encoder_name=encoder.id)
