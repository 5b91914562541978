"""When a picture was taken: the clock on the photographer's wall, whatever wrote it and wherever it is shown."""

from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from gallery.models import AccessState, Image
from tests.integration.api_client import Api
from tests.integration.test_stored_errors import old_image
from tests.pages import text_of
from tests.worded_cases import DATE_CASES, DATE_FILES, LOCAL
from tests.worded_pictures import exif, picture


@pytest.fixture(autouse=True)
def no_embedding(quick_worker):
    """Pictures stay in the queue: nothing here searches."""
    quick_worker.works = False


@pytest.fixture
def site_elsewhere(settings):
    """A site in a zone of its own, which has nothing to do with when a picture was taken."""
    settings.TIME_ZONE = "America/New_York"


@pytest.mark.odd_files
@pytest.mark.usefixtures("site_elsewhere")
@pytest.mark.parametrize(("name", "expected"), DATE_FILES.items())
def test_date_of_an_odd_file_is_read(alice, upload, odd_files, name, expected):
    image = upload(alice, f"{name}.jpg", content=(odd_files / f"{name}.jpg").read_bytes())

    assert image.taken_text == expected
    assert Api(alice).json(f"/images/{image.pk}/")["taken_at"] == expected


@pytest.mark.parametrize(
    ("blocks", "expected"), [case[1:] for case in DATE_CASES], ids=[case[0] for case in DATE_CASES]
)
def test_date_is_the_first_sound_one(alice, upload, blocks, expected):
    image = upload(alice, "photo", content=picture(**blocks))

    assert image.taken_text == expected


@pytest.mark.usefixtures("site_elsewhere")
def test_wall_clock_is_shown_with_its_offset_in_any_zone_of_the_site(alice, upload, visitors):
    content = picture(exif=exif(DateTimeOriginal=LOCAL, OffsetTimeOriginal="+08:00"))
    image = upload(alice, "photo.jpg", content=content, visibility="public")

    pages = [
        text_of(visitors["alice"].get(f"/images/{image.pk}/")),
        text_of(visitors["staff"].get(f"/admin/gallery/image/{image.pk}/change/")),
    ]

    assert ["May 6, 2020, 7:08 a.m. (+08:00)" in page for page in pages] == [True, True]


def test_pictures_are_ordered_by_the_wall_clock(alice, upload, visitors):
    east = upload(alice, "east", content=picture(exif=exif(DateTimeOriginal=LOCAL, OffsetTimeOriginal="+12:00")))
    later = "2020:05:06 07:08:10"
    west = upload(alice, "west", content=picture(exif=exif(DateTimeOriginal=later, OffsetTimeOriginal="-10:00")))

    listed = Api(alice).json("/images/?order=taken")["results"]

    assert [image["id"] for image in listed] == [west.pk, east.pk]


@pytest.fixture
def dates_of_before(transactional_db, alice, settings):
    """Moments as the version before kept them, on a site in a zone with summer time, then migrated."""
    settings.TIME_ZONE = "Europe/Berlin"
    call_command("migrate", "gallery", "0007", verbosity=0, skip_checks=True)
    try:
        apps = MigrationLoader(connection).project_state(("gallery", "0007_whole_originals")).apps
        moments = [
            datetime(2020, 1, 2, 23, 30, tzinfo=UTC),
            datetime(2020, 3, 29, 0, 59, 59, tzinfo=UTC),
            datetime(2020, 3, 29, 1, 0, tzinfo=UTC),
            datetime(2021, 10, 31, 0, 59, tzinfo=UTC),
            datetime(2021, 10, 31, 1, 0, tzinfo=UTC),
            None,
        ]
        for number, moment in enumerate(moments):
            old_image(apps, alice.pk, number, taken_at=moment, embedding_row=number)
    finally:
        call_command("migrate", verbosity=0, skip_checks=True)


def test_migration_keeps_the_clock_that_was_shown(dates_of_before):
    shown = [image.taken_text for image in Image.objects.order_by("md5")]

    assert shown == [
        "2020-01-03T00:30:00",
        "2020-03-29T01:59:59",
        "2020-03-29T03:00:00",
        "2021-10-31T02:59:00",
        "2021-10-31T02:00:00",
        None,
    ]


def test_offset_moves_no_access_version(alice, upload):
    image = upload(alice, "photo", content=picture())
    Image.objects.filter(pk=image.pk).update(embedding_row=0)
    before = AccessState.objects.get().version if AccessState.objects.exists() else None

    Image.objects.filter(pk=image.pk).update(taken_offset_minutes=480)

    assert (AccessState.objects.get().version if AccessState.objects.exists() else None) == before
