"""Who may do what: the whole cast, the operator and the program, asked of every queryset and of every verb."""

from io import BytesIO

import pytest
from django.contrib.auth.models import AnonymousUser, Permission
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from gallery.models import (
    OPERATOR,
    WORKER,
    Actor,
    ActorKind,
    Album,
    AlbumImage,
    Door,
    Image,
    User,
    Visibility,
)
from gallery.models.access import may_add_images_of, may_change_model
from gallery.search_index import search_index
from gallery.services import curation
from gallery.services.embedding.model_change import ask_for_change, cancel_change, change_model
from gallery.services.ingest import accept_upload
from gallery.services.labels import Labels
from tests.conftest import acting, drawn_picture
from tests.integration.test_models import stored, titles


@pytest.fixture
def alices(alice, bob) -> dict[str, Image]:
    """One picture of alice of each kind; bob is a member of her album of two, charlie and others of none."""
    kinds = {
        kind: stored(alice, original_name=kind, visibility=visibility, trashed_at=trashed)
        for kind, visibility, trashed in [
            ("private", Visibility.PRIVATE, None),
            ("shared", Visibility.SHARED, None),
            ("shared, in no album", Visibility.SHARED, None),
            ("private, in the album", Visibility.PRIVATE, None),
            ("public", Visibility.PUBLIC, None),
            ("trash", Visibility.PUBLIC, timezone.now()),
        ]
    }
    album = Album.objects.create(owner=alice, title="Ours")
    album.members.add(bob)
    for kind in ("shared", "private, in the album", "trash"):
        AlbumImage.objects.create(album=album, image=kinds[kind])
    return kinds


LIVE = {"private", "shared", "shared, in no album", "private, in the album", "public"}


def test_who_sees_what(alices, alice, bob, charlie, staff):
    assert titles(Image.objects.visible_to(acting(alice))) == LIVE
    assert titles(Image.objects.visible_to(acting(bob))) == {"shared", "public"}
    assert titles(Image.objects.visible_to(acting(charlie))) == {"public"}
    assert titles(Image.objects.visible_to(acting(staff))) == LIVE
    assert titles(Image.objects.visible_to(acting(AnonymousUser()))) == {"public"}


def test_who_changes_what(alices, alice, bob, charlie, staff):
    assert titles(Image.objects.editable_by(acting(alice))) == LIVE | {"trash"}
    assert titles(Image.objects.editable_by(acting(staff))) == LIVE | {"trash"}
    for stranger in (bob, charlie, AnonymousUser()):
        assert titles(Image.objects.editable_by(acting(stranger))) == set()


def test_the_operator_and_the_program_may_everything(alices):
    for actor in (OPERATOR, WORKER):
        assert titles(Image.objects.visible_to(actor)) == LIVE
        assert titles(Image.objects.editable_by(actor)) == LIVE | {"trash"}
        assert titles(Image.objects.deletable_by(actor)) == LIVE | {"trash"}
        assert Album.objects.visible_to(actor).count() == Album.objects.editable_by(actor).count() == 1
        assert titles(Image.objects.owned_by(actor)) == set()  # and have no pictures of their own


def test_who_deletes_what_for_good(alices, alice, bob, charlie, staff):
    assert titles(Image.objects.deletable_by(acting(alice))) == LIVE | {"trash"}
    assert titles(Image.objects.deletable_by(acting(staff))) == LIVE | {"trash"}
    for stranger in (bob, charlie, AnonymousUser()):
        assert titles(Image.objects.deletable_by(acting(stranger))) == set()


def test_the_trash_is_its_owners(alices, alice, bob, staff):
    assert titles(Image.objects.in_trash_of(acting(alice))) == {"trash"}
    assert titles(Image.objects.in_trash_of(acting(bob))) == set()
    assert titles(Image.objects.in_trash_of(acting(staff))) == set()
    assert titles(Image.objects.in_trash_of(acting(AnonymousUser()))) == set()


def test_staff_without_the_right_is_a_stranger_and_a_curator_must_be_staff(alices, transactional_db):
    bare = User.objects.create_user("bare", is_staff=True)
    superuser_off_staff = User.objects.create_user("off", is_superuser=True)

    for user in (bare, superuser_off_staff):
        assert titles(Image.objects.visible_to(acting(user))) == {"public"}
        assert titles(Image.objects.editable_by(acting(user))) == set()

    superuser_off_staff.is_active = False
    superuser_off_staff.is_staff = True
    assert titles(Image.objects.visible_to(acting(superuser_off_staff))) == {"public"}


