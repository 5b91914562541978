"""The library that is measured, in the process that it has for itself: imported and searched as the site does."""

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from django.core.management import call_command
from django.utils import timezone
from PIL import Image as PillowImage

from gallery.conf import gallery
from gallery.encoders.abilities import SeesThings
from gallery.encoders.base import Encoder
from gallery.encoders.batching import BatchingEncoder
from gallery.encoders.registry import get_encoder
from gallery.imaging import load_pixels
from gallery.models import OPERATOR, Image, User
from gallery.retrieval.request import SearchRequest
from gallery.retrieval.tree import BroughtPicture
from gallery.services.decode_limits import decode_limits
from gallery.services.found_files import FoundFiles, Source
from gallery.services.importing import import_files
from gallery.services.labels import check_labels
from gallery.services.search import find_images, find_similar

from .copies import altered_copies

OWNER = "evaluation"
WARM_UP_PX = 256
Answer = dict[str, Any]
Answered = TypeVar("Answered")


class SearchedLibrary:
    """Answers what `library.ThrowAwayLibrary` asks. A picture's number is the name of its file, without the suffix."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        self.progress = progress
        self.files: dict[int, Path] = {}
        self.numbers: dict[int, list[int]] = {}  # by image: the same bytes may lie there under several numbers

    def load(self) -> Answer:
        """Make the encoder ready, so that what is measured later is its work alone, and the database."""
        encoder = get_encoder(gallery().encoder)
        encoder.encode_images([PillowImage.new("RGB", (WARM_UP_PX, WARM_UP_PX))])
        encoder.encode_texts(["a picture"])
        call_command("migrate", verbosity=0)
        return {"id": encoder.key.id, "revision": encoder.key.revision, "dimension": encoder.dimension}

    def fill(self, folder: str) -> Answer:
        self.files = {int(path.stem): path for path in sorted(Path(folder).iterdir())}
        owner = User.objects.create_user(OWNER)
        found = FoundFiles(tuple(Source(path, named=True) for path in self.files.values()))
        watch = EncoderWatch(get_encoder(gallery().encoder))
        import_files(found, owner=owner, labels=check_labels(), by=OPERATOR, progress=self.progress)
        self.numbers = self._numbers_by_image()
        return {
            "searchable": [number for numbers in self.numbers.values() for number in numbers],
            "encoded": watch.encoded,
            "encoding_seconds": watch.seconds,
        }

    def rank(self, text: str) -> Answer:
        all_of_them = max(1, len(self.numbers))
        request = SearchRequest.of(
            query=text,
            today=timezone.localdate(),
            top=all_of_them,
            max_top=all_of_them,
            max_characters=gallery().max_query_characters,
        )
        page = find_images(request, by=OPERATOR)
        ranked = [(number, result) for result in page.results for number in self.numbers[result.image.pk]]
        return {
            "numbers": [number for number, _result in ranked],
            "probabilities": [result.probability for _number, result in ranked],
            "confident": [number for number, result in ranked if result.confident],
            "encoding_seconds": page.encoding_milliseconds / 1000,
        }

    def similar_to(self, number: int) -> Answer:
        image_id, numbers = next(item for item in self.numbers.items() if number in item[1])
        page = find_similar(Image.objects.get(pk=image_id), by=OPERATOR, top=max(1, len(self.numbers)))
        others = [other for other_id in page.image_ids for other in self.numbers[other_id]]
        return {"numbers": [*(same for same in numbers if same != number), *others]}

    def nearest_to_copies(self, number: int) -> Answer:
        with self.files[number].open("rb") as file:
            copies = altered_copies(load_pixels(file, limits=decode_limits()))
        requests = [SearchRequest.of(meanings=[BroughtPicture(copy)], top=1, max_top=1) for copy in copies]
        pages = [find_images(request, by=OPERATOR) for request in requests]
        return {"numbers": [self.numbers[page.image_ids[0]] for page in pages]}

    def _numbers_by_image(self) -> dict[int, list[int]]:
        images = dict(Image.objects.searchable().values_list("sha256", "pk"))
        numbers: dict[int, list[int]] = defaultdict(list)
        for number, path in self.files.items():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest in images:
                numbers[images[digest]].append(number)
        return dict(numbers)


class EncoderWatch:
    """Counts the pictures that an encoder encodes from now on, and the seconds that it takes for them.

    Where it sees things, the site asks what it sees together with the rows.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoded = 0
        self.seconds = 0.0
        inner = encoder.encoder if isinstance(encoder, BatchingEncoder) else encoder
        if isinstance(inner, SeesThings):
            inner.look = self._watched(inner.look)  # type: ignore[method-assign]  # the site asks the encoder itself
        else:
            encoder.encode_images = self._watched(encoder.encode_images)  # type: ignore[method-assign]

    def _watched(self, encode: Callable[[Sequence[PillowImage.Image]], Answered]) -> Callable[..., Answered]:
        def watched(images: Sequence[PillowImage.Image]) -> Answered:
            started = time.perf_counter()
            answer = encode(images)
            self.seconds += time.perf_counter() - started
            self.encoded += len(images)
            return answer

        return watched
