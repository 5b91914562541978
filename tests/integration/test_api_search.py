"""Searching over the API: with words, with a picture, narrowed, counted and refused."""

from base64 import b64encode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery.models import Image, QueryPicture
from tests.conftest import drawn_picture, sample_bytes
from tests.integration.api_client import API, Api, ids


def encoded(name: str) -> str:
    return b64encode(sample_bytes(name)).decode()


@pytest.fixture
def photos_of_alice(alice, upload):
    names = ("chelsea.png", "coffee.png", "rocket.jpg")
    return {name: upload(alice, name, tags=name.partition(".")[0], visibility="public") for name in names}


def test_words_find_the_picture_in_both_languages(photos_of_alice):
    cat = photos_of_alice["chelsea.png"]
    api = Api()

    for answer in (
        api.json("/search/", q="a cat", top=1),
        api.json("/search/", q="一只猫", top=1),
        api.post("/search/", {"text": "一只猫", "top": 1}).json(),
        api.post_form("/search/", text="a cat", top="1").json(),
    ):
        [result] = answer["results"]
        assert (result["id"], result["md5"], result["name"]) == (cat.pk, cat.md5, "chelsea.png")
        assert (answer["encoder"], answer["searched"]) == ("offline", 3)
        assert -1 <= result["score"] <= 1
        assert result["confident"] in (True, False)
        assert result["urls"]["self"].endswith(f"{API}/images/{cat.pk}/")
        assert answer["milliseconds"] > 0


def test_results_come_best_first_and_as_many_as_asked(photos_of_alice):
    for top, expected in ((1, 1), (2, 2), (3, 3), (200, 3)):
        scores = [row["score"] for row in Api().json("/search/", q="a rocket", top=top)["results"]]
        assert len(scores) == expected
        assert scores == sorted(scores, reverse=True)


def test_a_picture_finds_itself_as_a_file_and_as_base64_and_is_not_kept(photos_of_alice):
    api = Api()
    file = SimpleUploadedFile("query.png", sample_bytes("coffee.png"))

    answers = [
        api.post_form("/search/", image=file, top=1),
        api.post("/search/", {"image": encoded("coffee.png"), "top": 1}),
        api.post("/search/", {"image": f"data:image/png;base64,{encoded('coffee.png')}", "top": 1, "text": None}),
    ]

    for answer in answers:
        assert ids(answer.json()) == [photos_of_alice["coffee.png"].pk]
        assert answer.json()["results"][0]["score"] == pytest.approx(1.0, abs=0.001)
    assert QueryPicture.objects.count() == 0
    assert Image.objects.count() == 3


def test_a_text_and_a_picture_mean_both(alice, upload, quick_encoder):
    """Lime and blue are equally far from red: the picture decides between them, the words remain first."""
    images = {colour: upload(alice, content=drawn_picture(colour)).pk for colour in ("red", "lime", "blue")}
    api = Api(alice)

    for colour, other in (("lime", "blue"), ("blue", "lime")):
        content = drawn_picture(colour, size=(9, 9))
        expected = [images["red"], images[colour], images[other]]
        assert ids(api.post("/search/", {"text": "red", "image": b64encode(content).decode()}).json()) == expected
        assert ids(api.post_form("/search/", text="red", image=SimpleUploadedFile("x.png", content)).json()) == expected


def test_tags_narrow_a_search(photos_of_alice):
    coffee = photos_of_alice["coffee.png"]
    api = Api()

    assert ids(api.json("/search/", q="a cat", tag="Coffee")) == [coffee.pk]
    assert ids(api.post("/search/", {"text": "a cat", "tags": ["coffee"]}).json()) == [coffee.pk]
    assert ids(api.post_form("/search/", text="a cat", tags="coffee").json()) == [coffee.pk]
    assert ids(api.json("/search/", q="a cat", tag=["coffee", "rocket"])) == []


def test_a_token_that_may_only_read_may_search_with_a_picture(alice, photos_of_alice):
    response = Api(alice, read_only=True).post("/search/", {"image": encoded("coffee.png")})

    assert response.status_code == 200