def test_nobody_opens_anothers_picture_with_an_album_of_his_own(alices, charlie, bob):
    trick = Album.objects.create(owner=charlie, title="Trick")
    trick.members.add(charlie, bob)
    for image in alices.values():
        AlbumImage.objects.create(album=trick, image=image)

    assert titles(Image.objects.visible_to(acting(charlie))) == {"public"}
    assert titles(Image.objects.visible_to(acting(bob))) == {"shared", "public"}


def test_leaving_the_album_ends_the_view(alices, bob):
    Album.objects.get().members.remove(bob)

    assert titles(Image.objects.visible_to(acting(bob))) == {"public"}


def test_a_picture_in_two_shared_albums_is_listed_once(alices, alice, bob):
    second = Album.objects.create(owner=alice, title="Second")
    second.members.add(bob)
    AlbumImage.objects.create(album=second, image=alices["shared"])

    assert sorted(Image.objects.visible_to(acting(bob)).values_list("original_name", flat=True)) == ["public", "shared"]


def test_a_curator_who_may_change_pictures_may_see_them(alice, charlie):
    stored(alice)
    charlie.is_staff = True
    charlie.user_permissions.set(Permission.objects.filter(codename="change_image"))

    assert Image.objects.visible_to(acting(charlie)).count() == Image.objects.editable_by(acting(charlie)).count() == 1


def test_albums_are_seen_by_owner_members_and_curators(alices, alice, bob, charlie, staff):
    seen = {
        user: Album.objects.visible_to(acting(user)).count() for user in (alice, bob, charlie, staff, AnonymousUser())
    }
    changed = {
        user: Album.objects.editable_by(acting(user)).count() for user in (alice, bob, charlie, staff, AnonymousUser())
    }

    assert list(seen.values()) == [1, 1, 0, 1, 0]
    assert list(changed.values()) == [1, 0, 0, 1, 0]


# Curators of one kind


@pytest.fixture
def curator(transactional_db):
    """Make a member of staff with these rights and no others: curator("view_album")."""

    def make(*rights: str) -> Actor:
        user = User.objects.create_user("-".join(rights), is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=rights))
        return acting(user, door=Door.ADMIN)

    return make


def test_a_curator_of_albums_sees_every_album_and_of_their_pictures_what_anybody_sees(alices, curator):
    actor = curator("view_album")
    album = Album.objects.get()
    AlbumImage.objects.create(album=album, image=alices["public"])

    [seen] = Album.objects.visible_to(actor)

    assert seen == album
    assert search_index().lists.album_counts(Image.objects.visible_to(actor), [album.pk]) == {album.pk: 1}
    assert titles(Image.objects.visible_to(actor).in_album(album)) == {"public"}
    assert not Album.objects.editable_by(actor).exists()
    assert not Album.objects.deletable_by(actor).exists()


@pytest.mark.parametrize("right", ["change", "delete"])
def test_each_right_on_albums_is_one_right(alices, curator, right):
    actor = curator(f"{right}_album")

    assert Album.objects.visible_to(actor).exists() == (right == "change")  # as the admin: who may change may see
    assert Album.objects.editable_by(actor).exists() == (right == "change")
    assert Album.objects.deletable_by(actor).exists() == (right == "delete")


def test_a_curator_of_pictures_sees_every_picture_and_no_album(alices, curator):
    actor = curator("view_image", "change_image", "delete_image")

    assert titles(Image.objects.visible_to(actor)) == LIVE
    assert titles(Image.objects.curated_by(actor)) == LIVE | {"trash"}
    assert not Album.objects.visible_to(actor).exists()
    assert not Album.objects.editable_by(actor).exists()


def test_the_admin_lists_the_trash_for_those_who_may_change_all(alices, curator, alice):
    assert titles(Image.objects.curated_by(curator("view_image"))) == LIVE
    assert titles(Image.objects.curated_by(curator("change_image"))) == LIVE | {"trash"}
    assert titles(Image.objects.curated_by(acting(alice))) == LIVE


# An album shows only its owner's pictures


