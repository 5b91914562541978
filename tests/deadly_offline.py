"""The real encoder `offline`, but deadly at some colours, and the process in which trials have it: python -m."""

from collections.abc import Sequence

from PIL import Image

from gallery.encoders import registry
from gallery.encoders.abilities import Look
from gallery.encoders.offline import OfflineEncoder
from gallery.services.embedding import encoder_child_main
from tests.deadly_encoders import end_at_deadly


class DeadlyOfflineEncoder(OfflineEncoder):
    def look(self, images: Sequence[Image.Image]) -> list[Look]:
        end_at_deadly(images)
        return super().look(images)


if __name__ == "__main__":
    registry.use_encoder(DeadlyOfflineEncoder())
    encoder_child_main.main()
