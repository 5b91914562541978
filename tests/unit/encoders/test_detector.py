"""What the detector says of its network's answer, and what it recognises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.encoders.abilities import SeesThings
from gallery.encoders.clip import ClipEncoder
from gallery.encoders.offline import nanodet
from gallery.encoders.offline.belief import Belief
from gallery.encoders.offline.concepts import CLASSES, read_phrases, thing_names
from gallery.encoders.offline.detector import LONGER_SIDES_PX, Detector, answer_of, detection, input_size
from gallery.encoders.offline.layout import THINGS_PART
from gallery.encoders.offline.wheels import load_detector
from gallery.errors import EncoderUnavailable

PERSON, BIRD, CAT, DOG, FRISBEE = 0, 14, 15, 16, 29
ROBIN, COBRA = 15, 63  # classes of the classifier
FINE_PLACES, PLACES = 8 * 8, 8 * 8 + 4 * 4 + 2 * 2  # of a picture of 64 x 64 pixels


@pytest.fixture(scope="module")
def belief():
    return Belief()


@pytest.fixture
def answer():
    """The network's answer to 64 x 64 pixels that show nothing."""
    return np.zeros((PLACES, 80), np.float32), np.ones((PLACES, 4), np.float32)


def detected(*answers):
    """Return what is made of the network's answers to one picture of 64 x 64 pixels."""
    return detection([answer_of(*answer, (64, 64)) for answer in answers])


def test_detection_of_nothing_is_empty(answer):
    found = detected(answer, answer)

    assert found.things == ()
    assert found.confidences.shape == (80,)
    assert not found.confidences.any()


def test_detection_gives_the_box_as_shares_of_the_picture(answer):
    scores, distances = answer
    scores[FINE_PLACES + 5, DOG] = 0.8  # the second row and column of the level of 16 pixels: its middle is (24, 24)
    distances[FINE_PLACES + 5] = (1, 0.5, 1.5, 1)

    (dog,) = detected(answer).things

    assert (dog.place, dog.confidence, dog.box) == (DOG, 0.8, (0.125, 0.25, 0.625, 0.375))


def test_detection_counts_boxes_of_one_place_once(answer):
    scores, distances = answer
    scores[FINE_PLACES + 5 : FINE_PLACES + 7, DOG] = 0.8, 0.6
    distances[FINE_PLACES + 5 : FINE_PLACES + 7] = (1.5, 1, 1.5, 1), (2.5, 1, 0.5, 1)

    (dog,) = detected(answer).things

    assert dog.confidence == 0.8


def test_detection_keeps_boxes_of_two_names_and_of_two_places(answer):
    scores, _distances = answer
    scores[FINE_PLACES, [CAT, DOG]] = 0.7, 0.6
    scores[FINE_PLACES + 15, DOG] = 0.5

    found = detected(answer)

    assert [(thing.place, thing.confidence) for thing in found.things] == [(CAT, 0.7), (DOG, 0.6), (DOG, 0.5)]


def test_detection_is_surer_of_what_both_sizes_show(answer):
    scores, distances = answer
    scores[FINE_PLACES + 5, DOG] = 0.8
    only_cat = np.zeros_like(scores)
    only_cat[FINE_PLACES + 5, [CAT, DOG]] = 0.6, 0.4

    found = detected(answer, (only_cat, distances))

    assert [(thing.place, thing.confidence) for thing in found.things] == [(DOG, 0.6), (CAT, 0.3)]
    np.testing.assert_allclose(found.confidences[[DOG, CAT]], (0.6, 0.3), rtol=1e-6)


def test_detection_of_two_sizes_counts_the_boxes_of_one_place_once(answer):
    scores, distances = answer
    scores[FINE_PLACES + 5, DOG] = 0.8
    distances[FINE_PLACES + 5] = 1.5

    assert len(detected(answer, answer).things) == 1


@given(
    confidences=st.lists(st.floats(0, 1), min_size=80, max_size=80),
    logits=st.lists(st.floats(-9, 9), min_size=1000, max_size=1000),
    plainest=st.floats(0, 1),
)
def test_belief_is_no_more_than_the_confidence_and_grows_with_it(belief, confidences, logits, plainest):
    seen, classes = np.array(confidences), np.exp(logits) / np.exp(logits).sum()

    weights = belief.weights(seen, classes, plainest=plainest)
    of_less = belief.weights(seen / 2, classes, plainest=plainest)

    assert (weights >= 0).all()
    assert (weights <= seen + 1e-6).all()
    assert (of_less <= weights).all()


