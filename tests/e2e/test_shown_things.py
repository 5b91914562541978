"""What was recognised, and where, on a picture's page in a browser."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from gallery.encoders import registry
from gallery.models import Image, Visibility
from tests.conftest import drawn_picture
from tests.e2e.test_site import WIDTHS, fits
from tests.seeing_encoder import SeeingEncoder

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def image(alice, upload) -> Iterator[Image]:
    """A public picture of a dog and two chairs."""
    with registry.using(SeeingEncoder()):
        content = drawn_picture("lime", size=(640, 480))
        yield upload(alice, "lime.png", content=content, visibility=Visibility.PUBLIC)


def boxes_shown(page: Page) -> list[bool]:
    """Say of the dog's box and of each chair's whether it is seen."""
    return [box.is_visible() for box in page.locator(".boxes rect.box-edge").all()]


@WIDTHS
def test_boxes_show_while_a_name_has_the_focus_or_is_pointed_at(live_server, open_page, image, width_px):
    page = open_page(width_px=width_px)
    page.goto(f"{live_server.url}/images/{image.pk}/")
    fits(page)
    dog, chairs = page.get_by_role("link", name="dog"), page.get_by_role("link", name="2 chairs")

    assert boxes_shown(page) == [False, False, False]
    dog.focus()
    assert boxes_shown(page) == [True, False, False]
    page.keyboard.press("Tab")
    expect(chairs).to_be_focused()
    assert boxes_shown(page) == [False, True, True]
    page.get_by_role("heading", level=1).click()
    dog.hover()
    assert boxes_shown(page) == [True, False, False]

    dog.click()
    expect(page).to_have_url(re.compile(r"/search/\?q=dog$"))


def test_box_lies_on_its_part_of_the_picture(live_server, open_page, image):
    page = open_page()
    page.goto(f"{live_server.url}/images/{image.pk}/")
    page.get_by_label("Show where").check()

    whole = page.locator(".picture-frame img").bounding_box()
    dog = page.locator(".boxes rect.box-edge").first.bounding_box()

    assert whole is not None
    assert dog is not None
    assert (dog["x"] - whole["x"]) / whole["width"] == pytest.approx(0.1, abs=0.02)
    assert (dog["y"] - whole["y"]) / whole["height"] == pytest.approx(0.2, abs=0.02)
    assert dog["width"] / whole["width"] == pytest.approx(0.3, abs=0.03)
    assert dog["height"] / whole["height"] == pytest.approx(0.4, abs=0.03)


def test_all_boxes_show_without_javascript(live_server, open_page, image):
    page = open_page(width_px=390, with_script=False)
    page.goto(f"{live_server.url}/images/{image.pk}/")

    page.get_by_label("Show where").check()

    assert boxes_shown(page) == [True, True, True]
    fits(page)
