"""The whole site as people use it: a real server, a real Chromium, real pictures."""

import re
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pillow_heif
import pytest
from django.core.signals import request_started
from django.test import Client
from PIL import Image as PillowImage
from playwright.sync_api import Page, expect

from gallery.media_responses import thumbnail_address
from gallery.models import Image, User, Visibility
from gallery.retrieval.understanding import Understanding
from gallery.services.maintenance import verify
from gallery.services.search import Result, ResultPage
from gallery.views import search as search_view
from tests.conftest import PASSWORD, SAMPLES, drawn_picture

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PHOTOS = ["chelsea.png", "coffee.png", "rocket.jpg"]
WIDTHS = pytest.mark.parametrize("width_px", [390, 1280])


def fits(page: Page) -> None:
    """Nothing on the page may be wider than the window."""
    page.wait_for_load_state()
    expect(page.locator("html")).to_have_js_property("scrollWidth", page.viewport_size["width"])


def sign_up(page: Page, site: str, name: str) -> None:
    page.goto(f"{site}/accounts/sign-up/")
    fits(page)
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password confirmation").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Library")).to_be_visible()
    fits(page)


def sign_in(page: Page, site: str, user: User, path: str) -> None:
    page.goto(f"{site}/accounts/login/?next={path}")
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site}{path}")


def to(page: Page, name: str) -> None:
    """Follow a link of the navigation, and wait until the page it leads to is there with its scripts."""
    link = page.get_by_role("navigation", name="Main").get_by_role("link", name=name)
    address = urljoin(page.url, link.get_attribute("href"))
    link.click()
    page.wait_for_url(address)
    expect(page.get_by_role("heading", level=1)).to_be_attached()
    fits(page)


def first_result(page: Page) -> Any:
    """The best hit: the first of the links that lead to a picture."""
    return page.get_by_role("main").get_by_role("list").get_by_role("link", name=re.compile(r"\.(png|jpg)$")).first


def cropped_copy() -> bytes:
    with PillowImage.open(SAMPLES / "chelsea.png") as original:
        cropped = original.convert("RGB").crop((60, 20, 400, 280))
    file = BytesIO()
    cropped.save(file, "JPEG", quality=60)
    return file.getvalue()


@WIDTHS
def test_a_visitor_signs_up_uploads_finds_curates_and_clears(live_server, open_page, width_px):
    page = open_page(width_px=width_px)
    sign_up(page, live_server.url, "dora")

    to(page, "Upload")
    page.get_by_label("Choose pictures").set_input_files([SAMPLES / name for name in PHOTOS])
    page.get_by_label("Tags").fill("sample, 样本，photo")
    fits(page)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_text("Finished. Added: 3. Already there: 0. Failed: 0.")).to_be_visible()
    fits(page)

    to(page, "Search")
    page.get_by_label("What the picture shows").fill("一只猫")
    page.get_by_label("What the picture shows").press("Enter")
    expect(first_result(page)).to_contain_text("chelsea.png")
    fits(page)

    to(page, "Search")
    page.get_by_label("Search with a picture").set_input_files(
        {"name": "crop.jpg", "mimeType": "image/jpeg", "buffer": cropped_copy()}
    )
    expect(page.get_by_role("heading", name="Similar to crop.jpg")).to_be_visible()
    expect(first_result(page)).to_contain_text("chelsea.png")
    fits(page)

    first_result(page).click()
    expect(page.get_by_role("heading", name="chelsea.png")).to_be_visible()
    expect(page.get_by_role("link", name="样本")).to_be_visible()
    fits(page)
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Description").fill("A ginger cat looks at you")
    fits(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("article").get_by_text("A ginger cat looks at you")).to_be_visible()

    page.get_by_role("button", name="Move to trash").click()
    expect(page.get_by_text("is in the trash.")).to_be_visible()
    fits(page)
    assert Image.objects.live().count() == 2
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="chelsea.png")).to_be_visible()
    assert Image.objects.live().count() == 3

    to(page, "Library")
    page.get_by_role("link", name="Clear everything").click()
    fits(page)
    page.get_by_label("To confirm, type your user name: dora").fill("dora")
    page.get_by_role("button", name="Delete everything forever").click()
    expect(page.get_by_text("3 pictures are deleted forever.")).to_be_visible()
    expect(page.get_by_role("heading", name="Your library is empty")).to_be_visible()
    assert Image.objects.count() == 0
    assert verify().problems == ()


