"""The tests' settings for processes of the site whose encoders cost nothing and know colours only."""

from collections.abc import Sequence

from gallery.encoders import registry
from gallery.encoders.base import Vectors
from tests.quick_encoder import QuickEncoder
from tests.settings import *  # noqa: F403


class GreyEncoder(QuickEncoder):
    """Sees no colours: red is as good as any grey of its brightness."""

    def _vector(self, image):
        return super()._vector(image.convert("L"))


class BlindEncoder(QuickEncoder):
    """Sees nothing: every picture is the same to it."""

    def _vector(self, image):
        return super()._vector(image.resize((1, 1)).point(lambda _value: 9))


class WordlessEncoder(QuickEncoder):
    """Breaks at the first question."""

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        if texts == ["a picture"]:
            return super().encode_texts(texts)
        raise RuntimeError("no words")


for encoder in (
    QuickEncoder(),
    GreyEncoder("clip:grey"),
    BlindEncoder("clip:blind"),
    WordlessEncoder("clip:wordless"),
):
    for options in (registry.DEFAULT_OPTIONS, registry.pinned_options(encoder.key.id, encoder.key.revision)):
        registry.use_encoder(encoder, options)
