"""Every page and endpoint asks the database as often for many pictures as for few, and deep parts are the same list."""

from collections.abc import Callable

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery.models import Album, AlbumImage, Image, Tag, User, Visibility
from gallery.search_index import search_index
from gallery.views import library, paging, trash
from tests.integration.api_client import Api, ids
from tests.integration.test_models import image_row
from tests.pages import as_user, images_on
from tests.quick_encoder import QuickEncoder, unit_rows

PAGES = [
    "/",
    "/?page=2",
    "/search/?tag=all",
    "/library/",
    "/library/?page=last",
    "/library/?order=name&format=PNG&added_from=2020-01-01",
    "/library/clear/",
    "/trash/",
    "/trash/empty/",
    "/api/v1/images/?page_size=2",
    "/api/v1/images/?page_size=2&page=2",
    "/api/v1/images/?page_size=2&page=last&order=name",
    "/api/v1/images/?page_size=2&tag=all&q=png",
    "/api/v1/albums/",
    "/api/v1/albums/{album}/",
    "/api/v1/albums/{album}/images/?page_size=2",
    "/api/v1/tags/",
    "/api/v1/suggestions/?q=tag:",
    "/api/v1/suggestions/?q=all",
    "/api/v1/suggestions/?q=owner:",
    "/api/v1/stats/",
]
Grow = Callable[[int], list[Image]]


@pytest.fixture
def album(alice: User, bob: User) -> Album:
    made = Album.objects.create(owner=alice, title="All")
    made.members.add(bob)
    return made


@pytest.fixture
def grow(alice: User, album: Album, monkeypatch: pytest.MonkeyPatch) -> Grow:
    """Add pictures without files: most can be searched, one waits, one has failed, two lie in the trash."""
    for module in (paging, library, trash):
        monkeypatch.setattr(module, "PAGE_SIZE", 2)

    def add(count: int) -> list[Image]:
        images = []
        for number in range(count):
            image = image_row(alice, visibility=Visibility.SHARED if number % 2 else Visibility.PUBLIC)
            image.save()
            image.tags.set(Tag.objects.named(["all", f"tag {number}"]))
            AlbumImage.objects.create(album=album, image=image, position=number)
            images.append(image)
        embedded = [image.pk for image in images[2:]]
        vectors = np.concatenate([unit_rows(1, seed=pk) for pk in embedded])
        search_index().add(embedded, vectors, encoder=QuickEncoder())
        Image.objects.filter(pk=images[0].pk).update(embed_error="broken")
        Image.objects.filter(pk__in=embedded[-2:]).update(trashed_at=images[0].created_at)
        return images

    return add


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize("name", ["alice", "bob", "staff"])
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("never_at_rest")
def test_many_pictures_need_as_many_queries_as_few(address, name, request, album, grow):
    client = as_user(request.getfixturevalue(name))
    address = address.format(album=album.pk)
    grow(8)
    client.get(address)
    with CaptureQueriesContext(connection) as few:
        assert client.get(address).status_code == 200
    grow(24)
    client.get(address)
    with CaptureQueriesContext(connection) as many:
        client.get(address)

    assert len(many) == len(few)


@pytest.mark.parametrize("name", ["alice", "bob", "charlie", "staff"])
@pytest.mark.parametrize("order", ["newest", "oldest", "name", "size", "taken"])
@pytest.mark.django_db(transaction=True)
def test_pages_by_number_are_the_parts_of_the_whole_list(name, order, request, grow):
    api = Api(request.getfixturevalue(name))
    grow(11)
    whole = ids(api.json("/images/", order=order))

    pages = [
        ids(api.json("/images/", order=order, page=number, page_size=3)) for number in range(1, -(-len(whole) // 3) + 1)
    ]
    last = ids(api.json("/images/", order=order, page="last", page_size=3))

    assert [pk for page in pages for pk in page] == whole
    assert last == pages[-1]


@pytest.mark.django_db(transaction=True)
def test_home_is_the_same_list_at_any_depth(grow):
    grow(11)
    whole = [image.pk for image in Image.objects.filter(visibility=Visibility.PUBLIC).live().newest()]

    pages = [images_on(Client().get("/", {"page": number})) for number in range(1, len(whole) // 2 + 1)]

    assert [pk for page in pages for pk in page] == whole[: 2 * len(pages)]


@pytest.mark.django_db(transaction=True)
def test_list_of_a_tag_says_how_many_pictures_it_has(alice, bob, grow):
    grow(12)
    text = as_user(bob).get("/search/?tag=all").content.decode()

    assert "10 pictures</p>" in text
    assert "10 pictures found." in text
