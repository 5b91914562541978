"""The search page in all its states, as axe-core judges it: in both themes and both languages, wide and narrow."""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect

from gallery.models import Album, AlbumImage, Favourite, Image, User, Visibility
from tests.axe import violations_on
from tests.conftest import drawn_picture
from tests.e2e.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOOKS = [("light", "en-US", 1280), ("dark", "en-US", 390), ("light", "zh-CN", 390), ("dark", "zh-CN", 1280)]


@pytest.fixture(params=LOOKS, ids=str)
def page(request: pytest.FixtureRequest, open_page: OpenPage) -> Page:
    """A page of each look; it complains about the status of a mistake."""
    theme, language, width_px = request.param
    return open_page(width_px=width_px, color_scheme=theme, locale=language, may_complain=True)


@pytest.fixture
def library(alice: User, upload: Callable[..., Image], quick_encoder: object) -> list[int]:
    """Public pictures of alice with and without tags, descriptions, an album and a star; ids, oldest first."""
    images = [
        upload(
            alice,
            f"{colour}.png",
            content=drawn_picture(colour, size=(640, 480)),
            tags=tags,
            description=description,
            visibility=Visibility.PUBLIC,
        )
        for colour, tags, description in (
            ("red", "warm, evening", "The sun above the sea"),
            ("lime", "fresh", ""),
            ("blue", "", ""),
        )
    ]
    AlbumImage.objects.create(album=Album.objects.create(owner=alice, title="Trip 1"), image=images[0])
    Favourite.objects.create(user=alice, image=images[1])
    return [image.pk for image in images]


def sign_in_at_once(page: Page, site: str, user: User) -> None:
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}])


def opened(page: Page, what: str) -> None:
    """Open every fold of a kind."""
    folds = page.locator(what)
    expect(folds.first).to_be_visible()
    for place in range(folds.count()):
        folds.nth(place).locator("> summary").click()


def test_search_page_keeps_nobody_out(live_server, page, alice, library):
    sign_in_at_once(page, live_server.url, alice)
    states = {
        "blank": "",
        "results": "?q=red",
        "a list": "?q=owner:alice",
        "a table": "?q=red&view=table",
        "a mistake": "?q=is:portrat",
        "nothing left": "?q=tag:absent",
        "a picture": f"?q=red+like:{library[0]}",
    }
    folds = {
        "results": [".less-likely", ".refine"],
        "a list": [".facet", ".save-search"],
        "a picture": [".part-search"],
    }
    found = {}
    for state, query in states.items():
        page.goto(f"{live_server.url}/search/{query}")
        for fold in folds.get(state, []):
            opened(page, fold)

        found[state] = violations_on(page)

    assert found == {state: [] for state in states}


def test_visitors_meet_the_same(live_server, page, library):
    found = {}
    for path in ("/search/", "/search/?q=red"):
        page.goto(f"{live_server.url}{path}")

        found[path] = violations_on(page)

    assert found == {"/search/": [], "/search/?q=red": []}


def test_curators_meet_the_same(live_server, page, staff, library):
    sign_in_at_once(page, live_server.url, staff)
    states = ("red", "is:portrat", "dogs without cats", "zzz")
    found = {}
    for query in states:
        page.goto(f"{live_server.url}/admin/gallery/image/?q={query}")
        expect(page.locator(".search-notes")).to_be_visible()

        found[query] = violations_on(page, within=".search-notes")

    assert found == {state: [] for state in states}


def test_what_keeps_people_out_is_found(open_page):
    page = open_page()
    page.set_content('<html lang="en"><title>x</title><main><h1>x</h1><img src="data:,"></main></html>')

    assert [each.partition(":")[0] for each in violations_on(page)] == ["image-alt"]
