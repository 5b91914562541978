"""New pictures are followed by the pages that show them until they can be found, by everybody who may see them."""

from html import unescape
from io import BytesIO

import pytest
from django.test import Client
from django.urls import reverse

from gallery.models import Image
from gallery.services.embedding.claimed_images import embed_pending
from gallery.views.arriving import FOLLOWED_AT_MOST, QUICK_ROUNDS, ROUNDS
from tests.conftest import acting, drawn_picture

HTMX = {"headers": {"HX-Request": "true"}}


@pytest.fixture
def queued(quick_worker) -> None:
    """Nothing is embedded when it is uploaded."""
    quick_worker.works = False


@pytest.fixture
def waiting(alice, upload, quick_encoder, queued) -> list[Image]:
    return [upload(alice, f"{colour}.png", content=drawn_picture(colour)) for colour in ("red", "lime", "blue")]


def asked(client: Client, images: list[Image], **values: object) -> str:
    ids = ",".join(str(image.pk) for image in images)
    return unescape(client.get(reverse("arriving"), {"ids": ids, **values}, **HTMX).content.decode())


def test_part_asks_again_for_those_that_wait_and_marks_those_that_arrived(waiting, visitors):
    embed_pending()
    Image.objects.filter(pk=waiting[0].pk).update(embedding_row=None)

    part = asked(visitors["alice"], waiting)

    assert f'hx-get="/arriving/?ids={waiting[0].pk}&round=1"' in part
    assert 'hx-trigger="every 2s"' in part
    assert "1 picture waits to become searchable." in part
    assert part.count("hx-swap-oob") == 2
    assert f"outerHTML:[data-status='{waiting[1].pk}']" in part


def test_part_asks_no_more_once_all_have_arrived(waiting, visitors):
    embed_pending()

    part = asked(visitors["alice"], waiting)

    assert "hx-get" not in part
    assert "Everything new can be found now." in part


def test_part_says_that_a_picture_failed(waiting, visitors):
    embed_pending()
    Image.objects.filter(pk=waiting[0].pk).update(embedding_row=None, embed_error="encoding_kills")

    assert "1 picture could not be made searchable: its page says why." in asked(visitors["alice"], waiting)


@pytest.mark.parametrize(
    ("round", "expected"),
    [(QUICK_ROUNDS - 1, "every 2s"), (QUICK_ROUNDS, "every 10s"), (ROUNDS - 1, "every 10s")],
)
def test_part_asks_less_often_after_a_while(waiting, visitors, round, expected):
    assert expected in asked(visitors["alice"], waiting, round=round)


@pytest.mark.parametrize("round", [ROUNDS, ROUNDS + 1, 10**5])
def test_part_stops_asking_and_says_so(waiting, visitors, round):
    part = asked(visitors["alice"], waiting, round=round)

    assert "hx-get" not in part
    assert "Load the page again to see how it goes on." in part


def test_page_for_readers_without_scripts_shows_each_state(waiting, visitors):
    embed_pending()
    Image.objects.filter(pk=waiting[0].pk).update(embedding_row=None)

    page = visitors["alice"].get(reverse("arriving"), {"ids": ",".join(str(image.pk) for image in waiting)})

    assert page.status_code == 200
    assert page.content.decode().count(">Searchable</span>") == 2
    assert page.content.decode().count(">Waiting to be searchable</span>") == 1


@pytest.mark.parametrize(("name", "shown"), [("alice", 3), ("bob", 0), ("charlie", 0), ("anonymous", 0), ("staff", 3)])
def test_nobody_follows_what_they_may_not_see(waiting, visitors, name, shown):
    embed_pending()

    assert asked(visitors[name], waiting).count("hx-swap-oob") == shown


@pytest.mark.parametrize("ids", ["x", "1,,2", "-1", "1" * 19, "1.5"])
def test_what_is_no_id_is_not_found(visitors, ids):
    assert visitors["alice"].get(reverse("arriving"), {"ids": ids}).status_code == 404


@pytest.mark.parametrize("round", ["x", "-1", "9" * 40, "٣"])
def test_round_that_is_none_is_the_first(waiting, visitors, round):
    assert "round=1" in asked(visitors["alice"], waiting, round=round)


def test_at_most_so_many_are_followed(waiting, visitors):
    ids = ",".join(str(number) for number in range(10**6, 10**6 + FOLLOWED_AT_MOST))

    answer = visitors["alice"].get(reverse("arriving"), {"ids": f"{ids},{waiting[0].pk}"}, **HTMX)

    assert "hx-get" not in answer.content.decode()


def test_number_of_queries_does_not_grow(waiting, visitors, django_assert_num_queries):
    counted = []
    for images in (waiting[:1], waiting):
        with django_assert_num_queries(3) as queries:
            asked(visitors["alice"], images)
        counted.append(len(queries))

    assert counted[0] == counted[1]


# The pages that follow


def test_upload_result_follows_its_pictures(alice, visitors, quick_encoder, queued):
    page = visitors["alice"].post(reverse("upload"), {"files": [_file("red"), _file("lime")]})

    text = unescape(page.content.decode())
    ids = ",".join(str(image.pk) for image in Image.objects.order_by("pk"))
    assert f'hx-get="/arriving/?ids={ids}&round=1"' in text
    assert f'<noscript><p><a class="text-link" href="/arriving/?ids={ids}">' in text
    assert text.count("data-status") == 2


def test_upload_of_one_file_says_whether_it_waits(alice, visitors, quick_encoder, queued):
    answer = visitors["alice"].post(reverse("upload-file"), {"files": [_file("red")]}).json()

    assert (answer["id"], answer["is_waiting"]) == (Image.objects.get().pk, True)
    assert answer["message"] == "Added."


def _file(colour: str) -> BytesIO:
    file = BytesIO(drawn_picture(colour))
    file.name = f"{colour}.png"
    return file


def test_picture_page_follows_itself_and_is_loaded_anew(waiting, visitors):
    page = unescape(visitors["alice"].get(reverse("image", args=[waiting[0].pk])).content.decode())
    assert f'hx-get="/arriving/?ids={waiting[0].pk}&round=1&refresh=1"' in page

    embed_pending()

    answer = visitors["alice"].get(reverse("arriving"), {"ids": waiting[0].pk, "refresh": 1}, **HTMX)
    assert answer["HX-Refresh"] == "true"
    assert "/arriving/" not in visitors["alice"].get(reverse("image", args=[waiting[0].pk])).content.decode()


def test_library_follows_all_that_wait(alice, waiting, visitors):
    page = unescape(visitors["alice"].get(reverse("library")).content.decode())
    ids = ",".join(str(image.pk) for image in Image.objects.library_of(acting(alice)).newest())
    assert f'hx-get="/arriving/?ids={ids}&round=1&library=1"' in page

    part = asked(visitors["alice"], waiting[:1], library=1)
    assert "3 pictures wait to become searchable." in part

    embed_pending()
    assert "Everything new can be found now." in asked(visitors["alice"], [], library=1)
