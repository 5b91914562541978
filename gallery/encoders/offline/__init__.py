"""An encoder that needs nothing but pip; see `encoder.py`."""

from .encoder import OfflineEncoder
from .wheels import load_sentence_encoder

__all__ = ["OfflineEncoder", "load_sentence_encoder"]
