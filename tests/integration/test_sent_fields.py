"""What comes twice, or under a name that nobody reads, is refused before anything is stored."""

from base64 import b64encode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from gallery.models import Image
from tests.conftest import drawn_picture
from tests.integration.api_client import API, Api
from tests.integration.test_pages_upload import UPLOAD, UPLOAD_FILE, assert_nothing_stored, file_of

pytestmark = pytest.mark.usefixtures("quick_encoder")


def pictures(count: int) -> list[SimpleUploadedFile]:
    return [file_of(f"{number}.png", drawn_picture(size=(8 + number, 8))) for number in range(count)]


def refused(response, code: str) -> dict:
    assert response.status_code == 400, response.content
    assert response.json()["code"] == code
    return response.json()


@pytest.mark.parametrize("count", [2, 3, 100, 101])
def test_several_files_in_an_upload_are_refused_with_the_limit(alice, data_dir, count):
    body = refused(Api(alice).post_form("/images/", file=pictures(count)), "several_files")

    assert body["details"] == {"field": "file", "count": count, "limit": 1}
    assert "the limit is 1" in body["message"]
    assert_nothing_stored(data_dir)


@pytest.mark.parametrize("fields", [{"file": 1, "image": 1}, {"image": 1}, {"file": 1, "tags": 1}, {"files": 2}])
def test_files_under_other_names_in_an_upload_are_refused(alice, data_dir, fields):
    sent = {name: pictures(count) for name, count in fields.items()}

    refused(Api(alice).post_form("/images/", **sent), "unknown_file_field")

    assert_nothing_stored(data_dir)


@pytest.mark.parametrize("field", ["description", "visibility"])
def test_a_repeated_field_of_an_upload_is_refused(alice, data_dir, field):
    sent = {field: ["private", "public"]}

    body = refused(Api(alice).post_form("/images/", file=pictures(1), **sent), "repeated_field")

    assert body["details"] == {"field": field, "count": 2}
    assert_nothing_stored(data_dir)


def test_a_text_and_a_file_of_one_name_are_refused(alice, data_dir):
    head = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--b\r\n'
    file = b'Content-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + drawn_picture() + b"\r\n--b--\r\n"

    response = Api(alice).client.post(f"{API}/images/", head + file, content_type="multipart/form-data; boundary=b")

    refused(response, "repeated_field")
    assert_nothing_stored(data_dir)


def test_a_change_takes_no_file_and_no_field_twice(alice, upload):
    image = upload(alice, content=drawn_picture(), description="kept")
    kind = "multipart/form-data; boundary=b"
    twice = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="description"\r\n\r\n%s\r\n' % text for text in (b"one", b"two")
    )
    file = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\nx\r\n'
    path = f"{API}/images/{image.pk}/"

    refused(Api(alice).client.patch(path, twice + b"--b--\r\n", content_type=kind), "repeated_field")
    refused(Api(alice).client.patch(path, file + b"--b--\r\n", content_type=kind), "unexpected_file")

    assert Image.objects.get().description == "kept"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"image": 2}, "several_files"),
        ({"image": 1, "file": 1}, "unknown_file_field"),
        ({"picture": 1}, "unknown_file_field"),
    ],
)
def test_several_or_misnamed_pictures_of_a_search_are_refused(alice, upload, sent, code):
    upload(alice, content=drawn_picture())
    files = {name: pictures(count) for name, count in sent.items()}

    refused(Api(alice).post_form("/search/", text="red", **files), code)


@pytest.mark.parametrize("field", ["text", "top"])
def test_a_repeated_field_of_a_search_is_refused(alice, field):
    refused(Api(alice).post_form("/search/", **({"text": "red"} | {field: ["1", "2"]})), "repeated_field")


def test_a_list_of_pictures_in_json_is_refused_with_the_limit(alice):
    encoded = b64encode(drawn_picture()).decode()

    body = refused(Api(alice).post("/search/", {"image": [encoded, encoded]}), "several_files")

    assert body["details"] == {"field": "image", "count": 2, "limit": 1}


@pytest.mark.parametrize("body", ['{"image": "%s", "image": "%s"}', '{"text": "red", "text": "blue"}'])
def test_json_of_a_search_that_names_something_twice_is_refused(alice, body):
    encoded = [b64encode(content).decode() for content in (drawn_picture("red"), drawn_picture("blue"))]

    refused(Api(alice).post("/search/", body % tuple(encoded) if "%s" in body else body), "repeated_field")


def test_json_of_a_change_that_names_something_twice_is_refused(alice, upload):
    image = upload(alice)
    body = '{"description": "one", "description": "two"}'

    answer = Api(alice).client.patch(f"{API}/images/{image.pk}/", body, content_type="application/json")

    assert refused(answer, "repeated_field")["details"] == {"field": "description", "count": 2}
    image.refresh_from_db()
    assert image.description == ""


def test_json_may_begin_with_a_byte_order_mark(alice, upload):
    path = f"{API}/images/{upload(alice).pk}/"
    body = '\ufeff{"description": "one"}'

    answer = Api(alice).client.patch(path, body.encode(), content_type="application/json")

    assert (answer.status_code, answer.json()["description"]) == (200, "one")


def test_tags_may_be_repeated(alice, upload):
    assert Api(alice).post_form("/images/", file=pictures(1), tags=["a", "b"]).json()["tags"] == ["a", "b"]
    assert Api(alice).post_form("/search/", image=pictures(1), tags=["a", "b"]).status_code == 200


@pytest.mark.parametrize(
    ("sent", "words"),
    [({"picture": 2}, "the limit is 1"), ({"picture": 1, "image": 1}, "“image”"), ({"file": 1}, "“picture”")],
)
def test_several_or_misnamed_pictures_on_the_search_page_are_refused(alice, sent, words):
    response = Client().post("/search/", {name: pictures(count) for name, count in sent.items()})

    assert response.status_code == 400
    assert words in response.content.decode()


@pytest.mark.parametrize("url", [UPLOAD, UPLOAD_FILE])
def test_files_under_other_names_on_the_upload_page_are_refused(alice, data_dir, url):
    browser = Client()
    browser.force_login(alice)

    response = browser.post(url, {"files": pictures(1), "file": pictures(1)})

    assert response.status_code == 400
    assert "where none is taken" in response.content.decode()
    assert_nothing_stored(data_dir)


def test_several_files_on_the_upload_page_are_all_stored(alice):
    browser = Client()
    browser.force_login(alice)

    assert browser.post(UPLOAD, {"files": pictures(3)}).status_code == 200
    assert Image.objects.count() == 3