@pytest.mark.parametrize("top", ["0", "-1", "1000", "abc", "1.5", "true", "9" * 5000])
def test_a_number_of_results_that_cannot_be_is_refused_everywhere(photos_of_alice, top):
    image = photos_of_alice["coffee.png"]
    api = Api()

    answers = [
        api.get("/search/", q="cat", top=top),
        api.post("/search/", {"text": "cat", "top": top}),
        api.post_form("/search/", text="cat", top=top),
        api.get(f"/images/{image.pk}/similar/", top=top),
    ]

    assert [answer.status_code for answer in answers] == [400] * 4
    assert {answer.json()["code"] for answer in answers} == {"invalid_top"}
    assert {answer.json()["details"]["limit"] for answer in answers} == {200}


@pytest.mark.parametrize("top", [0, -1, 201, 1.5, True, [], {}, "x"])
def test_a_number_of_results_in_json_may_be_no_other_thing(db, top):
    assert Api().post("/search/", {"text": "cat", "top": top}).json()["code"] == "invalid_top"


def test_the_limit_of_results_is_a_setting(db, limits_of):
    limits_of(max_results=20)

    assert Api().get("/search/", q="cat", top=20).status_code == 200
    assert Api().get("/search/", q="cat", top=21).json()["details"] == {"value": "21", "limit": 20}
    assert Api().get("/search/", q="cat").status_code == 200


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "empty_query"),
        ({"q": ""}, "empty_query"),
        ({"q": "  \n"}, "empty_query"),
        ({"q": "?!"}, "query_without_words"),
        ({"q": "x" * 501}, "query_too_long"),
        ({"q": "a\x00b"}, "query_with_control_characters"),
        ({"q": "cat", "tag": "x" * 65}, "invalid_tag"),
    ],
)
def test_a_query_that_cannot_be_is_refused(db, query, code):
    response = Api().get("/search/", **query)

    assert (response.status_code, response.json()["code"]) == (400, code)


@pytest.mark.parametrize(
    ("body", "code", "fields"),
    [
        ({}, "empty_query", None),
        ({"text": None, "image": None}, "empty_query", None),
        ({"text": {}}, "invalid", ["text"]),
        ({"text": "a\x00b"}, "invalid", ["text"]),
        ({"text": "\ud800"}, "invalid", ["text"]),
        ({"text": "?!", "image": b64encode(drawn_picture()).decode()}, "query_without_words", None),
        ({"image": "not base64!"}, "invalid", ["image"]),
        ({"image": 5}, "invalid", ["image"]),
        ({"image": ""}, "empty_file", None),
        ({"image": b64encode(b"hello").decode()}, "unsupported_format", None),
        ({"text": "cat", "tags": 7}, "invalid", ["tags"]),
    ],
)
def test_a_body_that_cannot_be_is_refused(db, body, code, fields):
    response = Api().post("/search/", body)

    assert response.json()["code"] == code
    assert response.status_code == (415 if code == "unsupported_format" else 400)
    if fields:
        assert list(response.json()["details"]) == fields


def test_a_form_whose_picture_is_a_text_is_refused(db):
    assert list(Api().post_form("/search/", image="chelsea.png").json()["details"]) == ["image"]


def test_an_encoder_that_cannot_be_used_is_an_error_not_an_empty_result(photos_of_alice, limits_of):
    limits_of(encoder="clip:nowhere/nothing")

    response = Api().get("/search/", q="cat")

    assert (response.status_code, response.json()["code"]) == (409, "encoder_mismatch")


def test_a_damaged_index_is_an_error_that_tells_no_folder(photos_of_alice, data_dir):
    from gallery.search_index import reset_search_index

    [file] = (data_dir / "vectors").glob("embeddings-*.npy")
    file.write_bytes(b"garbage")
    reset_search_index()

    response = Api().get("/search/", q="cat")

    assert (response.status_code, response.json()["code"]) == (503, "store_damaged")
    assert file.name in response.json()["message"]
    assert str(data_dir) not in response.content.decode()
    assert Api().client.get("/readyz").json()["parts"]["index"] == "store_damaged"


