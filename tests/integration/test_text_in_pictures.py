"""What is written in pictures: read by the worker, found by its words, told at every door."""

import json
from collections.abc import Callable, Iterator
from io import StringIO

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery.checks import reading_check
from gallery.jobs import unread_images as unread_images_job
from gallery.jobs.unread_images import UnreadImages
from gallery.models import (
    OPERATOR,
    AccessState,
    Claim,
    FoldedRecognisedText,
    Image,
    RecognisedText,
    User,
    Visibility,
)
from gallery.models.recognised_text import TextRead
from gallery.services.curation import delete_forever, read_again
from gallery.services.media import original_path
from gallery.services.reading import reader_child, unread_images
from gallery.services.reading.state import reading
from gallery.services.workers import work_waits
from tests.conftest import drawn_picture
from tests.quick_reader import MODULE, READ
from tests.written_pictures import lines_of, written_picture


@pytest.fixture
def reads(limits_of) -> None:
    limits_of(reads_text=True)


@pytest.fixture
def worker(reads, quick_encoder, monkeypatch) -> Iterator[UnreadImages]:
    """A worker's reading whose process costs nothing."""
    monkeypatch.setattr(reader_child, "CHILD_MODULE", MODULE)
    monkeypatch.setattr(unread_images_job, "LOOK_SECONDS", 0)
    monkeypatch.setattr(unread_images_job, "AFTER_NOTHING_SECONDS", 0)
    source = UnreadImages("holder")
    yield source
    source.close()


@pytest.fixture
def without_packages(limits_of, monkeypatch) -> Callable[..., None]:
    """The settings of a machine on which the packages for reading are not installed."""
    monkeypatch.setattr("gallery.reading.reader.find_spec", lambda _name: None)
    return limits_of


@pytest.fixture
def cast(alice, bob, charlie, staff) -> tuple[User, ...]:
    return alice, bob, charlie, staff


@pytest.fixture
def draw(upload, quick_encoder):
    def bring_in(owner, colour: str = "blue", **labels) -> Image:
        return upload(owner, f"{colour}.png", content=drawn_picture(colour), **labels)

    return bring_in


def work_off(worker: UnreadImages) -> None:
    """Read all that is to be read, as the worker's thread does."""
    while images := worker.take():
        worker.read_these(images)


def write(image: Image, *lines: str) -> None:
    RecognisedText.objects.write({image.pk: TextRead(lines_of(*lines))})


