"""Suggestions below the search box in a browser: by the keyboard, the mouse and touch, in both languages."""

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from gallery.models import Visibility
from gallery.services.saved_searches import save_search
from tests.axe import violations_on
from tests.conftest import acting, drawn_picture
from tests.e2e.test_site import WIDTHS, fits, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def tagged(alice, upload, quick_encoder) -> None:
    """Public pictures, two of them at the beach."""
    for colour, tags in [("red", "beach house, 海滩"), ("lime", "beach"), ("blue", "snow")]:
        upload(alice, content=drawn_picture(colour), tags=tags, visibility=Visibility.PUBLIC)


def box_of(page: Page) -> Locator:
    return page.locator("#q")


def options(page: Page) -> Locator:
    return page.locator(".suggestions [role=option]")


def type_and_wait(page: Page, text: str, suggested: str) -> None:
    """Type, and wait for the list of what is in the box then."""
    box_of(page).press_sequentially(text)
    expect(options(page).filter(has_text=suggested)).to_be_visible()


@WIDTHS
def test_a_suggestion_is_chosen_by_the_keyboard_and_searched_for(live_server, open_page, tagged, width_px):
    page = open_page(width_px=width_px)
    page.goto(f"{live_server.url}/search/")
    box = box_of(page)

    type_and_wait(page, "tag:bea", 'tag:"beach house"')
    fits(page)
    expect(box).to_have_attribute("aria-expanded", "true")
    expect(box).not_to_have_attribute("aria-activedescendant", re.compile("."))
    expect(page.locator("[data-suggestions] [role=status]")).to_have_text("2 suggestions; use the arrow keys")
    box.press("ArrowDown")
    box.press("ArrowDown")
    chosen = options(page).nth(1)
    expect(chosen).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", str(chosen.get_attribute("id")))
    box.press("Enter")

    expect(box).to_have_value('tag:"beach house" ')
    expect(box).to_have_attribute("aria-expanded", "false")
    box.press("Enter")
    expect(page).to_have_url(re.compile("/search/\\?q=tag"))
    expect(page.locator("#search-page .tile")).to_have_count(1)
    expect(page.locator(".suggestions:not([hidden])")).to_have_count(0)


def test_enter_searches_for_what_was_typed_as_long_as_nothing_is_chosen(live_server, open_page, tagged):
    page = open_page()
    page.goto(f"{live_server.url}/")

    type_and_wait(page, "bea", "tag:beach 1 picture")
    box_of(page).press("Enter")

    page.wait_for_url(f"{live_server.url}/search/?q=bea")
    expect(box_of(page)).to_have_value("bea")


def test_a_suggestion_is_chosen_by_the_mouse_and_the_box_keeps_the_focus(live_server, open_page, tagged):
    page = open_page()
    page.goto(f"{live_server.url}/")

    type_and_wait(page, "red snow", "tag:snow")
    options(page).filter(has_text="tag:snow").click()

    expect(box_of(page)).to_have_value("red tag:snow ")
    expect(box_of(page)).to_be_focused()
    expect(options(page).first).to_be_hidden()


def test_escape_closes_the_list_and_keeps_what_was_typed(live_server, open_page, tagged):
    page = open_page()
    page.goto(f"{live_server.url}/")

    type_and_wait(page, "bea", "tag:beach 1 picture")
    box_of(page).press("Escape")
    expect(options(page).first).to_be_hidden()
    expect(box_of(page)).to_have_value("bea")
    box_of(page).press("ArrowDown")
    expect(options(page).first).to_be_visible()
    box_of(page).press("Tab")

    expect(options(page).first).to_be_hidden()
    expect(page.get_by_role("button", name="Search", exact=True)).to_be_focused()


def test_a_field_goes_on_to_its_values(live_server, open_page, tagged):
    page = open_page()
    page.goto(f"{live_server.url}/")

    box_of(page).click()
    options(page).filter(has_text="colour:").click()

    expect(box_of(page)).to_have_value("colour:")
    expect(options(page).filter(has_text="colour:red")).to_be_visible()


