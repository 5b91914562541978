"""The search page: what it finds for whom, what it says to a search that makes no sense, its links."""

import re
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery.models import Image, QueryPicture, Visibility
from gallery.retrieval.tree import Text
from gallery.retrieval.understanding import Understanding
from gallery.services.search import Result, ResultPage
from gallery.views import search as search_view
from tests.conftest import drawn_picture, sample_bytes
from tests.pages import as_user, images_on, text_of


def sent_picture(name: str = "chelsea.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, sample_bytes(name), content_type="image/png")


def test_search_finds_by_words_in_both_languages(alice, upload):
    cat, coffee = upload(alice, "chelsea.png"), upload(alice, "coffee.png")
    client = as_user(alice)

    english, chinese = client.get("/search/", {"q": "a cat"}), client.get("/search/", {"q": "一杯咖啡"})

    assert images_on(english) == [cat.pk, coffee.pk]
    assert images_on(chinese) == [coffee.pk, cat.pk]
    assert "1 result of 2 pictures" in text_of(english)
    assert re.search(r"\d+ ms", text_of(english))


def test_search_finds_for_each_visitor_what_they_may_see(alice, bob, visitors, upload, share):
    public = upload(alice, "coffee.png", visibility=Visibility.PUBLIC)
    shared = upload(alice, "rocket.jpg", visibility=Visibility.SHARED)
    share(shared, bob)
    private = upload(alice, "chelsea.png")

    found = {name: set(images_on(client.get("/search/?q=cat"))) for name, client in visitors.items()}

    assert found == {
        "alice": {public.pk, shared.pk, private.pk},
        "bob": {public.pk, shared.pk},
        "charlie": {public.pk},
        "staff": {public.pk, shared.pk, private.pk},
        "anonymous": {public.pk},
    }


@pytest.mark.parametrize("address", ["/", "/search/", "/search/?q=cat"])
def test_search_box_cuts_nothing_off_in_silence(db, quick_encoder, address):
    """Whatever is too long is refused with a sentence: test_search_mistakes."""
    [box] = re.findall(r'<input type="search"[^>]*>', text_of(Client().get(address)))

    assert "maxlength" not in box


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "The search is empty."),
        ("   \t ", "The search is empty."),
        ("x" * 501, "The search has 501 characters; the limit is 500."),
        ("x" * 10_000, "The search has 10,000 characters; the limit is 9,999."),
        ("!?…。", "has no letters or digits"),
        ("cat\x00dog", "invisible control character (U+0000)"),
    ],
)
def test_a_query_that_cannot_be_searched_is_refused_beside_the_box(db, query, sentence):
    page = Client().get("/search/", {"q": query})

    assert page.status_code == 400
    assert sentence in text_of(page)
    assert 'aria-describedby="q-errors"' in text_of(page)


@pytest.mark.parametrize("top", ["0", "-1", "1000", "abc", "1.5", "\x00"])
def test_a_number_of_results_out_of_range_is_refused(db, top):
    page = Client().get("/search/", {"q": "cat", "top": top})

    assert page.status_code == 400
    assert "it must be a whole number from 1 to 200" in text_of(page)


def test_an_unknown_view_is_refused(db):
    assert Client().get("/search/?q=cat&view=globe").status_code == 400


def test_top_bounds_the_results(alice, upload):
    upload(alice, "chelsea.png"), upload(alice, "coffee.png")

    page = as_user(alice).get("/search/?q=cat&top=1")

    assert len(images_on(page)) == 1
    assert '<option value="1" selected>' in text_of(page)


def test_the_table_shows_scores_and_keeps_the_search(alice, upload):
    cat = upload(alice, "chelsea.png", tags="whiskers")

    text = text_of(as_user(alice).get("/search/?q=cat&view=table"))

    assert f'href="/images/{cat.pk}/"' in text
    assert "451 × 300" in text
    assert "whiskers" in text
    assert re.search(r"</meter>0\.\d{3}", text)
    assert 'href="?q=cat"' in text


