"""Real pictures read by the real networks: both languages, turned, none, hostile sizes."""

import pytest
from PIL import Image

from gallery.reading import Line, Reader
from tests.written_pictures import CHINESE_LINES, drawn, drawn_chinese


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def texts(lines: tuple[Line, ...]) -> list[str]:
    return [line.text for line in lines]


def test_reads_lines_from_above_to_below(reader):
    lines = reader.read(drawn("THE GARAGE", "open 12:30"))

    assert texts(lines) == ["THE GARAGE", "open 12:30"]
    assert all(line.confidence > 0.9 for line in lines)


def test_reads_chinese(reader):
    assert texts(reader.read(drawn_chinese())) == [*CHINESE_LINES]


@pytest.mark.parametrize("degrees", [90, 180, 270, 12])
def test_reads_turned_and_slanted_text(reader, degrees):
    assert texts(reader.read(drawn("PARKING STATION", degrees=degrees))) == ["PARKING STATION"]


def test_box_is_where_the_line_stands(reader):
    picture = Image.new("RGB", (800, 600), "white")
    picture.paste(drawn("GARAGE"), (400, 300))

    [line] = reader.read(picture)

    (left, top), _upper_right, (right, bottom), _lower_left = line.box
    assert 0.5 < left < 0.6 < right < 0.85
    assert 0.5 < top < 0.6 < bottom < 0.72
    assert Line.of_json(line.as_json()) == line


def test_without_text_nothing_is_read_and_the_quick_look_says_so(reader, monkeypatch):
    plain = Image.linear_gradient("L").convert("RGB").resize((640, 480))

    monkeypatch.setattr(reader, "read_all", pytest.fail)

    assert reader.read(plain) == ()


@pytest.mark.parametrize("size", [(1, 1), (1, 5_000), (5_120, 8), (9, 9), (5_120, 256)])
def test_pictures_of_odd_sizes_are_read_as_others(reader, size):
    assert reader.read(Image.new("RGB", size, "white")) == ()


def test_noise_has_no_text(reader):
    assert reader.read(Image.effect_noise((700, 500), 80).convert("RGB")) == ()
