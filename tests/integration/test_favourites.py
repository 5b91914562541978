"""Stars of one's own: on any picture that one may see, and nobody else's business."""

from urllib.parse import quote

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.urls import reverse

from gallery.models import OPERATOR, AuditEntry, Favourite, Image, Visibility
from gallery.services.favourites import add_favourite, remove_favourite
from tests.conftest import acting, drawn_picture
from tests.integration.api_client import Api, ids
from tests.integration.test_models import stored
from tests.pages import images_on


@pytest.fixture
def images(alice, bob, share) -> dict[str, Image]:
    """Of alice: one that all see, one that bob sees, one that nobody else does."""
    found = {visibility: stored(alice, visibility=visibility) for visibility in Visibility.values}
    share(found["shared"], bob)
    return found


def starred(user) -> list[int]:
    return sorted(Favourite.objects.filter(user=user).values_list("image", flat=True))


def test_a_star_is_put_and_taken_away_once(bob, images):
    for _time in range(2):
        add_favourite(images["shared"], by=acting(bob))
    assert starred(bob) == [images["shared"].pk]

    for _time in range(2):
        remove_favourite(images["shared"], by=acting(bob))
    assert starred(bob) == []


def test_stars_are_not_in_the_audit_log(bob, images):
    add_favourite(images["public"], by=acting(bob))
    remove_favourite(images["public"], by=acting(bob))

    assert AuditEntry.objects.count() == 0


@pytest.mark.parametrize("actor", [acting(AnonymousUser()), OPERATOR], ids=str)
def test_who_has_no_account_has_no_stars(actor, images):
    with pytest.raises(PermissionDenied):
        add_favourite(images["public"], by=actor)
    with pytest.raises(PermissionDenied):
        remove_favourite(images["public"], by=actor)


def test_a_star_needs_a_picture_that_one_sees(charlie, images):
    with pytest.raises(PermissionDenied):
        add_favourite(images["private"], by=acting(charlie))
    assert starred(charlie) == []


def test_api_takes_stars_from_those_who_see_the_picture(images, alice, bob, charlie, staff):
    people = [alice, bob, charlie, staff]
    seen = {
        "private": ["alice", "staff"],
        "shared": ["alice", "bob", "staff"],
        "public": ["alice", "bob", "charlie", "staff"],
    }
    for visibility, image in images.items():
        statuses = {user.username: Api(user).put(f"/images/{image.pk}/favourite/").status_code for user in people}
        assert statuses == {user.username: 204 if user.username in seen[visibility] else 404 for user in people}
        assert Api().put(f"/images/{image.pk}/favourite/").status_code == 401

    assert starred(bob) == sorted([images["shared"].pk, images["public"].pk])


def test_api_tells_ones_own_stars_alone(alice, bob, images):
    api, address = Api(bob), f"/images/{images['public'].pk}/"
    assert api.put(f"{address}favourite/").status_code == 204

    assert [user.json(address)["is_favourite"] for user in (api, Api(alice), Api())] == [True, False, False]
    assert {one["id"]: one["is_favourite"] for one in api.json("/images/")["results"]} == {
        images["public"].pk: True,
        images["shared"].pk: False,
    }

    for _time in range(2):
        assert api.delete(f"{address}favourite/").status_code == 204
    assert api.json(address)["is_favourite"] is False


def test_a_read_only_token_puts_no_star(bob, images):
    answer = Api(bob, read_only=True).put(f"/images/{images['public'].pk}/favourite/")

    assert answer.status_code == 403
    assert starred(bob) == []


def test_page_has_a_button_for_members(visitors, bob, images):
    page, address = reverse("image", args=[images["public"].pk]), reverse("image-favourite", args=[images["public"].pk])
    assert address not in visitors["anonymous"].get(page).content.decode()
    client = visitors["bob"]
    assert f'action="{address}"' in client.get(page).content.decode()

    assert client.post(address).url == page
    assert starred(bob) == [images["public"].pk]
    assert 'name="is" value="not"' in client.get(page).content.decode()

    client.post(address, {"is": "not"})
    assert starred(bob) == []


def test_page_answers_who_may_not_see_the_picture_as_if_there_were_none(visitors, images):
    address = reverse("image-favourite", args=[images["private"].pk])

    assert {name: client.post(address).status_code for name, client in visitors.items()} == {
        "anonymous": 404,
        "alice": 302,
        "bob": 404,
        "charlie": 404,
        "staff": 302,
    }


def test_visitors_are_refused_at_the_page(visitors, images):
    answer = visitors["anonymous"].post(reverse("image-favourite", args=[images["public"].pk]))

    assert answer.status_code == 403
    assert Favourite.objects.count() == 0


def test_favourites_are_found_while_they_are_seen(bob, visitors, alice, upload, quick_encoder):
    image = upload(alice, "red.png", content=drawn_picture("red"), visibility=Visibility.PUBLIC)
    upload(alice, "blue.png", content=drawn_picture("blue"), visibility=Visibility.PUBLIC)
    add_favourite(image, by=acting(bob))

    asked = quote("is:favourite")
    assert images_on(visitors["bob"].get(f"/search/?q={asked}")) == [image.pk]
    assert images_on(visitors["alice"].get(f"/search/?q={asked}")) == []
    assert Api().get("/search/", q="is:favourite").json()["code"] == "nobody_signed_in"

    Image.objects.filter(pk=image.pk).update(visibility=Visibility.PRIVATE)
    assert ids(Api(bob).json("/search/", q="is:favourite")) == []


def test_stars_go_with_their_picture_and_their_user(alice, bob, images):
    for image in (images["public"], images["shared"]):
        add_favourite(image, by=acting(bob))
        add_favourite(image, by=acting(alice))

    images["public"].delete()
    assert starred(bob) == [images["shared"].pk]
    bob.delete()
    assert list(Favourite.objects.values_list("user", flat=True)) == [alice.pk]