def test_the_page_without_a_question_is_only_the_box(db):
    page = Client().get("/search/")

    assert page.status_code == 200
    assert "q-errors" not in text_of(page)


def test_nothing_to_search_is_not_a_failure(alice):
    page = as_user(alice).get("/search/?q=cat")

    assert page.status_code == 200
    assert "There are no pictures to search yet" in text_of(page)


def test_a_failure_is_not_an_empty_page(alice, upload, limits_of):
    upload(alice)
    limits_of(encoder="clip")

    page = as_user(alice).get("/search/?q=cat")

    assert page.status_code == 409
    assert "manage.py reindex" in text_of(page)
    assert "no pictures" not in text_of(page)


def test_search_says_how_many_of_ones_own_pictures_wait(alice, charlie, upload):
    upload(alice, "coffee.png", visibility=Visibility.PUBLIC)
    upload(alice, "chelsea.png")
    Image.objects.filter(original_name="chelsea.png").update(embedding_row=None)

    assert "1 of your pictures is not searchable yet" in text_of(as_user(alice).get("/search/?q=cat"))
    assert "not searchable yet" not in text_of(as_user(charlie).get("/search/?q=cat"))
    assert "not searchable yet" not in text_of(Client().get("/search/?q=cat"))


@pytest.fixture
def answered(alice, upload, monkeypatch):
    """Return a function that says how the two pictures of alice are judged, and what was made of the words."""
    images = upload(alice, "chelsea.png"), upload(alice, "coffee.png")

    def answer(*confident: bool, understanding: Understanding | None = None) -> None:
        results = tuple(
            Result(image, 0.3, sure, 0.9 if sure else 0.1) for image, sure in zip(images, confident, strict=True)
        )
        page = ResultPage(
            "offline",
            results,
            searched=2,
            confident_count=sum(confident),
            milliseconds=1.0,
            understanding=understanding,
        )
        monkeypatch.setattr(search_view, "find_images", lambda *_, **__: page)

    return answer


def test_results_below_the_line_are_folded(alice, answered):
    answered(True, False)

    text = text_of(as_user(alice).get("/search/?q=cat"))

    above, below = text.split('<details class="less-likely">')
    assert "chelsea.png" in above
    assert "coffee.png" not in above
    assert re.search(r"<summary>Less likely .*\(1\).*</summary>.*coffee\.png", below)
    assert "1 picture found." in above
    assert "1 result of 2 pictures" in above
    assert "Nothing here" not in text


def test_results_above_the_line_alone_have_nothing_folded(alice, answered):
    answered(True, True)

    assert '<details class="less-likely">' not in text_of(as_user(alice).get("/search/?q=cat"))


@pytest.mark.parametrize(
    ("language", "sentence", "nearest"),
    [
        ("en", "Nothing here looks like “an &lt;elephant&gt;”", "The nearest pictures"),
        ("zh-hans", "这里没有像“an &lt;elephant&gt;”的图片", "最接近的图片"),
    ],
)
def test_nothing_above_the_line_says_so_and_folds_the_nearest(alice, answered, language, sentence, nearest):
    answered(False, False)

    page = as_user(alice).get("/search/", {"q": "an <elephant>"}, headers={"accept-language": language})

    above, below = text_of(page).split('<details class="less-likely">')
    assert f'role="status">{sentence} </p>' in above
    assert f"<h2>{sentence} </h2>" in above
    assert images_on(page) != []
    assert "tile-link" not in above
    assert nearest in below


def test_nothing_above_the_line_within_a_tag_offers_all_pictures(alice, answered):
    answered(False, False)

    text = text_of(as_user(alice).get("/search/?q=cat&tag=holiday"))

    assert '<a class="button" href="?q=cat">Search all pictures</a>' in text


def test_no_near_relative_of_a_picture_is_said_in_its_words(alice, answered):
    answered(False, False)

    text = text_of(as_user(alice).get(f"/search/?like={Image.objects.earliest('pk').pk}"))

    assert "<h2>No near relative here </h2>" in text
    assert "Another word" not in text
    assert "2 pictures compared" in text


