"""The real encoder `offline`, but deadly at some colours, and the process in which trials have it: python -m."""

from gallery.encoders import registry
from gallery.encoders.offline import OfflineEncoder
from gallery.services.embedding import encoder_child_main
from tests.deadly_encoders import AtColours


class DeadlyOfflineEncoder(AtColours, OfflineEncoder):
    pass


if __name__ == "__main__":
    registry.use_encoder(DeadlyOfflineEncoder())
    encoder_child_main.main()
