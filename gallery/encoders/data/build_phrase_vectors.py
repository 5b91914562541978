"""Write phrase_vectors.npz: `python -m gallery.encoders.data.build_phrase_vectors` (some minutes)."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gallery.encoders.offline import load_sentence_encoder
from gallery.encoders.offline.concepts import PHRASE_VECTORS_FILE, quantized, read_phrases


def phrase_codes(phrases: Sequence[str]) -> npt.NDArray[np.int8]:
    """Return (len(phrases), 512) int8: each phrase in the space of the sentence encoder."""
    sentences = load_sentence_encoder()
    rows = np.stack([sentences.encode(phrase) for phrase in phrases])
    return quantized(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def main() -> None:
    np.savez(PHRASE_VECTORS_FILE, codes=phrase_codes(list(read_phrases())))


if __name__ == "__main__":
    main()
