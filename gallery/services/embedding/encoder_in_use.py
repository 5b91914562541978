"""Which encoder this library uses: chosen once, kept in IndexState, never mixed."""

import logging
import threading

from gallery.conf import gallery
from gallery.encoders.base import Encoder, harmless_picture
from gallery.encoders.registry import AUTO, choose_encoder_name, forget_encoder, get_encoder, pinned_options
from gallery.errors import EncoderMismatch
from gallery.models import IndexState

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
    if encoder.key != state.encoder_key:
        encoder = _loaded_again(encoder, state)
    encoder.key.require_same(state.encoder_key)
    _models.note(state)
    return encoder


def warm_up_for_images() -> None:
    """Load what the encoder of the index needs for pictures, so that the first one does not wait for it."""
    try:
        current_encoder().encode_images([harmless_picture()])
    except Exception as error:  # noqa: BLE001 -- the first picture will say it again, where somebody can act on it
        logger.warning("The encoder is not ready: %s", error)


def encoder_of(state: IndexState) -> Encoder:
    """Return the encoder that the index was made with, at the index's own commit. Raises EncoderUnavailable."""
    return get_encoder(state.encoder_id, pinned_options(state.encoder_id, state.encoder_revision))


def _loaded_again(encoder: Encoder, state: IndexState) -> Encoder:
    """Return the encoder as it is on the disk now: it may have been replaced, and the index made anew with it."""
    if not _models.is_first_look(state):
        return encoder
    forget_encoder(encoder.key.id)
    return encoder_of(state)


def current_encoder_name() -> str:
    """Return the name of the encoder in use, without loading it. Raises EncoderMismatch."""
    return _name_for(IndexState.objects.current())


def _name_for(state: IndexState) -> str:
    wanted = gallery().encoder
    if not state.has_encoder:
        return choose_encoder_name(wanted)
    if wanted != AUTO and choose_encoder_name(wanted) not in (state.encoder_id, state.replaced_setting):
        raise EncoderMismatch(index_encoder=state.encoder_id, encoder=wanted, encoder_name=wanted)
    return state.encoder_id


class _Models:
    """Which models this process keeps in memory: that of the index, and the next one shortly before it is needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_use: tuple[int, str] = (-1, "")  # version of the index, encoder
        self._looked_at = -1
        self._warmed = ""

    def note(self, state: IndexState) -> None:
        """Drop the model that the index has left; load the one that it will move to soon."""
        with self._lock:
            version, before = self._in_use
            if state.version < version:  # of a search that began before the switch
                return
            self._in_use = (state.version, state.encoder_id)
            begin_warming = state.next_encoder_id not in ("", state.encoder_id, self._warmed)
            not_needed = {before} if state.next_encoder_id else {before, self._warmed}  # the change may be given up
            self._warmed = state.next_encoder_id
        for name in not_needed - {"", state.encoder_id}:
            forget_encoder(name)
        if begin_warming:
            threading.Thread(target=_warm, args=[state.next_encoder_id], name="next encoder", daemon=True).start()

    def is_first_look(self, state: IndexState) -> bool:
        """Say once per epoch whether an encoder of another revision is worth a look at the disk."""
        with self._lock:
            is_first, self._looked_at = self._looked_at != state.epoch, state.epoch
            return is_first


_models = _Models()


def _warm(name: str) -> None:
    try:
        get_encoder(name).encode_texts(["warm up"])
    except Exception as error:  # noqa: BLE001 -- the search that needs it will say it, to the person who can act on it
        logger.warning("The next encoder “%s” is not ready: %s", name, error)
