"""One of the importers that `random_kills` kills: python -m tests.crash.killed_importer ENCODER FOLDER.

ENCODER is `offline`, the real one, or `quick`; both end their process at pictures of some colours.
"""

import sys

from tests.crash import library  # sets Django up

# isort: split
from django.conf import settings

from gallery.encoders import registry
from gallery.services.embedding import encoder_child


def use_deadly(encoder: str) -> None:
    if encoder == "quick":
        from tests.deadly_encoders import DeadlyEncoder

        registry.use_encoder(DeadlyEncoder())
        encoder_child.CHILD_MODULE = "tests.deadly_encoders"
    else:
        from tests.deadly_offline import DeadlyOfflineEncoder  # slow

        registry.use_encoder(DeadlyOfflineEncoder())
        encoder_child.CHILD_MODULE = "tests.deadly_offline"


if __name__ == "__main__":
    settings.GALLERY |= {"embed_batch_size": 8}  # many commits: many moments to die at
    use_deadly(sys.argv[1])
    library.run_quietly("import_images", sys.argv[2], "--recursive")