def test_an_album_shows_only_its_owners_pictures(alices, alice, charlie):
    mine = stored(charlie, original_name="charlie's", visibility=Visibility.PUBLIC)
    album = Album.objects.get()
    AlbumImage.objects.create(album=album, image=mine)

    for actor in (acting(alice), acting(charlie), OPERATOR):
        counts = search_index().lists.album_counts(Image.objects.visible_to(actor), [album.pk])
        assert "charlie's" not in titles(Image.objects.visible_to(actor).in_album(album))
        assert counts[album.pk] == Image.objects.visible_to(actor).in_album(album).count()
    assert (album.shows_images_of(alice.pk), album.shows_images_of(charlie.pk)) == (True, False)


# Actors


def test_a_user_is_no_actor(alices, alice):
    """Whoever forgets to say through which door somebody came gets an error, and no picture."""
    for ask in (Image.objects.visible_to, Image.objects.editable_by, Album.objects.visible_to):
        with pytest.raises(AttributeError):
            ask(alice)


def test_nobody_signed_in_is_a_visitor(alice):
    visitor = Actor.of(AnonymousUser(), door=Door.API)

    assert visitor == Actor(ActorKind.VISITOR, Door.API)
    assert acting(alice) == Actor(ActorKind.MEMBER, Door.PAGE, alice)
    assert (str(acting(alice)), str(OPERATOR), str(WORKER)) == ("alice", "operator", "background work")


def test_who_adds_pictures_for_whom(alice, bob, staff):
    for actor, may in [(acting(alice), True), (OPERATOR, True), (WORKER, True)]:
        assert may_add_images_of(actor, alice.pk) is may
    for actor in (acting(bob), acting(staff), acting(AnonymousUser())):
        assert may_add_images_of(actor, alice.pk) is False


# Verbs ask once more


VERBS = {
    "add tags": lambda images, by: curation.add_tags(images, "new", by=by),
    "remove tags": lambda images, by: curation.remove_tags(images, "old", by=by),
    "set visibility": lambda images, by: curation.set_visibility(images, "public", by=by),
    "move to trash": lambda images, by: curation.move_to_trash(images, by=by),
    "restore": lambda images, by: curation.restore(images, by=by),
    "delete forever": lambda images, by: curation.delete_forever(images, by=by),
    "retry failed": lambda images, by: curation.retry_failed(images, by=by),
    "embed again": lambda images, by: curation.embed_again(images, by=by),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_changes_nothing_that_is_not_the_actors(verb, alice, bob):
    """Whatever its caller forgot to ask: bob, who sees this picture, changes nothing of it."""
    live = stored(alice, visibility=Visibility.PUBLIC, embed_error="too wide")
    gone = stored(alice, trashed_at=timezone.now())
    curation.add_tags(Image.objects.all(), "old", by=OPERATOR)
    before = list(Image.objects.order_by("pk").values())

    count = VERBS[verb](Image.objects.all(), acting(bob))

    assert count == 0
    assert list(Image.objects.order_by("pk").values()) == before
    assert [tag.name for image in (live, gone) for tag in image.tags.all()] == ["old", "old"]


def test_nobody_relabels_a_picture_of_others(alice, bob):
    image = stored(alice, original_name="hers", visibility=Visibility.PUBLIC)

    with pytest.raises(PermissionDenied):
        curation.relabel(image, Labels("mine now"), name="his", by=acting(bob))

    image.refresh_from_db()
    assert (image.original_name, image.description) == ("hers", "")


def test_nobody_uploads_into_the_library_of_others(alice, bob):
    file = BytesIO(drawn_picture())

    for actor in (acting(bob), acting(AnonymousUser())):
        with pytest.raises(PermissionDenied):
            accept_upload(file, owner=alice, name="red.png", labels=Labels(), by=actor)
    assert not Image.objects.exists()


def test_only_administrators_and_the_operator_change_the_model(alice, staff, quick_encoder):
    root = User.objects.create_superuser("root")

    assert [may_change_model(actor) for actor in (acting(root), OPERATOR, WORKER)] == [True, True, True]
    for actor in (acting(alice), acting(staff), acting(AnonymousUser())):
        assert may_change_model(actor) is False
        for verb in (change_model, ask_for_change):
            with pytest.raises(PermissionDenied):
                verb("offline", by=actor)
        with pytest.raises(PermissionDenied):
            cancel_change(by=actor)