def test_results_in_the_gallery_show_no_numbers_of_likeness(alice, answered):
    answered(True, False)

    assert "0.300" not in text_of(as_user(alice).get("/search/?q=cat"))
    assert text_of(as_user(alice).get("/search/?q=cat&view=table")).count("</meter>0.300") == 2


def test_a_misspelt_word_that_was_put_right_is_named(alice, answered):
    answered(True, False, understanding=Understanding("a dog", "a dog", is_applied=True))

    page = as_user(alice).get("/search/?q=a+dgo")

    assert "“a dgo” seems to be misspelt: these are the results for “a dog”." in text_of(page)
    assert 'value="a dgo"' in text_of(page)


def test_what_was_put_right_can_be_searched_as_typed_and_the_next_search_is_as_usual(alice, answered):
    answered(True, False, understanding=Understanding("a dog", "a dog", is_applied=True))

    page = text_of(as_user(alice).get("/search/?q=a+dgo&top=10"))
    insisted = as_user(alice).get("/search/?q=a+dgo&as_typed=1")

    assert re.search(r'href="\?q=a\+dgo&amp;top=10&amp;as_typed=1">Search for “a dgo” instead</a>', page)
    assert insisted.context["page"].form.request.tree == Text("a dgo", as_typed=True)
    assert insisted.context["page"].form.kept == []


def test_a_suggestion_is_a_link_to_its_search(alice, answered):
    answered(False, False, understanding=Understanding("a dgo", "a dog"))

    text = text_of(as_user(alice).get("/search/?q=a+dgo&top=10"))

    assert re.search(r'Did you mean this\? <a class="text-link" href="\?q=a\+dog&amp;top=10">a dog</a>', text)


def test_a_filter_and_words_that_look_alike_are_suggested_once(alice, answered):
    answered(False, False, understanding=Understanding("tga:x", "tag:x"))

    text = text_of(as_user(alice).get("/search/?q=tga:x"))

    assert re.findall(r'Did you mean this\? <a class="text-link" href="([^"]*)">tag:x</a>', text) == ["?q=tag%3Ax"]


def test_a_tag_lists_its_pictures_and_narrows_a_search(alice, charlie, upload):
    cat = upload(alice, "chelsea.png", tags="Red,样例")
    upload(alice, "coffee.png")
    client = as_user(alice)

    assert images_on(client.get("/search/?tag=red")) == [cat.pk]
    assert images_on(client.get("/search/?q=&tag=样例")) == [cat.pk]
    assert images_on(client.get("/search/?q=+&tag=red")) == [cat.pk]
    assert images_on(client.get("/search/?q=coffee&tag=RED")) == [cat.pk]
    assert images_on(as_user(charlie).get("/search/?tag=red")) == []
    assert "No picture has this tag" in text_of(client.get("/search/?tag=nothing"))
    assert "No picture to search has this tag" in text_of(client.get("/search/?q=cat&tag=nothing"))
    assert client.get("/search/?tag=%20").status_code == 400
    assert client.get("/search/?tag=%00").status_code == 400


def test_like_this_one_leaves_it_out_and_is_closed_to_strangers(alice, charlie, upload):
    cat, coffee = upload(alice, "chelsea.png"), upload(alice, "coffee.png")

    assert images_on(as_user(alice).get(f"/search/?like={cat.pk}")) == [coffee.pk]
    assert as_user(charlie).get(f"/search/?like={cat.pk}").status_code == 404
    assert Client().get(f"/search/?like={cat.pk}").status_code == 404


def test_like_a_picture_that_waits_says_so(alice, upload):
    cat = upload(alice)
    Image.objects.update(embedding_row=None)

    page = as_user(alice).get(f"/search/?like={cat.pk}")

    assert page.status_code == 409
    assert "This picture cannot be compared yet" in text_of(page)


@pytest.mark.parametrize("address", ["like=0", "like=abc", "like=" + "9" * 30, "picture=1", f"picture={UUID(int=1)}"])
def test_a_search_with_what_is_not_there_is_not_found(db, address):
    assert Client().get(f"/search/?{address}").status_code == 404