@WIDTHS
def test_library_curates_many_pictures_at_once(live_server, open_page, alice, upload, width_px):
    for colour in ("red", "green", "blue"):
        upload(alice, f"{colour}.png", content=drawn_picture(colour))
    page = open_page(width_px=width_px)
    sign_in(page, live_server.url, alice, "/library/")
    fits(page)

    page.get_by_label("All on this page").check()
    expect(page.get_by_text("Selected: 3")).to_be_visible()
    page.get_by_label("Select green.png").uncheck()
    expect(page.get_by_text("Selected: 2")).to_be_visible()
    page.get_by_role("group", name="Change the selected pictures").get_by_label("Tags").fill("warm, 颜色")
    page.get_by_role("button", name="Add tags").click()
    expect(page.get_by_text("2 pictures have the tags now.")).to_be_visible()

    page.get_by_text("Filter and order").first.click()
    page.get_by_label("Tag", exact=True).fill("颜色")
    page.get_by_label("Order", exact=True).select_option("name")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("heading", name="2 pictures")).to_be_visible()
    fits(page)

    page.get_by_label("All on this page").check()
    page.get_by_role("button", name="Move to the trash").click()
    expect(page.get_by_text("2 pictures are in the trash.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("2 pictures are back.")).to_be_visible()
    fits(page)

    page.get_by_role("button", name="To the trash green.png").click()
    expect(page.get_by_text("1 picture is in the trash.")).to_be_visible()
    to(page, "Trash")
    page.get_by_role("button", name="Delete forever… green.png").click()
    expect(page.get_by_text("1 picture will be deleted forever.")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="Delete forever").click()
    expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()
    assert sorted(Image.objects.values_list("original_name", flat=True)) == ["blue.png", "red.png"]


@WIDTHS
def test_what_is_done_with_ticked_pictures_stays_in_reach(live_server, open_page, alice, upload, width_px):
    for value in range(20):
        upload(alice, f"{value}.png", content=drawn_picture(f"hsl({value * 18}, 80%, 50%)"))
    page = open_page(width_px=width_px)
    sign_in(page, live_server.url, alice, "/library/")
    way_there = page.get_by_role("link", name="Change the selected pictures")

    expect(way_there).to_be_hidden()
    page.get_by_label("Select 0.png").check()  # the oldest, and so the last
    if width_px < 500:
        expect(way_there).to_be_in_viewport()
        way_there.click()

    expect(page.get_by_role("button", name="Move to the trash")).to_be_in_viewport()
    expect(page.get_by_text("Selected: 1")).to_be_in_viewport()
    fits(page)


def test_thumbnail_is_asked_for_once_and_kept(live_server, open_page, alice, upload):
    image = upload(alice, "coffee.png")
    asked: list[str] = []

    def note(environ: dict[str, Any], **_: Any) -> None:
        asked.append(environ["PATH_INFO"])

    request_started.connect(note)
    page = open_page()
    sign_in(page, live_server.url, alice, "/library/")
    shown = page.locator(".tile img")
    expect(shown).not_to_have_js_property("naturalWidth", 0)
    page.goto(f"{live_server.url}/library/")
    expect(shown).not_to_have_js_property("naturalWidth", 0)
    request_started.disconnect(note)

    assert asked.count("/library/") == 2
    assert [path for path in asked if "/thumbnail/" in path] == [thumbnail_address(image)]


def test_a_long_name_of_the_picture_one_searches_with_fits(live_server, open_page):
    with BytesIO(drawn_picture()) as file:
        file.name = "0123456789abcdef" * 5 + ".png"
        results = Client().post("/search/", {"picture": file}).headers["Location"]
    page = open_page(width_px=390)

    page.goto(f"{live_server.url}{results}")

    expect(page.get_by_role("heading", name="Similar to 0123456789abcdef")).to_be_visible()
    fits(page)


@WIDTHS
def test_the_page_of_a_picture_with_a_long_name_fits(live_server, open_page, alice, upload, width_px):
    image = upload(alice, "holiday_at_the_sea_" * 6 + ".png", content=drawn_picture(), visibility=Visibility.PUBLIC)
    page = open_page(width_px=width_px)

    page.goto(f"{live_server.url}{image.get_absolute_url()}")

    expect(page.get_by_role("heading", level=1)).to_contain_text("holiday_at_the_sea_")
    fits(page)


def test_the_nearest_of_what_is_not_here_are_unfolded_by_the_keyboard(
    live_server, open_page, alice, upload, monkeypatch
):
    nearest = Result(upload(alice, "coffee.png", visibility=Visibility.PUBLIC), 0.02, False, 0.1)
    meant = Understanding("an elephant", "an elephant", is_applied=True)
    answer = ResultPage("offline", (nearest,), searched=1, confident_count=0, milliseconds=1.0, understanding=meant)
    monkeypatch.setattr(search_view, "find_images", lambda *_, **__: answer)
    page = open_page(width_px=390)
    page.goto(f"{live_server.url}/search/?q=an+elefant")

    expect(page.get_by_role("heading", name="Nothing here looks like “an elefant”")).to_be_visible()
    expect(page.get_by_text("these are the results for “an elephant”")).to_be_visible()
    expect(page.get_by_role("link", name="coffee.png").first).not_to_be_visible()
    page.locator("#less-likely summary").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="coffee.png").first).to_be_visible()
    fits(page)


