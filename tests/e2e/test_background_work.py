"""What goes on in the background, as people follow it in a real browser: new pictures that arrive, long work."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from gallery import jobs
from gallery.errors import StoredError, WorkFailed
from gallery.models import BulkChange, Image, ImageQuerySet, Job, JobItem
from gallery.services import bulk_changes, long_work
from gallery.services.audit import Action
from gallery.services.bulk_changes import Change
from gallery.services.embedding.claimed_images import embed_pending
from gallery.services.long_kinds import LONG_KINDS
from gallery.services.waiting_jobs import run_next
from tests.conftest import drawn_picture
from tests.e2e.test_site import WIDTHS, fits, sign_in, to

pytestmark = [pytest.mark.browser, pytest.mark.slow]
COLOURS = ("red", "lime", "blue", "yellow", "black", "white")


@pytest.fixture(autouse=True)
def no_worker(quick_encoder, quick_worker, monkeypatch) -> None:
    """Nothing happens in the background but what a test does itself."""
    quick_worker.works = False
    monkeypatch.setattr(jobs, "see_to_worker", lambda: None)


@pytest.fixture
def library(alice, upload) -> list[Image]:
    return [upload(alice, f"{colour}.png", content=drawn_picture(colour)) for colour in COLOURS]


class Batches:
    """Two pictures at a time; what a test does before the second batch of a change."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self._count = 0
        self.before_second: Callable[[], None] = lambda: None

    def change(self, images: ImageQuerySet, value: str, action: Action) -> int:
        self._count += 1
        if self._count == 2:
            self.before_second()
        return self._change(images, value, action)


@pytest.fixture
def in_batches(monkeypatch) -> Batches:
    """Let two pictures be many, a page of the library hold two, and each change be written down at once."""
    monkeypatch.setattr(bulk_changes, "AT_ONCE", 1)
    monkeypatch.setattr(bulk_changes, "CHANGES_AT_A_TIME", 2)
    monkeypatch.setattr(long_work, "WRITTEN_EVERY_SECONDS", 0)
    monkeypatch.setattr("gallery.views.library.PAGE_SIZE", 2)
    batches = Batches(bulk_changes.CHANGES[BulkChange.TRASH])
    monkeypatch.setitem(bulk_changes.CHANGES, BulkChange.TRASH, batches.change)
    return batches


@WIDTHS
def test_uploaded_pictures_arrive_live_and_are_found(live_server, open_page, alice, width_px):
    page = open_page(width_px=width_px)
    sign_in(page, live_server.url, alice, "/upload/")
    pictures = [{"name": f"{c}.png", "mimeType": "image/png", "buffer": drawn_picture(c)} for c in COLOURS[:2]]
    page.get_by_label("Choose pictures").set_input_files(pictures)
    page.get_by_role("button", name="Upload", exact=True).press("Enter")
    chosen = page.get_by_role("region", name="Chosen pictures")

    expect(page.get_by_text("Finished. Added: 2. Already there: 0. Failed: 0.")).to_be_visible()
    expect(chosen.get_by_text("2 pictures wait to become searchable.")).to_be_visible()
    expect(chosen.get_by_text("Waiting to be searchable")).to_have_count(2)
    fits(page)

    embed_pending()
    expect(chosen.get_by_text("Everything new can be found now.")).to_be_visible()
    expect(chosen.get_by_text("Waiting to be searchable")).to_have_count(0)
    fits(page)

    to(page, "Search")
    page.get_by_label("What the picture shows").fill("something lime")
    page.get_by_label("What the picture shows").press("Enter")
    expect(page.get_by_role("main").get_by_role("list").get_by_role("link", name=".png").first).to_contain_text("lime")


@pytest.mark.usefixtures("library")
@WIDTHS
def test_a_job_is_followed_live_cancelled_and_undone(live_server, open_page, alice, in_batches, width_px):
    page = open_page(width_px=width_px)
    sign_in(page, live_server.url, alice, "/library/")
    page.get_by_label("All 6 pictures of this list, on every page").check()
    expect(page.get_by_text("Selected: 6")).to_be_visible()
    page.get_by_role("button", name="Move to the trash", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="Move to the trash")).to_be_visible()
    expect(page.get_by_text("0 of 6 (0 %)")).to_be_visible()
    fits(page)

    def cancel_while_it_runs() -> None:
        expect(page.get_by_text("2 of 6 (33 %)")).to_be_visible()
        page.get_by_role("button", name="Cancel").press("Enter")
        expect(page.get_by_text("It stops after the batch that it is at.")).to_be_visible()
        fits(page)

    in_batches.before_second = cancel_while_it_runs
    run_next(LONG_KINDS)
    expect(page.get_by_text("This was cancelled after 4 of 6.")).to_be_visible()
    assert Image.objects.live().count() == 2

    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.get_by_role("heading", name="Bring back from the trash")).to_be_visible()
    run_next(LONG_KINDS)
    expect(page.get_by_text("finished", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    fits(page)
    assert Image.objects.live().count() == 6


@pytest.mark.usefixtures("library")
def test_a_job_is_followed_and_cancelled_without_javascript(live_server, open_page, alice, in_batches):
    page = open_page(width_px=390, with_script=False)
    sign_in(page, live_server.url, alice, "/library/")
    page.get_by_label("All 6 pictures of this list, on every page").check()
    page.get_by_role("button", name="Move to the trash", exact=True).click()

    def cancel_while_it_runs() -> None:
        page.get_by_role("link", name="Reload").click()
        expect(page.get_by_text("2 of 6 (33 %)")).to_be_visible()
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_text("It stops after the batch that it is at.")).to_be_visible()

    in_batches.before_second = cancel_while_it_runs
    run_next(LONG_KINDS)
    page.get_by_role("link", name="Reload").click()
    expect(page.get_by_text("This was cancelled after 4 of 6.")).to_be_visible()
    page.get_by_role("button", name="Go on with the rest").click()
    run_next(LONG_KINDS)
    page.get_by_role("link", name="Activity", exact=True).first.click()

    expect(page.get_by_text("6 of 6 (100 %)")).to_be_visible()
    assert Image.objects.live().count() == 0


@WIDTHS
def test_a_job_with_long_names_fits_in_the_admin_and_on_its_page(live_server, open_page, alice, staff, width_px):
    name = "/photos/" + "a_long_name_without_any_break_" * 6
    job = Job.objects.create(kind="import", owner=alice, subject=name, status="finished", total=1, done=1, failed=1)
    JobItem.objects.create(
        job=job, kind="failed", item=f"{name}.png", error=StoredError.of(WorkFailed(done=1, total=1)).as_json()
    )
    page = open_page(width_px=width_px)

    for path in (f"/admin/gallery/job/{job.pk}/change/", f"/jobs/{job.pk}/", "/jobs/"):
        if path.startswith("/admin"):
            sign_in(page, live_server.url, staff, path)
        else:
            page.goto(f"{live_server.url}{path}")
        expect(page.get_by_text(name).first).to_be_visible()
        fits(page)
