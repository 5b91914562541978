"""What trials run instead of `encoder_child_main` where the encoder is the quick one: python -m."""

from gallery.encoders import registry
from gallery.services.embedding import encoder_child_main
from tests.quick_encoder import QuickEncoder, WideEncoder
from tests.testbed_folder import ClipOfTheTestbed

if __name__ == "__main__":
    registry.use_encoder(QuickEncoder())
    registry.use_encoder(WideEncoder())
    registry.use_encoder(ClipOfTheTestbed())
    encoder_child_main.main()