def test_a_sent_picture_gets_a_link_that_shows_it_with_its_results(alice, charlie, upload):
    cat = upload(alice, "chelsea.png")
    upload(alice, "coffee.png")
    client = as_user(alice)

    answer = client.post("/search/", {"picture": sent_picture()})
    link = answer.headers["Location"]
    page = client.get(link)

    picture = QueryPicture.objects.get()
    assert answer.status_code == 302
    assert link == f"/search/?picture={picture.pk}"
    assert images_on(page)[0] == cat.pk
    assert f'src="/search/picture/{picture.pk}/"' in text_of(page)
    assert images_on(as_user(charlie).get(link)) == []


def test_a_sent_picture_keeps_what_is_asked_beside_it(alice, upload, quick_encoder):
    upload(alice, "red.png", content=drawn_picture("red"), tags="old, warm")
    client = as_user(alice)
    beside = {"q": "red", "tag": ["old", "warm"], "top": "10", "view": "table"}
    page = client.get("/search/", {**beside, "like": Image.objects.get().pk})

    link = client.post("/search/", {**beside, "picture": sent_picture()}).headers["Location"]

    picture_form = text_of(page).split("data-picture-search>")[1].split("</form>")[0]
    sent_along = re.findall(r'type="hidden" name="(?!csrf)(\w+)" value="([^"]*)"', picture_form)
    assert sent_along == [("q", "red"), ("top", "10"), ("view", "table"), ("tag", "old"), ("tag", "warm")]
    assert link == f"/search/?q=red&top=10&view=table&tag=old&tag=warm&picture={QueryPicture.objects.get().pk}"
    assert "Similar to chelsea.png" in text_of(client.get(link))


@pytest.mark.parametrize("sent", [{}, {"picture": SimpleUploadedFile("cat.png", b"not a picture at all")}])
def test_a_refused_picture_keeps_what_is_asked_beside_it(db, sent):
    text = text_of(Client().post("/search/", {"q": "red", "tag": "old", **sent}))

    assert 'id="q" name="q" value="red"' in text
    assert text.count('<input type="hidden" name="tag" value="old">') == 2  # for the next words, for the next picture


def test_the_preview_of_a_sent_picture_is_a_private_webp(db):
    Client().post("/search/", {"picture": sent_picture()})

    preview = Client().get(f"/search/picture/{QueryPicture.objects.get().pk}/")

    assert preview.headers["Content-Type"] == "image/webp"
    assert "private" in preview.headers["Cache-Control"]
    assert preview.getvalue()[8:12] == b"WEBP"
    assert Client().get(f"/search/picture/{UUID(int=1)}/").status_code == 404


def test_a_forgotten_sent_picture_says_so(db):
    assert "no longer kept" in text_of(Client().get(f"/search/?picture={UUID(int=1)}"))


@pytest.mark.parametrize(
    ("content", "status", "sentence"),
    [
        (b"", 400, "This file is empty"),
        (b"not a picture at all", 415, "not one of the picture formats"),
        (sample_bytes("chelsea.png")[:2000], 400, "damaged or cut short"),
    ],
)
def test_a_sent_file_that_is_no_picture_is_refused_beside_the_box(db, content, status, sentence):
    page = Client().post("/search/", {"picture": SimpleUploadedFile("cat.png", content)})

    assert page.status_code == status
    assert sentence in text_of(page)
    assert not QueryPicture.objects.exists()


def test_a_sent_file_that_is_too_large_is_refused(db, limits_of):
    limits_of(max_upload_bytes=100)

    assert Client().post("/search/", {"picture": sent_picture()}).status_code == 413


def test_sending_nothing_is_refused(db):
    page = Client().post("/search/", {})

    assert page.status_code == 400
    assert "The search is empty." in text_of(page)


def test_other_methods_are_refused(db):
    assert Client().put("/search/").status_code == 405