@pytest.mark.parametrize("path", ["/", "/search/?q=a+dog"])
def test_a_picture_is_searched_with_together_with_what_is_typed(live_server, open_page, alice, upload, path):
    upload(alice, "chelsea.png", visibility=Visibility.PUBLIC)
    page = open_page(width_px=1280)
    page.goto(f"{live_server.url}{path}")

    page.get_by_label("What the picture shows").fill("a cup of coffee")
    page.get_by_label("Search with a picture").set_input_files(SAMPLES / "coffee.png")

    expect(page.get_by_role("heading", name="Similar to coffee.png")).to_be_visible()
    expect(page.get_by_label("What the picture shows")).to_have_value("a cup of coffee")
    expect(
        page.get_by_role("heading", name="Nothing here looks like “a cup of coffee” and this picture")
    ).to_be_visible()
    page.locator("#less-likely summary").first.click()
    expect(first_result(page)).to_contain_text("chelsea.png")
    fits(page)


def test_loading_more_pictures_leads_the_keyboard_to_them(live_server, open_page, alice, upload, monkeypatch):
    monkeypatch.setattr("gallery.views.paging.PAGE_SIZE", 2)
    for value in range(4):
        upload(alice, f"{value}.png", content=drawn_picture(f"hsl({value * 90}, 80%, 50%)"))
    page = open_page()
    sign_in(page, live_server.url, alice, "/")

    page.get_by_role("link", name="Load more").press("Enter")

    expect(page.get_by_role("link", name="1.png")).to_be_focused()
    expect(page.get_by_role("link", name="Load more")).to_be_hidden()


@WIDTHS
def test_a_stranger_is_offered_to_sign_up(live_server, open_page, width_px):
    page = open_page(width_px=width_px)
    page.goto(live_server.url)

    page.get_by_role("banner").get_by_role("link", name="Sign up").click()

    expect(page.get_by_role("heading", name="Sign up")).to_be_visible()
    fits(page)


def test_upload_takes_dropped_and_pasted_pictures_and_lets_them_be_removed(live_server, open_page, alice):
    page = open_page(width_px=1280)
    sign_in(page, live_server.url, alice, "/upload/")
    send = """async ([type, name]) => {
        const canvas = new OffscreenCanvas(8, 8);
        canvas.getContext("2d").fillRect(0, 0, name.length % 8, 8);
        const blob = await canvas.convertToBlob({ type: "image/png" });
        const transfer = new DataTransfer();
        transfer.items.add(new File([blob], name, { type: "image/png" }));
        const event = type === "paste"
          ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true })
          : new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true });
        document.body.dispatchEvent(event);
    }"""
    chosen = page.get_by_role("region", name="Chosen pictures").get_by_role("listitem")

    page.evaluate(send, ["drop", "dropped.png"])
    page.evaluate(send, ["paste", "pasted one.png"])
    expect(chosen).to_have_count(2)
    page.get_by_role("button", name="Remove dropped.png").click()
    expect(chosen).to_have_count(1)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_text("Finished. Added: 1. Already there: 0. Failed: 0.")).to_be_visible()

    assert Image.objects.get().original_name == "pasted one.png"


