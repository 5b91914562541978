"""The search page in a browser, without a word of its documentation: mistakes, parts, narrowing, more, saving."""

import re

import pytest
from playwright.sync_api import Page, expect

from gallery.models import SavedSearch, Visibility
from tests.conftest import drawn_picture
from tests.e2e.test_site import WIDTHS, fits, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COLOURS = ("red", "lime", "blue", "white", "black")


@pytest.fixture
def coloured(alice, upload, quick_encoder) -> dict[str, int]:
    """Public pictures of alice by their colours, oldest first; red and lime are tagged."""
    tags = {"red": "warm", "lime": "fresh"}
    return {
        colour: upload(
            alice,
            f"{colour}.png",
            content=drawn_picture(colour, size=(640, 480)),
            tags=tags.get(colour, ""),
            visibility=Visibility.PUBLIC,
        ).pk
        for colour in COLOURS
    }


def tiles(page: Page):
    return page.locator("#search-page .tile")


@WIDTHS
def test_a_mistake_is_marked_and_put_right_by_a_link(live_server, open_page, coloured, width_px):
    page = open_page(width_px=width_px, may_complain=True)  # about the status 400
    page.goto(f"{live_server.url}/search/")

    page.get_by_label("What the picture shows").fill("is:landscpe")
    page.get_by_label("What the picture shows").press("Enter")
    expect(page.locator("mark")).to_have_text("is:landscpe")
    expect(page.get_by_label("What the picture shows")).to_have_value("is:landscpe")
    fits(page)
    page.get_by_role("link", name="Search for “is:landscape”").click()

    expect(page.get_by_label("What the picture shows")).to_have_value("is:landscape")
    expect(tiles(page)).to_have_count(5)
    fits(page)


@pytest.mark.parametrize("with_script", [True, False])
def test_what_is_found_is_narrowed_and_widened_again(live_server, open_page, coloured, with_script):
    page = open_page(width_px=390, with_script=with_script)
    page.goto(f"{live_server.url}/search/?q=owner:alice")
    expect(tiles(page)).to_have_count(5)

    page.locator(".facet summary", has_text="Tag").click()
    page.get_by_role("link", name="warm 1").click()
    expect(tiles(page)).to_have_count(1)
    expect(page.get_by_label("What the picture shows")).to_have_value("owner:alice tag:warm")
    fits(page)
    page.get_by_role("link", name="Take away: Tag: warm").click()

    expect(tiles(page)).to_have_count(5)


def test_an_order_is_chosen_beside_the_results(live_server, open_page, coloured):
    page = open_page()
    page.goto(f"{live_server.url}/search/?q=owner:alice")

    page.get_by_label("Order").select_option("name")

    expect(page).to_have_url(re.compile(r"order=name"))
    expect(tiles(page).first).to_contain_text("black.png")


def test_more_results_come_by_the_keyboard_to_the_last(live_server, open_page, coloured):
    page = open_page(width_px=390)
    page.goto(f"{live_server.url}/search/?q=red&top=2")
    expect(tiles(page)).to_have_count(2)

    page.get_by_role("link", name="More results").press("Enter")
    expect(tiles(page)).to_have_count(4)
    expect(page.locator("#less-likely summary").first).to_be_focused()
    page.get_by_role("link", name="More results").press("Enter")
    expect(tiles(page)).to_have_count(5)

    expect(page.get_by_role("link", name="More results")).to_have_count(0)
    fits(page)


def test_more_rows_of_the_table_come_too(live_server, open_page, coloured):
    page = open_page()
    page.goto(f"{live_server.url}/search/?q=red&top=2&view=table")
    rows = page.locator("#search-page tbody tr:not(.tiles-more)")
    expect(rows).to_have_count(2)

    page.get_by_role("link", name="More results").click()

    expect(rows).to_have_count(4)


@WIDTHS
def test_a_search_is_saved_and_found_again(live_server, open_page, alice, coloured, width_px):
    page = open_page(width_px=width_px)
    sign_in(page, live_server.url, alice, "/search/?q=tag:warm")

    page.get_by_text("Save this search").click()
    page.get_by_label("Name", exact=True).fill("Warm ones")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("“Warm ones” is saved.")).to_be_visible()
    fits(page)
    page.goto(f"{live_server.url}/search/saved/")
    fits(page)
    page.get_by_role("button", name="Delete Warm ones").click()
    expect(page.get_by_text("“Warm ones” is deleted.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("heading", name="Warm ones").get_by_role("link").click()

    expect(tiles(page)).to_have_count(1)
    assert SavedSearch.objects.get().query == "q=tag%3Awarm"


@WIDTHS
def test_a_part_of_a_picture_is_dragged_and_searched_with(live_server, open_page, coloured, width_px):
    page = open_page(width_px=width_px)
    page.goto(f"{live_server.url}/images/{coloured['red']}/")
    page.get_by_text("Search with a part of this picture").click()
    frame = page.locator("[data-part-frame]")
    expect(frame.locator("img")).not_to_have_js_property("naturalWidth", 0)
    frame.scroll_into_view_if_needed()
    area = frame.bounding_box()
    assert area is not None

    page.mouse.move(area["x"] + area["width"] * 0.5, area["y"] + area["height"] * 0.75)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.25, area["y"] + area["height"] * 0.5, steps=3)
    page.mouse.up()
    fits(page)
    sides = [float(page.get_by_label(name, exact=True).input_value()) for name in ("Left", "Top", "Width", "Height")]
    page.get_by_role("button", name="Search with this part").click()

    assert sides == pytest.approx([25, 50, 25, 25], abs=1)
    expect(page.get_by_role("heading", name="Similar to a part of red.png")).to_be_visible()
    expect(page.get_by_label("What the picture shows")).to_have_value(re.compile(rf"^like:{coloured['red']}\[0\.2"))


def test_a_part_of_a_picture_is_written_without_javascript(live_server, open_page, coloured):
    page = open_page(width_px=390, with_script=False)
    page.goto(f"{live_server.url}/search/?q=like:{coloured['red']}")

    page.get_by_text("Search with a part of this picture").click()
    page.get_by_label("Left", exact=True).fill("10")
    page.get_by_role("button", name="Search with this part").click()

    expect(page.get_by_label("What the picture shows")).to_have_value(f"like:{coloured['red']}[0.1,0.25,0.5,0.5]")
    fits(page)
