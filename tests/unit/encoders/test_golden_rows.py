"""What a revision means: rows of the same picture and the same text do not change while it has the same name."""

import numpy as np
import pytest

from gallery.encoders.base import Encoder, EncoderKey
from gallery.encoders.offline import encoder as offline_encoder
from gallery.errors import EncoderMismatch, EncoderRevisionMismatch
from tests.unit.encoders.golden_rows import FILE, PICTURES, SKETCH_NUMBERS, TEXTS, distance, kept, sketched, sketches

# Other numbers of threads and other instruction sets (SSE4.1, AVX2, AVX-512) move a sketch by 0.00001; a hundredth more
# or less of a constant of `offline` moves some by 0.003 and more.
TOLERANCE = 2e-4


def moved(encoder: Encoder) -> dict[str, float]:
    """Return how far each sketch is from the golden one, where that is more than rounding explains."""
    revision, golden = encoder.key.revision, kept()
    assert revision in golden, (
        f"{FILE.name} has no rows of “{revision}”. If the revision is meant to be new, add them: "
        "python -m tests.unit.encoders.golden_rows"
    )
    found = {name: distance(sketch, golden[revision][name]) for name, sketch in sketches(encoder).items()}
    return {name: by for name, by in found.items() if by > TOLERANCE}


def test_rows_of_offline_change_with_its_revision_only(offline):
    changed = moved(offline)

    assert changed == {}, (
        f"Rows of “{offline.key}” are no longer those that libraries have stored, which would be compared with them. "
        "Undo the change, or name another revision in OfflineEncoder.key (so that libraries are made anew) and run: "
        f"python -m tests.unit.encoders.golden_rows. Moved: {changed}"
    )


@pytest.mark.parametrize(
    ("constant", "value", "names"),
    [
        ("CLASSES_SCALE", 0.606, [*PICTURES, "a red car in the snow", "蓝色的杯子"]),
        ("THING_IN_TEXT", 0.2424, [*TEXTS]),
        ("COLOUR_WORTH", 0.404, ["a red car in the snow", "蓝色的杯子"]),
    ],
)
def test_a_small_change_of_offline_is_seen(offline, monkeypatch, constant, value, names):
    monkeypatch.setattr(offline_encoder, constant, value)
    monkeypatch.setattr(offline, "_asked_for", offline._ask_for)  # nothing that was kept of before

    assert list(moved(offline)) == names


def test_rounding_of_another_machine_is_no_change(offline, monkeypatch):
    noise = np.random.default_rng(0)
    for name in ("encode_images", "encode_texts"):
        exact = getattr(offline, name)
        rounded = lambda inputs, exact=exact: exact(inputs) + noise.normal(0, 1e-6, (len(inputs), 1280))  # noqa: E731
        monkeypatch.setattr(offline, name, rounded)

    assert moved(offline) == {}


def test_a_revision_without_golden_rows_says_how_to_add_them(offline, monkeypatch):
    monkeypatch.setattr(offline, "key", EncoderKey("offline", "another"), raising=False)

    with pytest.raises(AssertionError, match=r"no rows of “another”.*python -m tests\.unit\.encoders\.golden_rows"):
        moved(offline)


def test_sketch_keeps_distances_about():
    rows = np.random.default_rng(1).standard_normal((200, 1280)).astype(np.float32)

    found = np.linalg.norm(sketched(rows), axis=1) / np.linalg.norm(rows, axis=1)

    assert sketched(rows).shape == (200, SKETCH_NUMBERS)
    assert (found.min(), found.max()) == (pytest.approx(1, abs=0.6), pytest.approx(1, abs=0.6))


def test_the_same_key_is_the_same_encoder():
    EncoderKey("offline", "1").require_same(EncoderKey("offline", "1"))


@pytest.mark.parametrize(
    ("index", "error"),
    [(EncoderKey("offline", "2"), EncoderRevisionMismatch), (EncoderKey("clip:model", "1"), EncoderMismatch)],
)
def test_another_key_is_refused_with_both_and_the_remedy(index, error):
    with pytest.raises(EncoderMismatch) as caught:
        EncoderKey("offline", "1").require_same(index)

    assert type(caught.value) is error
    assert f"made by “{index}”" in str(caught.value)
    assert "“offline (1)”" in str(caught.value)
    assert "reindex --encoder offline" in str(caught.value)