def found(client, query: str) -> list[str]:
    answer = client.get("/api/v1/search/", {"q": query})
    assert answer.status_code == 200, answer.json()
    return sorted(each["name"] for each in answer.json()["results"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("reads", "quick_encoder")
def test_picture_is_read_by_the_worker_found_and_shown(client, upload, alice, capsys):
    """With the real reader, from the upload to the page."""
    image = upload(alice, "sign.png", content=written_picture("THE GARAGE"), visibility=Visibility.PUBLIC)

    call_command("work", "--once", "--json")

    assert json.loads(capsys.readouterr().out)["text"] == {"read": 1, "failed": 0, "waiting": 0, "state": "on"}
    assert [line.text for line in RecognisedText.objects.told_of(image).lines] == ["THE GARAGE"]
    assert "sign.png" in client.get("/search/", {"q": "text:garage"}).text
    page = client.get(f"/images/{image.pk}/").text
    assert "<p>THE GARAGE</p>" in page
    assert 'class="line-boxes"' in page


def test_what_cannot_be_read_says_why_and_stops_nobody(draw, alice, worker):
    deadly, refused, empty, plain = (draw(alice, colour) for colour in ("red", "lime", "yellow", "blue"))

    work_off(worker)

    told = {image.pk: RecognisedText.objects.told_of(image) for image in (deadly, refused, empty, plain)}
    assert told[deadly.pk].error.code == "reading_kills"
    assert told[refused.pk].error.code == "reading_failed"
    assert told[empty.pk] == TextRead()
    assert tuple(line.text for line in told[plain.pk].lines) == READ
    assert (worker.read, worker.failed) == (2, 2)
    assert FoldedRecognisedText.objects.count() == 1
    assert not Claim.objects.exists()


def test_file_that_is_gone_is_a_reason(draw, alice, worker):
    image = draw(alice)
    default_storage.delete(original_path(image.sha256, image.format))

    work_off(worker)

    assert RecognisedText.objects.told_of(image).error.code == "original_missing"


def test_reading_waits_until_all_is_embedded(draw, alice, worker):
    image, waiting = draw(alice), draw(alice, "teal")
    Image.objects.filter(pk=waiting.pk).update(embedding_row=None)

    assert worker.take() == []
    assert RecognisedText.objects.told_of(image) is None


def test_queue_is_the_missing_row_of_this_revision(draw, alice, worker, monkeypatch):
    first, second = draw(alice), draw(alice, "teal")
    work_off(worker)
    assert reading().waiting == 0

    RecognisedText.objects.filter(image=first).update(revision="older/1")

    assert reading().waiting == 1
    assert work_waits()
    work_off(worker)
    assert reading().waiting == 0
    assert worker.read == 3
    assert second.recognised_text.revision == first.recognised_text.revision


def test_another_one_reads_what_this_one_has_not_claimed(draw, alice, worker):
    image = draw(alice)
    Claim.objects.add([image.pk], holder="somebody else")

    work_off(worker)

    assert RecognisedText.objects.told_of(image) is None


def test_what_cannot_be_read_now_is_left_alone_for_a_while(draw, alice, worker, monkeypatch):
    image = draw(alice)
    monkeypatch.setattr(unread_images, "open_pixels", lambda _image: unread_images.EncodedBatch())

    work_off(worker)

    assert RecognisedText.objects.told_of(image) is None
    assert list(Claim.objects.of("").values_list("image_id", flat=True)) == [image.pk]


def test_read_again_keeps_what_is_known_until_then(draw, alice, worker):
    image = draw(alice)
    work_off(worker)

    assert read_again(Image.objects.all(), by=OPERATOR) == 1

    assert reading().waiting == 1
    assert RecognisedText.objects.told_of(image).lines
    work_off(worker)
    assert worker.read == 2


def test_command_has_failed_ones_read_again(draw, alice, worker, capsys):
    draw(alice, "lime")
    draw(alice)
    work_off(worker)

    call_command("read_text", "--failed", "--json")

    assert json.loads(capsys.readouterr().out) == {"again": 1, "waiting": 1, "unreadable": 1, "state": "on"}


@pytest.mark.parametrize("state", ["off", "not installed"])
def test_without_reading_everything_else_works_and_says_so(draw, alice, without_packages, client, state):
    without_packages(reads_text=state != "off")
    image = draw(alice)
    told = StringIO()

    call_command("work", "--once", "--json", stdout=told)

    assert json.loads(told.getvalue())["text"] == {"read": 0, "failed": 0, "waiting": 0, "state": state}
    assert client.get("/readyz").json()["text_in_pictures"] == state
    client.force_login(alice)
    assert "Text in pictures is not read here" in client.get(f"/images/{image.pk}/").text
    assert found(client, "text:hello") == []
    call_command("check")


def test_check_names_the_remedy_where_the_packages_are_missing(without_packages):
    without_packages(reads_text=True)

    [said] = reading_check(None)

    assert (said.id, "requirements-ocr.txt" in said.hint) == ("gallery.I002", True)


def test_reading_moves_no_rights(draw, alice, worker):
    draw(alice)
    before = AccessState.objects.current().version

    work_off(worker)

    assert AccessState.objects.current().version == before


# Found


@pytest.mark.parametrize(
    "query",
    [
        "text:garage",
        "text:ARAG",
        "文字:ｇａｒａｇｅ",
        "text:garoge",
        'text:"the garage"',
        'text:"garage open"',
        '"the garage"',
        "text:發票",
        "text:税发",
        "text:增值稅發栗",
        '"增值税发票"',
        "text:cafe",
    ],
)
def test_words_in_a_picture_find_it(draw, alice, client, query):
    image = draw(alice, visibility=Visibility.PUBLIC)
    draw(alice, "teal", visibility=Visibility.PUBLIC)
    write(image, "THE GARAGE", "open", "增值税发票", "Café")

    assert found(client, query) == ["blue.png"]


@pytest.mark.parametrize("query", ["text:garxxe", "text:opem", "text:发粟", "text:bakery", "-text:garage tag:x"])
def test_other_words_do_not(draw, alice, client, query):
    write(draw(alice, visibility=Visibility.PUBLIC), "THE GARAGE", "open", "增值税发票")

    assert found(client, query) == []


def test_excluded_words_leave_a_picture_out(draw, alice, client):
    write(draw(alice, visibility=Visibility.PUBLIC), "THE GARAGE")
    draw(alice, "teal", visibility=Visibility.PUBLIC)

    assert found(client, "-text:garage") == ["teal.png"]
    assert found(client, '-"the garage"') == ["teal.png"]


def test_any_part_of_a_line_finds_the_picture(draw, alice):
    image = draw(alice)
    line = "Öffnung 9-12 Uhr 营业时间 100%"
    write(image, line)

    parts = {line[start:stop] for start in range(len(line)) for stop in range(start + 2, len(line) + 1)}
    missed = [part for part in parts if part.strip() and not len(FoldedRecognisedText.objects.mentioning(part).ids)]

    assert missed == []


@pytest.mark.parametrize("path", ["/api/v1/search/?q=text:garage", "/api/v1/search/?q=%22the+garage%22"])
def test_everybody_finds_what_they_may_see(draw, cast, share, client, path):
    alice, bob, charlie, staff = cast
    image = draw(alice, visibility=Visibility.SHARED)
    write(image, "THE GARAGE")
    share(image, bob)

    for user, names in ((alice, ["blue.png"]), (bob, ["blue.png"]), (charlie, []), (staff, ["blue.png"]), (None, [])):
        client.logout()
        if user is not None:
            client.force_login(user)
        assert [each["name"] for each in client.get(path).json()["results"]] == names
        page = client.get(f"/images/{image.pk}/")
        assert page.status_code == (200 if names else 404)
        assert client.get(f"/api/v1/images/{image.pk}/").status_code == (200 if names else 404)


def test_reason_is_the_line_that_has_the_words(draw, alice, client):
    write(draw(alice, visibility=Visibility.PUBLIC), "WELCOME", "THE GARAGE")

    by_filter = client.get("/api/v1/search/", {"q": "text:garoge"}).json()["results"][0]["why"]
    by_phrase = client.get("/api/v1/search/", {"q": '"garage"'}).json()["results"][0]["why"]

    assert by_filter == by_phrase == [{"kind": "text", "detail": "THE GARAGE"}]


def test_search_asks_as_often_for_three_as_for_one(draw, alice, client):
    counts = []
    for number, colour in enumerate(("blue", "teal", "navy")):
        write(draw(alice, colour, visibility=Visibility.PUBLIC), "THE GARAGE")
        if number != 1:
            client.get("/search/", {"q": "text:garage"})
            with CaptureQueriesContext(connection) as queries:
                client.get("/search/", {"q": "text:garage"})
            counts.append(len(queries))

    assert counts[0] == counts[1]


# Told


def test_api_tells_lines_with_their_places(draw, alice, client):
    image = draw(alice)
    write(image, "THE GARAGE")
    client.force_login(alice)

    told = client.get(f"/api/v1/images/{image.pk}/").json()

    assert told["text"] == [line.as_json() for line in lines_of("THE GARAGE")]
    assert told["text_error"] is None


def test_reason_of_a_failure_is_told_to_those_who_may_change_the_picture(draw, alice, bob, worker, client):
    image = draw(alice, "lime", visibility=Visibility.PUBLIC)
    work_off(worker)

    for user, is_told in ((alice, True), (bob, False)):
        client.force_login(user)
        told = client.get(f"/api/v1/images/{image.pk}/").json()
        assert told["text"] is None
        assert bool(told["text_error"]) == is_told
        assert ("could not be read" in client.get(f"/images/{image.pk}/").text) == is_told


def test_page_escapes_what_is_written(draw, alice, client):
    image = draw(alice, visibility=Visibility.PUBLIC)
    write(image, "<script>alert(1)</script>")

    assert "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>" in client.get(f"/images/{image.pk}/").text


def test_admin_shows_and_reads_again(draw, alice, admin_client):
    image = draw(alice)
    write(image, "THE GARAGE")

    assert "THE GARAGE" in admin_client.get(f"/admin/gallery/image/{image.pk}/change/").text
    sent = {"action": "read_again", "_selected_action": [image.pk]}
    assert admin_client.post("/admin/gallery/image/", sent).status_code == 302
    assert RecognisedText.objects.get(image=image).revision == ""


def test_deleting_a_picture_takes_its_text_along(draw, alice):
    write(draw(alice), "THE GARAGE")

    delete_forever(Image.objects.all(), by=OPERATOR)

    assert not RecognisedText.objects.exists()
    assert not FoldedRecognisedText.objects.exists()


def test_text_that_an_earlier_folding_has_folded_is_folded_again(draw, alice, worker):
    image = draw(alice)
    work_off(worker)
    FoldedRecognisedText.objects.update(revision=0, text="old")

    assert worker.step() == 1

    assert FoldedRecognisedText.objects.get(image=image).text == "hello world 增值税发票"