def test_belief_is_less_where_another_class_is_plain(belief):
    """A bird in the picture of a snake is the snake's head; in a scene it may be a bird."""
    seen, of_birds, of_snakes = np.full(80, 0.6), np.zeros(1000), np.zeros(1000)
    of_birds[ROBIN], of_snakes[COBRA] = 0.5, 0.5

    bird = belief.weights(seen, of_birds, plainest=0.5)[BIRD]
    snake = belief.weights(seen, of_snakes, plainest=0.5)[BIRD]
    scene = belief.weights(seen, np.full(1000, 0.001), plainest=0.05)[BIRD]

    assert snake < scene < bird


def test_belief_in_what_no_class_is_called_does_not_ask_the_classes(belief):
    seen, of_birds = np.full(80, 0.6), np.zeros(1000)
    of_birds[ROBIN] = 0.5

    frisbees = [belief.weights(seen, classes, plainest=0.05)[FRISBEE] for classes in (of_birds, np.zeros(1000))]

    assert frisbees[0] == frisbees[1] > 0.2


@pytest.mark.parametrize("longer_px", LONGER_SIDES_PX)
@given(width_px=st.integers(1, 20_000), height_px=st.integers(1, 20_000))
def test_input_size_is_whole_cells_and_at_most_the_longer_side(longer_px, width_px, height_px):
    size_px = input_size((width_px, height_px), longer_px)

    assert max(size_px) == longer_px
    assert min(size_px) >= 32
    assert [side_px % 32 for side_px in size_px] == [0, 0]


def test_detector_finds_the_cat_where_it_is(picture):
    best = Detector().detect(picture("chelsea.png")).things[0]

    left, top, width, height = best.box
    assert thing_names()[best.place].english == "cat"
    assert best.confidence > 0.4
    assert width * height > 0.5
    assert left + width <= 1
    assert top + height <= 1


def test_offline_look_gives_the_rows_of_encode_images_and_the_things(offline, picture):
    images = [picture("chelsea.png"), picture("coffee.png")]

    looks = offline.look(images)

    np.testing.assert_array_equal(np.stack([look.row for look in looks]), offline.encode_images(images))
    assert [thing.name for thing in looks[0].things if thing.is_sure] == ["cat"]
    assert "cat" not in {thing.name for thing in looks[1].things}
    assert looks[0].row[THINGS_PART].argmax() == CAT


def test_offline_sees_things_and_clip_does_not(offline):
    assert isinstance(offline, SeesThings)
    assert not issubclass(ClipEncoder, SeesThings)


def test_thing_names_are_80_with_one_chinese_name_each():
    names = thing_names()

    assert (len(names), names[0].english, names[0].chinese, names[79].english) == (80, "person", "人", "toothbrush")
    assert len({name.chinese for name in names}) == 80


@pytest.mark.parametrize("text", ["a dog and a cat", "dogs, cats", "一只狗和一只猫", "猫或狗"])
def test_offline_text_of_two_things_asks_for_both_alike(offline, text):
    row = offline.encode_texts([text])[0][THINGS_PART]

    assert sorted(np.argsort(-row)[:2]) == [CAT, DOG]
    assert row[[CAT, DOG]].min() > 0.7 * row.max()


@pytest.mark.parametrize("phrase", ["woman", "child", "孩子", "crowd", "人群"])
def test_a_kind_of_person_is_what_a_seen_person_may_or_may_not_be(phrase):
    """The detector cannot tell a woman from a man, so that a person says only a part of what is asked."""
    phrases = read_phrases()

    assert phrases["person"][CLASSES + PERSON] == 1
    assert 0.3 < phrases[phrase][CLASSES + PERSON] <= 0.7


def test_what_the_detector_sees_itself_is_guessed_less_from_the_classes():
    phrases = read_phrases()

    assert max(share for place, share in phrases["giraffe"].items() if place < CLASSES) <= 0.3
    assert max(share for place, share in phrases["dog"].items() if place < CLASSES) == 1


@pytest.mark.parametrize("content", [None, b"", b"no weights at all"])
def test_detector_without_its_file_is_one_plain_sentence(monkeypatch, tmp_path, content):
    path = tmp_path / "nanodet.safetensors"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(nanodet, "WEIGHTS_FILE", path)

    with pytest.raises(EncoderUnavailable, match="Restore this file of the program: nanodet"):
        load_detector()
