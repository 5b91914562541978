"""What a list of pictures can be narrowed to and ordered by, asked at both doors."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gallery.models import Image, User
from tests.conftest import drawn_picture
from tests.integration.api_client import Api
from tests.integration.test_models import image_row
from tests.pages import as_user

LIBRARY = "/library/"


@pytest.fixture
def mixed(alice, upload, quick_worker) -> None:
    """Three pictures that differ in everything one can filter or order by."""
    quick_worker.works = False
    cat = upload(alice, "Cat.png", content=drawn_picture("red", size=(9, 9)), tags="Tier, 猫", description="on a Sofa")
    dog = upload(alice, "a dog.jpg", content=drawn_picture("blue", format="JPEG", size=(500, 500)), visibility="public")
    bird = upload(alice, "bird.gif", content=drawn_picture("green", format="GIF"), tags="tier")
    for image, day in ((cat, 1), (dog, 2), (bird, 3)):
        Image.objects.filter(pk=image.pk).update(created_at=datetime(2026, 1, day, 12, tzinfo=UTC))
    Image.objects.filter(pk=cat.pk).update(taken_at=datetime(2020, 1, 1, tzinfo=UTC), embedding_row=0)
    Image.objects.filter(pk=bird.pk).update(embed_error="The original file is gone.")


def on_the_page(user: User, query: str) -> list[str]:
    response = as_user(user).get(LIBRARY + query)
    return [image.original_name for image in response.context["page"].object_list]


def from_the_api(user: User, query: str) -> list[str]:
    return [row["name"] for row in Api(user).json(f"/images/{query}")["results"]]


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize("listed", [on_the_page, from_the_api])
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["bird.gif", "a dog.jpg", "Cat.png"]),
        ("?q=sofa", ["Cat.png"]),
        ("?tag=TIER", ["bird.gif", "Cat.png"]),
        ("?tag=tier,猫", ["Cat.png"]),
        ("?tag=tier&tag=猫", ["Cat.png"]),
        ("?tag=", ["bird.gif", "a dog.jpg", "Cat.png"]),
        ("?format=jpeg", ["a dog.jpg"]),
        ("?format=HEIC", []),
        ("?visibility=private", ["bird.gif", "Cat.png"]),
        ("?status=searchable", ["Cat.png"]),
        ("?status=pending", ["a dog.jpg"]),
        ("?status=failed", ["bird.gif"]),
        ("?added_from=2026-01-02", ["bird.gif", "a dog.jpg"]),
        ("?added_from=2026-01-02&added_to=2026-01-02", ["a dog.jpg"]),
        ("?order=newest", ["bird.gif", "a dog.jpg", "Cat.png"]),
        ("?order=oldest", ["Cat.png", "a dog.jpg", "bird.gif"]),
        ("?order=name", ["a dog.jpg", "bird.gif", "Cat.png"]),
        ("?order=size", ["a dog.jpg", "bird.gif", "Cat.png"]),
        ("?order=taken", ["Cat.png", "bird.gif", "a dog.jpg"]),
        ("?order=name&status=pending", ["a dog.jpg"]),
    ],
)
def test_both_doors_narrow_and_order_by_the_same_names(alice, listed, query, names):
    assert listed(alice, query) == names


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize("query", ["?order=password", "?status=x", "?added_to=soon", "?tag=" + "x" * 65])
def test_both_doors_refuse_what_no_list_knows(alice, query):
    page, answer = as_user(alice).get(LIBRARY + query), Api(alice).get(f"/images/{query}")

    assert (page.status_code, answer.status_code) == (400, 400)
    assert "This filter cannot be used" in page.content.decode()


@pytest.mark.usefixtures("mixed")
def test_tag_that_is_too_long_is_our_own_error_to_programs(alice):
    answer = Api(alice).get("/images/", tag="x" * 65).json()

    assert (answer["code"], answer["details"]["limit"]) == ("invalid_tag", 64)


@pytest.mark.usefixtures("mixed")
def test_names_of_old_go_on_ordering(alice):
    assert on_the_page(alice, "?sort=name") == on_the_page(alice, "?order=name")
    assert from_the_api(alice, "?ordering=-size_bytes,name") == from_the_api(alice, "?order=size")
    assert from_the_api(alice, "?ordering=name&order=oldest") == from_the_api(alice, "?order=oldest")


@pytest.mark.usefixtures("mixed")
def test_page_shows_the_order_that_an_old_link_asks_for(alice):
    page = as_user(alice).get(LIBRARY + "?sort=size").content.decode()

    assert '<option value="size" selected>' in page


ZONES = ["UTC", "Asia/Shanghai", "America/Sao_Paulo"]
DAY = date(2018, 11, 4)  # in São Paulo it begins at one o'clock: that night there was no midnight
FIRST_MOMENT = datetime(2018, 11, 2, tzinfo=UTC)
MINUTES = st.integers(0, 5 * 24 * 60)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(minutes=st.lists(MINUTES, min_size=1, max_size=8), zone=st.sampled_from(ZONES))
def test_days_of_adding_are_those_of_the_site(alice, minutes, zone):
    moments = [FIRST_MOMENT + timedelta(minutes=minute) for minute in minutes]
    Image.objects.all().delete()
    Image.objects.bulk_create([image_row(alice, created_at=moment) for moment in moments])

    with timezone.override(ZoneInfo(zone)):
        found = set(Image.objects.added_from(DAY).added_to(DAY))

    assert {image.created_at for image in found} == {
        moment for moment in moments if moment.astimezone(ZoneInfo(zone)).date() == DAY
    }


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_first_and_last_day_that_there_can_be_leave_nothing_out(alice, zone):
    with timezone.override(ZoneInfo(zone)):
        names = from_the_api(alice, "?added_from=0001-01-01&added_to=9999-12-31")

    assert len(names) == 3


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize("query", ["?added_from=2026-01-02&added_to=2026-01-02", "?md5=" + "A" * 32])
def test_filters_compare_columns_as_they_are(alice, query):
    """What is computed of a column no index knows."""
    with CaptureQueriesContext(connection) as asked:
        from_the_api(alice, query)

    conditions = " ".join(statement["sql"].partition("WHERE")[2] for statement in asked.captured_queries)
    assert not any(word in conditions for word in ("django_datetime_cast", "AT TIME ZONE", "LIKE", "UPPER"))


def test_md5_is_found_in_letters_of_any_case(alice, upload: Callable[..., Image]):
    image = upload(alice)

    assert from_the_api(alice, f"?md5={image.md5.upper()}") == [image.original_name]