@WIDTHS
def test_an_empty_box_leads_back_to_saved_searches(live_server, open_page, alice, tagged, width_px):
    save_search("q=tag%3Abeach&order=name", name="Beaches", by=acting(alice))
    page = open_page(width_px=width_px)
    sign_in(page, live_server.url, alice, "/")
    expect(options(page)).to_have_count(0)  # the page has gone to the box, nobody else

    box_of(page).click()
    expect(options(page)).to_have_text(["Beaches Saved search", "tag: Tag", "taken: Taken", "colour: Colour"])
    fits(page)
    options(page).first.click()

    page.wait_for_url(f"{live_server.url}/search/?q=tag%3Abeach&order=name")


def test_a_suggestion_is_touched(live_server, open_page, tagged):
    page = open_page(width_px=390, has_touch=True)
    page.goto(f"{live_server.url}/")

    box_of(page).tap()
    type_and_wait(page, "tag:sn", "tag:snow")
    options(page).first.tap()

    expect(box_of(page)).to_have_value("tag:snow ")


def test_chinese_words_are_replaced_where_they_stand(live_server, open_page, tagged):
    page = open_page(width_px=390, locale="zh-CN")
    page.goto(f"{live_server.url}/")

    type_and_wait(page, "😀 红色的海滩", "标签:海滩 1 张图片")
    expect(page.locator("[data-suggestions] [role=status]")).to_have_text("有 1 条建议，可用方向键选择")
    box_of(page).press("ArrowDown")
    box_of(page).press("Enter")

    expect(box_of(page)).to_have_value("😀 红色的 标签:海滩 ")


def test_nothing_is_asked_or_sent_while_an_input_method_composes(live_server, open_page, tagged):
    page = open_page()
    page.goto(f"{live_server.url}/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/suggestions/" in request.url else None)
    keyboard = page.context.new_cdp_session(page)

    box_of(page).focus()
    keyboard.send("Input.imeSetComposition", {"text": "hai", "selectionStart": 3, "selectionEnd": 3})
    expect(box_of(page)).to_have_value("hai")
    enter = {"key": "Enter", "keyCode": 229, "bubbles": True, "cancelable": True}
    goes_on = box_of(page).evaluate("(box, enter) => box.dispatchEvent(new KeyboardEvent('keydown', enter))", enter)
    assert asked == []
    assert goes_on is False
    keyboard.send("Input.insertText", {"text": "海滩"})

    expect(box_of(page)).to_have_value("海滩")
    expect(options(page)).to_have_text(["标签:海滩 1 picture"])
    assert [url for url in asked if "hai" in url] == []
    assert page.url == f"{live_server.url}/"


def test_an_answer_that_comes_late_is_not_shown(live_server, open_page, tagged):
    page = open_page()
    page.goto(f"{live_server.url}/")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/suggestions/?q=bea&*", hold)

    with page.expect_request("**/suggestions/?q=bea&*"):
        box_of(page).press_sequentially("bea")
    box_of(page).fill("")
    type_and_wait(page, "sno", "tag:snow")
    held[0].fulfill(json={"suggestions": [{"kind": "tag", "start": 0, "end": 3, "text": "late", "label": "late"}]})

    expect(options(page)).to_have_text(["tag:snow 1 picture"])


def test_without_scripts_the_box_is_an_input_as_any_other(live_server, open_page, tagged):
    page = open_page(with_script=False)
    page.goto(f"{live_server.url}/")

    box_of(page).fill("tag:snow")
    box_of(page).press("Enter")

    page.wait_for_url(f"{live_server.url}/search/?q=tag%3Asnow")
    expect(box_of(page)).not_to_have_attribute("role", "combobox")


def test_what_is_suggested_is_for_where_the_caret_has_gone(live_server, open_page, tagged):
    page = open_page()
    page.goto(f"{live_server.url}/")

    type_and_wait(page, "tag:sno bea", "tag:beach 1 picture")
    for _letter in range(4):
        box_of(page).press("ArrowLeft")
    expect(options(page)).to_have_text(["tag:snow 1 picture"])
    options(page).first.click()

    expect(box_of(page)).to_have_value("tag:snow bea")


@pytest.mark.parametrize("look", [("light", "en-US", 1280), ("dark", "zh-CN", 390)], ids=str)
def test_the_list_keeps_nobody_out(live_server, open_page, tagged, look):
    theme, language, width_px = look
    page = open_page(width_px=width_px, color_scheme=theme, locale=language)
    page.goto(f"{live_server.url}/search/")

    type_and_wait(page, "tag:bea", 'tag:"beach house"')
    box_of(page).press("ArrowDown")

    assert violations_on(page) == []