def test_upload_says_before_sending_what_can_never_be_taken(live_server, open_page, alice, limits_of):
    limits_of(max_upload_bytes=1_000, max_upload_files=2)
    page = open_page(width_px=390)
    sign_in(page, live_server.url, alice, "/upload/")

    page.get_by_label("Choose pictures").set_input_files(
        [
            {"name": "empty.png", "mimeType": "image/png", "buffer": b""},
            {"name": "large.png", "mimeType": "image/png", "buffer": b"x" * 1_001},
            {"name": "third.png", "mimeType": "image/png", "buffer": drawn_picture()},
        ]
    )

    expect(page.get_by_text("This file is empty (0 bytes). Choose the picture again.")).to_be_visible()
    expect(page.get_by_text("This file is larger than 0.001 MB, which is the limit.")).to_be_visible()
    expect(page.get_by_text("At most 2 files can be uploaded at once.")).to_be_visible()
    fits(page)
    assert Image.objects.count() == 0


def test_what_the_browser_cannot_show_has_its_thumbnail_once_it_is_there(live_server, open_page, alice):
    page = open_page(width_px=390)
    sign_in(page, live_server.url, alice, "/upload/")
    file = BytesIO()
    pillow_heif.from_pillow(PillowImage.new("RGB", (300, 200), "teal")).save(file)

    page.get_by_label("Choose pictures").set_input_files(
        {"name": "phone.heic", "mimeType": "image/heic", "buffer": file.getvalue()}
    )
    expect(page.locator("[data-preview]").first).to_be_hidden()
    page.get_by_role("button", name="Upload", exact=True).click()

    expect(page.get_by_text("Finished. Added: 1. Already there: 0. Failed: 0.")).to_be_visible()
    expect(page.locator("[data-preview]").first).to_be_visible()
    expect(page.locator("[data-preview]").first).not_to_have_js_property("naturalWidth", 0)


def test_a_broken_connection_loses_nothing_and_can_be_tried_again(live_server, open_page, alice):
    page = open_page(may_complain=True)  # about the connection
    sign_in(page, live_server.url, alice, "/upload/")
    page.route("**/upload/file/", lambda route: route.abort())
    page.get_by_label("Choose pictures").set_input_files([SAMPLES / "coffee.png"])
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_text("The connection was lost. Try again.")).to_be_visible()

    page.unroute("**/upload/file/")
    page.get_by_role("button", name="Try again coffee.png").click()

    expect(page.get_by_text("Finished. Added: 1. Already there: 0. Failed: 0.")).to_be_visible()


@WIDTHS
def test_everything_works_without_javascript(live_server, open_page, alice, width_px, tmp_path: Path):
    page = open_page(width_px=width_px, with_script=False)
    note = tmp_path / "note.jpg"
    note.write_text("no picture")
    sign_in(page, live_server.url, alice, "/upload/")

    page.get_by_label("Choose pictures").set_input_files([SAMPLES / "chelsea.png", note])
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_text("Finished. Added: 1. Already there: 0. Failed: 1.")).to_be_visible()
    expect(page.get_by_text("This file is not one of the picture formats that can be read")).to_be_visible()

    to_without_script(page, "Library")
    page.get_by_label("Select chelsea.png").check()
    page.get_by_role("button", name="Move to the trash").click()
    expect(page.get_by_text("1 picture is in the trash.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("1 picture is back.")).to_be_visible()

    page.get_by_role("navigation", name="Main").get_by_role("link", name="Search").click()
    page.get_by_label("What the picture shows").fill("a cat")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(first_result(page)).to_contain_text("chelsea.png")


def to_without_script(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Main").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
