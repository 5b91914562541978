"""Names of files as programs send them: bad letters are replaced, and no file is lost for its name."""

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from gallery.models import Image
from gallery.multipart_forms import MendedHeads, mended_head
from tests.conftest import drawn_picture
from tests.integration.api_client import API, Api

PICTURE = drawn_picture()
NAMES = {
    "utf-8": (b'filename="\xe7\x8c\xab.png"', "猫.png"),
    "gbk": (b'filename="%s"' % "照片.png".encode("gbk"), "\ufffd\ufffd\u01ac.png"),
    "latin-1": (b'filename="caf\xe9.png"', "caf\ufffd.png"),
    "shift-jis with a backslash": (b'filename="%s"' % "ソ.png".encode("shift-jis"), "\ufffd.png"),
    "shift-jis ending in a backslash": (b'filename="%s"' % "aソ".encode("shift-jis"), "a\ufffd"),
    "rfc 5987": (b"filename*=UTF-8''%E7%8C%AB.png", "猫.png"),
    "rfc 5987 beside a plain one": (b"filename=\"x.png\"; filename*=UTF-8''%E7%8C%AB.png", "猫.png"),
    "rfc 5987 in gbk": (b"filename*=gbk''%C3%A8.png", "猫.png"),
    "rfc 5987 in no charset": (b"filename*=nonsense''a%20b.png", "a b.png"),
    "rfc 5987 in a codec that is no charset": (b"filename*=bz2_codec''a.png", "a.png"),
    "rfc 5987 with bad letters": (b"filename*=UTF-8''caf%E9.png", "caf\ufffd.png"),
    "overlong": (b'filename="%s.png"' % (b"n" * 3_000), "n" * 251 + ".png"),
    "overlong and percent-encoded": (b"filename*=UTF-8''" + b"%E7%8C%AB" * 220 + b".png", "猫" * 220 + ".png"),
    "long emoji": (b'filename="%s.png"' % ("😀" * 250).encode(), "😀" * 174 + ".png"),
    "nul": (b'filename="a\0b.png"', "ab.png"),
    "joiners": (b'filename="%s"' % "می\u200cخواهم.png".encode(), "می\u200cخواهم.png"),
    "windows path": (b'filename="C:\\Users\\me\\cat.png"', "cat.png"),
    "quotes": (b'filename="a\\"b.png"', 'a"b.png'),
    "nothing to see": (b'filename=".."', "MD5.png"),
    "only bad letters": (b'filename="\xff\xfe"', "\ufffd\ufffd"),
}


def form(field: str, disposition: bytes, *lines: bytes) -> bytes:
    head = b'Content-Disposition: form-data; name="%s"; %s' % (field.encode(), disposition)
    text = b'--edge\r\nContent-Disposition: form-data; name="description"\r\n\r\n' + "说明".encode() + b"\r\n"
    part = b"--edge\r\n" + b"\r\n".join([head, b"Content-Type: image/png", *lines]) + b"\r\n\r\n" + PICTURE
    return text + part + b"\r\n--edge--\r\n"


KIND = "multipart/form-data; boundary=edge"


@pytest.fixture(autouse=True)
def no_embedding(quick_encoder, quick_worker):
    quick_worker.works = False


@pytest.mark.parametrize("name", NAMES)
def test_no_file_is_lost_for_its_name(alice, name):
    disposition, shown = NAMES[name]

    response = Api(alice).client.post(f"{API}/images/", form("file", disposition), content_type=KIND)

    assert response.status_code == 201, response.content
    image = Image.objects.get()
    assert image.original_name == shown.replace("MD5", image.md5)
    assert (image.description, image.size_bytes) == ("说明", len(PICTURE))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("url", ["/upload/", "/upload/file/"])
def test_no_file_is_lost_for_its_name_on_pages(alice, name, url):
    disposition, shown = NAMES[name]
    browser = Client()
    browser.force_login(alice)

    response = browser.post(url, form("files", disposition), content_type=KIND)

    assert response.status_code in (200, 201)
    image = Image.objects.get()
    assert image.original_name == shown.replace("MD5", image.md5)


@pytest.mark.parametrize(("url", "field"), [("/search/", "picture"), (f"{API}/search/", "image")])
@pytest.mark.parametrize("name", ["gbk", "overlong", "rfc 5987 in no charset"])
def test_search_with_a_picture_reads_it_whatever_its_name(alice, url, field, name):
    response = Client().post(url, form(field, NAMES[name][0]), content_type=KIND)

    assert response.status_code == (302 if url == "/search/" else 200)


def test_further_lines_of_a_head_lose_no_file(alice):
    body = form("file", b'filename="a.png"', b"X-Long: " + b"x" * 2_000)

    assert Api(alice).client.post(f"{API}/images/", body, content_type=KIND).json()["name"] == "a.png"


def test_field_without_a_chosen_file_is_still_none(alice):
    empty = b'--edge\r\nContent-Disposition: form-data; name="files"; filename=""\r\n\r\n\r\n--edge--\r\n'
    browser = Client()
    browser.force_login(alice)

    assert browser.post("/upload/", empty, content_type=KIND).status_code == 400


class Trickle:
    """Gives a few bytes at a time, as a slow connection does."""

    def __init__(self, content: bytes, step: int) -> None:
        self.content, self.step = content, step

    def read(self, size: int, /) -> bytes:
        given, self.content = self.content[: self.step], self.content[self.step :]
        return given


def read_all(stream: MendedHeads) -> bytes:
    return b"".join(iter(lambda: stream.read(7), b""))


@given(st.integers(1, 64), st.binary(max_size=200))
def test_plain_forms_are_handed_on_unchanged(step, content):
    body = b'--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + content + b"\r\n--edge--\r\n"

    assert read_all(MendedHeads(Trickle(body, step), b"--edge")) == body


@given(st.integers(1, 64), st.binary(max_size=300))
def test_whatever_comes_is_read_to_its_end(step, body):
    read_all(MendedHeads(Trickle(b"--edge" + body, step), b"--edge"))


@given(st.binary(max_size=3_000))
def test_any_name_makes_a_head_that_fits(name):
    head = mended_head(b'\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"')

    assert len(head) + 4 <= 1_024
    head.decode("utf-8")