@pytest.mark.usefixtures("never_at_rest")
def test_search_asks_the_database_as_often_for_three_pictures_as_for_one(alice, upload):
    client = as_user(alice)
    upload(alice, "1.png", content=drawn_picture("red"), tags="a")
    counts = []
    for colours in ([], ["blue", "green"]):
        for colour in colours:
            upload(alice, f"{colour}.png", content=drawn_picture(colour), tags=f"a,{colour}")
        client.get("/search/?q=cat")  # the index takes in what is new
        with CaptureQueriesContext(connection) as queries:
            client.get("/search/?q=cat&view=table")
        counts.append(len(queries))

    assert counts[0] == counts[1]


def test_words_and_pictures_mean_all_of_them_and_the_page_shows_what_was_asked_with(alice, upload, quick_encoder):
    """Lime and blue are equally far from red: the pictures decide between them, the words remain first."""
    images = {colour: upload(alice, content=drawn_picture(colour)).pk for colour in ("red", "lime", "blue", "white")}
    client = as_user(alice)
    client.post("/search/", {"picture": SimpleUploadedFile("sea.png", drawn_picture("blue", size=(9, 9)))})
    kept = QueryPicture.objects.get()

    sent = client.get("/search/", {"picture": kept.pk, "q": "red", "top": 3})
    like = client.get("/search/", {"like": images["blue"], "q": "red"})
    both = client.get("/search/", {"like": images["lime"], "picture": kept.pk, "q": "red", "top": 1})

    assert images_on(sent)[:2] == [images["red"], images["blue"]]
    assert images_on(like)[:1] == [images["red"]]
    assert images["blue"] not in images_on(like)
    assert "Similar to sea.png" in text_of(sent)
    assert 'name="q" value="red"' in text_of(sent)
    assert f'<input type="hidden" name="picture" value="{kept.pk}">' in text_of(sent)
    assert 'href="?q=red&amp;top=3">Search without this picture' in text_of(sent)
    assert text_of(both).count("Search without this picture") == 2


def test_what_others_resemble_is_not_counted_wherever_it_would_rank(alice, upload, quick_encoder):
    """Asked for red, the blue picture comes after two others: a search for one result does not meet it."""
    colours = ("red", "lime", "blue", "#fa0505")
    images = {colour: upload(alice, content=drawn_picture(colour), tags=colour).pk for colour in colours}
    client, asked = as_user(alice), {"q": "red", "like": images["blue"]}

    one, all_of_them, red = (client.get("/search/", asked | more) for more in ({"top": 1}, {}, {"tag": "red"}))

    assert [len(images_on(page)) for page in (one, all_of_them, red)] == [1, 3, 1]
    compared = [re.findall(r"(\d+) pictures?(?: compared)?, \d+ ms", text_of(page)) for page in (one, all_of_them, red)]
    assert compared == [["3"], ["3"], ["1"]]


def test_several_tags_narrow_to_what_has_them_all(alice, upload):
    both = upload(alice, "chelsea.png", tags="red,old")
    upload(alice, "coffee.png", tags="red")
    client = as_user(alice)

    for address in ("tag=red&tag=OLD", "tag=red,old", "q=cat&tag=red&tag=old", "q=cat&tag=red，old"):
        assert images_on(client.get(f"/search/?{address}")) == [both.pk]
    page = text_of(client.get("/search/?q=cat&tag=red&tag=old"))
    assert page.index("Tag: red") < page.index("Tag: old")
    assert '<input type="hidden" name="tag" value="red"><input type="hidden" name="tag" value="old">' in page
    assert client.get("/search/", {"q": "cat", "tag": "x" * 65}).status_code == 400


def test_similar_pictures_are_narrowed_by_the_tag_that_the_page_names(alice, upload):
    cat = upload(alice, "chelsea.png")
    tagged, _other = upload(alice, "coffee.png", tags="cup"), upload(alice, "rocket.jpg")

    page = as_user(alice).get("/search/", {"like": cat.pk, "tag": "cup"})

    assert "Tag: cup" in text_of(page)
    assert images_on(page) == [tagged.pk]
