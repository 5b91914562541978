"""Placeholder until the registry lands."""

from .base import Encoder


def choose_encoder_name(setting: str) -> str:
    return "offline" if setting == "auto" else setting


def get_encoder(name: str) -> Encoder:
    from .offline import OfflineEncoder

    return OfflineEncoder()