@pytest.mark.parametrize("path", ["/search/?q=square", "similar"])
@pytest.mark.usefixtures("never_at_rest")
def test_searches_ask_as_often_for_one_as_for_three(alice, upload, path):
    api = Api(alice)
    first = upload(alice, content=drawn_picture("red"), tags="a")
    upload(alice, content=drawn_picture("white"), tags="b, a")
    path = f"/images/{first.pk}/similar/?top=" if path == "similar" else f"{path}&top="
    api.get(f"{path}1")
    with CaptureQueriesContext(connection) as one:
        assert len(api.json(f"{path}1")["results"]) == 1
    upload(alice, content=drawn_picture("blue"), tags="c, d")
    upload(alice, content=drawn_picture("green"), tags="e, f")
    api.get(f"{path}3")
    with CaptureQueriesContext(connection) as three:
        assert len(api.json(f"{path}3")["results"]) == 3

    assert len(three) == len(one)


def test_a_misspelt_word_is_searched_as_what_is_meant_and_named(photos_of_alice):
    answer = Api().json("/search/", q="a kittne", top=1)

    assert [row["name"] for row in answer["results"]] == ["chelsea.png"]
    assert (answer["suggestion"], answer["understood"]) == ("a kitten", "a kitten")


def test_a_misspelt_word_is_searched_as_typed_where_that_is_wanted(photos_of_alice):
    answers = [
        Api().json("/search/", q="a kittne", as_typed="true"),
        Api().post_form("/search/", text="a kittne", as_typed="true").json(),
        Api().post("/search/", {"text": "a kittne", "as_typed": True}).json(),
    ]

    assert [(answer["suggestion"], answer["understood"]) for answer in answers] == [("a kitten", None)] * 3
    assert answers[0]["results"][0]["score"] != Api().json("/search/", q="a kittne")["results"][0]["score"]


def test_how_words_are_taken_is_yes_or_no(photos_of_alice):
    assert Api().get("/search/", q="a cat", as_typed="perhaps").status_code == 400


def test_a_word_that_the_encoder_does_not_know_is_only_suggested(quick_encoder, photos_of_alice):
    answer = Api().json("/search/", q="a dgo", top=1)

    assert (answer["suggestion"], answer["understood"]) == ("a dog", None)


def test_words_that_are_right_and_pictures_have_no_suggestion(photos_of_alice):
    for answer in (
        Api().json("/search/", q="a kitten", top=1),
        Api().post("/search/", {"image": encoded("coffee.png"), "top": 1}).json(),
    ):
        assert (answer["suggestion"], answer["understood"]) == (None, None)


@pytest.mark.parametrize("is_form", [True, False])
def test_next_page_of_a_body_is_had_by_sending_it_again(alice, upload, quick_encoder, is_form):
    for colour in ("red", "lime", "blue", "yellow", "white"):
        upload(alice, content=drawn_picture(colour), visibility="public")
    content = drawn_picture("red", size=(9, 9))

    def send(address: str) -> dict[str, object]:
        if is_form:
            body = {"image": SimpleUploadedFile("a.png", content), "region": "0,0,0.5,0.5", "top": "2"}
            return Api().client.post(address, body).json()
        body = {"image": b64encode(content).decode(), "region": [0, 0, 0.5, 0.5], "top": 2}
        return Api().client.post(address, body, content_type="application/json").json()

    pages = [send(f"{API}/search/")]
    while pages[-1]["next"]:
        pages.append(send(pages[-1]["next"]))

    found = [pk for page in pages for pk in ids(page)]
    assert [len(ids(page)) for page in pages] == [2, 2, 1]
    assert len(set(found)) == 5
    assert {page["searched"] for page in pages} == {5}


def test_cursor_of_a_body_belongs_to_its_picture(alice, upload, quick_encoder):
    for colour in ("red", "lime", "blue"):
        upload(alice, content=drawn_picture(colour), visibility="public")
    first = Api().post("/search/", {"image": b64encode(drawn_picture("red")).decode(), "top": 1}).json()

    other = {"image": b64encode(drawn_picture("blue")).decode(), "top": 1}
    refused = Api().client.post(first["next"], other, content_type="application/json")

    assert (refused.status_code, refused.json()["code"]) == (400, "cursor_of_another_list")
