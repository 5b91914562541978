"""The library that is asked about. Run as a process: makes it in the environment's data folder, prints tokens as JSON.

Alice and bob own the same pictures, one of each visibility, and share an album of them with each other. Ids begin at 1.
With the word `empty` there are only accounts and tokens.
"""

import json
import sys
from io import BytesIO

from tests.benchmarks.environment import set_up

set_up()

from django.contrib.auth.models import Permission
from django.core.management import call_command

from gallery.models import Album, AlbumImage, ApiToken, User, Visibility
from gallery.services.embedding.claimed_images import embed_pending
from gallery.services.ingest import accept_upload
from gallery.services.labels import check_labels
from tests.conftest import acting, sample_bytes

PICTURES = ("chelsea.png", "coffee.png", "rocket.jpg")


def bring_in(owner: User, *, shared_with: User) -> None:
    album = Album.objects.create(owner=owner, title=f"Shared by {owner}")
    album.members.add(shared_with)
    for name, visibility in zip(PICTURES, Visibility.values, strict=True):
        labels = check_labels(description=f"{name} of {owner}", tags=["sample", visibility], visibility=visibility)
        upload = accept_upload(BytesIO(sample_bytes(name)), owner=owner, name=name, labels=labels, by=acting(owner))
        AlbumImage.objects.create(album=album, image=upload.image)


def fill(*, with_pictures: bool) -> dict[str, str]:
    """Return the token of each role that has one."""
    alice, bob = (User.objects.create_user(name, f"{name}@example.org") for name in ("alice", "bob"))
    curator = User.objects.create_user("curator", "curator@example.org", is_staff=True)
    curator.user_permissions.set(Permission.objects.filter(content_type__app_label="gallery"))
    if with_pictures:
        bring_in(alice, shared_with=bob)
        bring_in(bob, shared_with=alice)
        embed_pending()
    issue = ApiToken.objects.issue
    return {"member": issue(alice), "reader": issue(alice, read_only=True), "curator": issue(curator)}


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    print(json.dumps(fill(with_pictures="empty" not in sys.argv)))
