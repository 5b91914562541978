"""The page on which an administrator follows a change of the model, in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from gallery.conf import gallery
from gallery.durable.file_lock import FileLock
from gallery.models import OPERATOR, Image, ModelChange, NextEmbedding, User
from gallery.services.embedding.model_change import ask_for_change
from tests.conftest import PASSWORD, drawn_picture
from tests.e2e.test_site import WIDTHS, fits

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PAGE = "/admin/gallery/indexstate/1/change/"


@pytest.fixture
def library(alice, upload, quick_encoder) -> list[Image]:
    """Four pictures, one with a name that must not push anything off a narrow page."""
    names = ["red.png", "lime.png", "blue.png", f"{'long-' * 20}name.png"]
    return [
        upload(alice, name, content=drawn_picture(f"hsl({number * 90}, 70%, 50%)")) for number, name in enumerate(names)
    ]


@pytest.fixture
def root(transactional_db) -> User:
    return User.objects.create_superuser("root", password=PASSWORD)


def sign_in(page: Page, site: str) -> None:
    page.goto(f"{site}/admin/login/?next={PAGE}")
    page.locator("#id_username").fill("root")
    page.locator("#id_password").fill(PASSWORD)
    page.locator("[type=submit]").click()
    page.wait_for_url(f"{site}{PAGE}")


@WIDTHS
def test_progress_is_renewed_until_it_stops_and_is_given_up(live_server, open_page, library, root, width_px):
    page = open_page(width_px=width_px)
    ask_for_change("clip:openai/clip-vit-base-patch32", by=OPERATOR)
    with FileLock(gallery().locks_dir / "reindex.lock"):  # as a process that works on it
        sign_in(page, live_server.url)
        expect(page.get_by_role("status")).to_contain_text("At work.")
        expect(page.get_by_role("status")).to_contain_text("0 of 4 pictures (0 %)")
        fits(page)
        NextEmbedding.objects.create(image=library[0], row=0)
        NextEmbedding.objects.create(image=library[3], error="The original file of this picture is gone.")
        expect(page.get_by_role("status")).to_contain_text("2 of 4 pictures (50 %)")
        expect(page.get_by_text("1 picture cannot be read by it")).to_be_visible()
        fits(page)
    expect(page.get_by_role("status")).to_contain_text("Stopped; what is done is kept.")
    fits(page)

    page.get_by_role("button", name="Give the change up").click()

    expect(page.get_by_text("The change was given up.")).to_be_visible()
    expect(page.get_by_role("button", name="Change model")).to_be_visible()
    fits(page)
    assert not ModelChange.objects.exists()


def test_page_reloads_by_itself_when_the_change_is_over(live_server, open_page, library, root):
    page = open_page()
    ask_for_change("clip:openai/clip-vit-base-patch32", by=OPERATOR)
    with FileLock(gallery().locks_dir / "reindex.lock"):
        sign_in(page, live_server.url)
        expect(page.get_by_role("status")).to_contain_text("At work.")
        ModelChange.objects.all().delete()

    expect(page.get_by_role("button", name="Change model")).to_be_visible()


def test_it_works_without_javascript(live_server, open_page, library, root):
    page = open_page(width_px=390, with_script=False)
    ask_for_change("clip:openai/clip-vit-base-patch32", by=OPERATOR)
    with FileLock(gallery().locks_dir / "reindex.lock"):
        sign_in(page, live_server.url)
        NextEmbedding.objects.create(image=library[0], row=0)
        page.get_by_role("link", name="Reload").click()
        expect(page.get_by_role("status")).to_contain_text("1 of 4 pictures (25 %)")

    page.get_by_role("button", name="Give the change up").click()

    expect(page.get_by_text("The change was given up.")).to_be_visible()
