"""What is asked of the searcher of the files themselves, whichever engine answers searches."""

from collections.abc import Callable
from typing import TypeVar

from gallery.encoders.base import EncoderKey
from gallery.models import AccessState, ImageQuerySet
from gallery.vectors.allowed import Allowed
from gallery.vectors.engines.contract import Searcher
from gallery.vectors.hits import Hits
from gallery.vectors.row_mask import RowMask
from gallery.vectors.unit_vectors import Floats

from .committed_index import CommittedIndex
from .one_state import in_one_state

Answer = TypeVar("Answer")
LocalQuestion = Callable[[Searcher, Allowed | None], Answer]


class LocalQuestions:
    """Counts and names what a search finds, any number of images: exact whatever the engine is."""

    def count_above(
        self, query: Floats, score: float, allowed: ImageQuerySet | None = None, *, encoder: EncoderKey | None = None
    ) -> int:
        """Return how many images, of those in `allowed` if given, `search` would give `query` (dimension,) at least
        `score`, if `k` were large enough. Raises EncoderChanged as `search` does.
        """
        return self._asked_locally(lambda local, among: local.count_above(query, score, among), 0, allowed, encoder)

    def hits_above(
        self, query: Floats, score: float, allowed: ImageQuerySet | None = None, *, encoder: EncoderKey | None = None
    ) -> Hits:
        """Return the images that `count_above` counts, ascending by id. Raises EncoderChanged as `search` does."""
        nobody = Hits.none(1).of(0)
        return self._asked_locally(lambda local, among: local.hits_above(query, score, among), nobody, allowed, encoder)

    def count_allowed(self, allowed: ImageQuerySet, *, encoder: EncoderKey | None = None) -> int:
        """Return among how many images `search` would look. Raises EncoderChanged as it does."""

        def count(local: Searcher, among: Allowed | None) -> int:
            return 0 if among is None else among.bitmap.count

        return self._asked_locally(count, 0, allowed, encoder)

    def _asked_locally(
        self, ask: LocalQuestion[Answer], nothing: Answer, images: ImageQuerySet | None, key: EncoderKey | None
    ) -> Answer:
        """Return what the searcher of the files themselves answers; `nothing` where there is no index."""

        def answer(access: AccessState) -> Answer:
            while (committed := self._committed_of_encoder(key)) is not None:
                mask = None if images is None else self._mask_of(images, access, committed)
                if images is None or mask is not None:
                    return ask(committed.local, None if mask is None else committed.snapshot.allowing_rows(mask))
            return nothing

        return in_one_state(answer)

    def _committed_of_encoder(self, encoder: EncoderKey | None) -> CommittedIndex | None:
        raise NotImplementedError

    def _mask_of(self, images: ImageQuerySet, access: AccessState, committed: CommittedIndex) -> RowMask | None:
        raise NotImplementedError
