"""Are the vectors of a folder those of our encoder? A name or a revision does not say; encoding some pictures does."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from PIL.Image import Image as Pixels

from gallery.encoders.base import Encoder
from gallery.encoders.model_cards import CLIP_PREFIX, DEFAULT_CLIP_MODEL
from gallery.errors import InvalidInput, InvalidPicture, Phrase, UnusableVectors, gettext_noop
from gallery.imaging import inspect
from gallery.services.decode_limits import decode_limits
from gallery.services.embedding.encoder_in_use import current_encoder, current_encoder_name

from .entry import Entry
from .folder_vectors import DIMENSION, VECTORS_NAME, FolderVectors
from .index_file import FORMATS
from .originals import Originals

SAMPLE_SIZE = 16  # pictures that are encoded to compare
TRIED_AT_MOST = 8 * SAMPLE_SIZE  # so that a folder without files does not cost a walk through all of it
SAME_COSINE = 0.999  # other models, and other trainings of the same one, are far below
LARGEST_PLAIN_PX = 50_000_000  # 150 MB as plain RGB


@dataclass(frozen=True, slots=True)
class _Sample:
    entry: Entry
    cosine: float


def encoder_for_folder_vectors(folder: Path) -> Encoder:
    """Return the library's encoder if its vectors could be such a folder's at all. Raises UnusableVectors."""
    name = current_encoder_name()
    encoder = current_encoder() if name.startswith(CLIP_PREFIX) else None
    if encoder is None or encoder.dimension != DIMENSION:
        reason = Phrase(
            gettext_noop("they are of OpenAI CLIP ViT-B/32, and the encoder of this library is “%(encoder)s”"),
            encoder=name,
        )
        raise UnusableVectors(path=str(folder / VECTORS_NAME), reason=reason)
    return encoder


def misfits(
    entries: Sequence[Entry], *, originals: Originals, vectors: FolderVectors, encoder: Encoder
) -> dict[str, Phrase]:
    """Compare a sample with what `encoder` makes of the same pictures; return those whose vector is not theirs, by MD5.

    Raises UnusableVectors unless most of them are the same.
    """
    samples = list(islice(_samples(entries, originals, vectors, encoder), SAMPLE_SIZE))
    if not samples:
        return {}
    typical = float(np.median([sample.cosine for sample in samples]))
    if typical < SAME_COSINE:
        reason = Phrase(
            gettext_noop(
                "“%(encoder)s” gives other vectors for the same %(count)s pictures "
                "(cosine similarity %(cosine)s; the same model gives %(limit)s or more)"
            ),
            encoder=encoder.key.id,
            count=len(samples),
            cosine=f"{typical:.3f}",
            limit=SAME_COSINE,
        )
        raise UnusableVectors(path=str(originals.folder / VECTORS_NAME), reason=reason)
    return {sample.entry.md5: _misfit(sample) for sample in samples if sample.cosine < SAME_COSINE}


def _misfit(sample: _Sample) -> Phrase:
    return Phrase(
        gettext_noop("its vector does not fit its picture (cosine similarity %(cosine)s)"),
        cosine=f"{sample.cosine:.3f}",
    )


def _samples(
    entries: Sequence[Entry], originals: Originals, vectors: FolderVectors, encoder: Encoder
) -> Iterator[_Sample]:
    """Compare, from all over the folder, the entries that have a good file and a vector of use."""
    step = max(1, len(entries) // TRIED_AT_MOST)
    for entry in entries[::step][:TRIED_AT_MOST]:
        if vectors.reason_against(entry) is not None:
            continue
        try:
            views = _views(originals.read(entry, decode_limits()))
        except (InvalidInput, InvalidPicture):
            continue
        yield _Sample(entry, float((encoder.encode_images(views) @ vectors.of([entry])[0]).max()))


def _views(content: bytes) -> list[Pixels]:
    """Return the picture as we read it and, where it is not too large, as the testbed does.

    It neither turns a photo upright nor looks at its colour profile, nor puts what is transparent on white.
    """
    picture = inspect(BytesIO(content), limits=decode_limits())  # keeps the limits of decoding
    facts = picture.facts
    if facts.format not in FORMATS or facts.width_px * facts.height_px > LARGEST_PLAIN_PX:
        return [picture.pixels]
    try:
        with PillowImage.open(BytesIO(content), formats=[facts.format]) as plain:
            return [picture.pixels, plain.convert("RGB")]
    except (OSError, ValueError):  # a picture that only our way of reading understands
        return [picture.pixels]


def may_be_testbed_model(encoder_id: str) -> bool:
    """Say whether an index of this encoder may hold the testbed's kind of vectors, as far as can be told without any.

    That is the model by its name, or a folder with CLIP weights, which is taken at its operator's word.
    """
    if not encoder_id.startswith(CLIP_PREFIX):
        return False
    model = encoder_id.removeprefix(CLIP_PREFIX)
    if model == DEFAULT_CLIP_MODEL:
        return True
    try:
        configuration = json.loads((Path(model).expanduser() / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(configuration, dict) and configuration.get("model_type") == "clip"
