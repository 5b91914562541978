"""Reading pages in tests."""

import re
from typing import Any

from django.test import Client

from gallery.models import User


def as_user(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(page: Any) -> str:
    """Return the page's HTML with single spaces."""
    return re.sub(r"\s+", " ", page.content.decode())


def main_of(page: Any) -> str:
    """Return what the page itself shows, without what is on every page."""
    return text_of(page).partition("<main ")[2].partition("</main>")[0]


def images_on(page: Any) -> list[int]:
    """Return the ids of the pictures on a page, in order."""
    return [int(pk) for pk in re.findall(r'class="tile-link" href="/images/(\d+)/"', page.content.decode())]
