"""The cast and the stage: alice owns, bob shares an album with her, charlie is a stranger, staff curates."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from PIL import Image as PillowImage

from gallery.conf import gallery
from gallery.encoders import registry
from gallery.imaging.sandbox.pool import Decoders
from gallery.models import Actor, Album, AlbumImage, Door, Image, User, Visibility
from gallery.models.user import AnyUser
from gallery.search_index import reset_search_index
from gallery.search_index.commit_mark import CommitMark
from gallery.services.embedding import encoder_child, encoder_in_use
from gallery.services.embedding.queue import images_waiting
from gallery.services.embedding.waiting_images import embed_images
from gallery.services.ingest import accept_upload
from gallery.services.labels import check_labels
from tests.quick_encoder import QuickEncoder, WideEncoder
from tests.testbed_folder import ClipOfTheTestbed

SAMPLES = Path(__import__("skimage").__file__).parent / "data"
PASSWORD = "correct horse battery staple"
HYPOTHESIS = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}  # neither is true on a busy machine
hypothesis_settings.register_profile("suite", derandomize=True, **HYPOTHESIS)  # the same examples every time
hypothesis_settings.register_profile("search", **HYPOTHESIS)  # --hypothesis-profile search: others every time
hypothesis_settings.load_profile("suite")
SHARED = Path(__file__).parents[2] / "shared"
PHOTOS = Path(os.environ.get("IMAGESEARCH_TEST_PHOTOS", SHARED / "photos"))
ODD_FILES = Path(os.environ.get("IMAGESEARCH_TEST_ODD_FILES", SHARED / "bug_inputs"))
FOLDERS = {"photos": ("IMAGESEARCH_TEST_PHOTOS", PHOTOS), "odd_files": ("IMAGESEARCH_TEST_ODD_FILES", ODD_FILES)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is of another database, and tests of the labelled photos or the odd files where there are none.

    In CI there must be both folders: without them these tests fail.
    """
    other = {"sqlite": "postgresql_only", "postgresql": "sqlite_only"}[connection.vendor]
    in_ci = bool(os.environ.get("CI"))
    missing = {mark: where for mark, where in FOLDERS.items() if not in_ci and not where[1].is_dir()}
    for item in items:
        if marker := item.get_closest_marker(other):
            item.add_marker(pytest.mark.skip(reason=f"{other}: {marker.kwargs['reason']}"))
        for mark, (setting, folder) in missing.items():
            if item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=f"{setting} points to no folder ({folder})"))


def pytest_unconfigure() -> None:
    """Remove the temporary data folder; parallel workers share the one of the process that started them."""
    if "PYTEST_XDIST_WORKER" not in os.environ and Path(django_settings.DATA_DIR).name.startswith("imagesearch-tests-"):
        shutil.rmtree(django_settings.DATA_DIR, ignore_errors=True)


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, settings: Any) -> Iterator[Path]:
    """Give every test a data folder of its own; the database is the test database."""
    folder = tmp_path / "data"
    folder.mkdir()
    settings.GALLERY = {**settings.GALLERY, "data_dir": folder}
    settings.MEDIA_ROOT = folder / "media"
    reset_search_index()
    encoder_in_use._models = encoder_in_use._Models()
    yield folder
    reset_search_index()


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """A request in Chinese leaves its thread in Chinese until the next one: not so for the next test."""
    yield
    translation.deactivate()


class QuickWorker:
    """A worker that is so quick that a picture is searchable once it is uploaded, while `works` is true."""

    works = True

    def embed(self, image_ids: Sequence[int], **_: Any) -> None:
        if self.works:
            embed_images(image_ids)


@pytest.fixture(autouse=True)
def quick_worker() -> Iterator[QuickWorker]:
    worker = QuickWorker()
    images_waiting.connect(worker.embed)
    yield worker
    images_waiting.disconnect(worker.embed)


@pytest.fixture
def limits_of(settings: Any) -> Callable[..., None]:
    """Change settings of the gallery for one test: limits_of(max_pixels=100)."""

    def change(**values: Any) -> None:
        replace(gallery(), **values)  # a misspelt name fails here
        settings.GALLERY = {**settings.GALLERY, **values}

    return change


@pytest.fixture
def quick_encoder(monkeypatch) -> Iterator[QuickEncoder]:
    """Let the encoder “offline” be one that costs nothing and knows colours only, in trials too."""
    encoder = QuickEncoder()
    monkeypatch.setattr(encoder_child, "CHILD_MODULE", "tests.quick_encoder_child")
    with registry.using(encoder):
        yield encoder


@pytest.fixture
def wide() -> Iterator[WideEncoder]:
    """Let this process have another model, “clip:wide”, to change to; it costs nothing either."""
    encoder = WideEncoder()
    with registry.using(encoder):
        yield encoder


@pytest.fixture
def wide_encoder(limits_of: Callable[..., None]) -> Iterator[ClipOfTheTestbed]:
    """Let the library's encoder be the testbed's model, which costs nothing here and knows colours only."""
    encoder = ClipOfTheTestbed()
    limits_of(encoder="clip")
    pinned = registry.pinned_options(encoder.id, encoder.revision)  # as the index keeps it, once there is one
    with registry.using(encoder), registry.using(encoder, options=pinned):
        yield encoder


@pytest.fixture
def photos() -> Path:
    assert PHOTOS.is_dir(), f"IMAGESEARCH_TEST_PHOTOS must point to the labelled photos; there is no {PHOTOS}"
    return PHOTOS


@pytest.fixture
def odd_files() -> Path:
    """The folder of small files that real cameras and programs write; what is right for each, its README.md says."""
    assert ODD_FILES.is_dir(), f"IMAGESEARCH_TEST_ODD_FILES must point to the odd files; there is no {ODD_FILES}"
    return ODD_FILES


def _user(name: str, **values: Any) -> User:
    return User.objects.create_user(username=name, email=f"{name}@example.org", password=PASSWORD, **values)


@pytest.fixture
def alice(transactional_db: None) -> User:
    return _user("alice")


@pytest.fixture
def bob(transactional_db: None) -> User:
    return _user("bob")


@pytest.fixture
def charlie(transactional_db: None) -> User:
    return _user("charlie")


@pytest.fixture
def staff(transactional_db: None) -> User:
    """A curator: staff with every right on the gallery, but no superuser."""
    user = _user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="gallery"))
    return user


def acting(user: AnyUser, *, door: Door = Door.PAGE) -> Actor:
    """Return who acts: this member, or a visitor, at a page."""
    return Actor.of(user, door=door)


def sample_bytes(name: str) -> bytes:
    """Return one of the free pictures of scikit-image: "chelsea.png" is a cat, "coffee.png", "rocket.jpg"..."""
    return (SAMPLES / name).read_bytes()


def drawn_picture(colour: str = "red", *, size: tuple[int, int] = (64, 48), format: str = "PNG") -> bytes:
    """Return the bytes of a one-coloured picture: enough where only the plumbing is tested."""
    out = BytesIO()
    PillowImage.new("RGB", size, colour).save(out, format)
    return out.getvalue()


@pytest.fixture
def upload() -> Callable[..., Image]:
    """Bring a picture in as a page does, embedding included: upload(alice, "coffee.png", tags="cup")."""

    def bring_in(
        owner: User,
        name: str = "chelsea.png",
        *,
        content: bytes | None = None,
        visibility: str = Visibility.PRIVATE,
        **labels: Any,
    ) -> Image:
        file = BytesIO(sample_bytes(name) if content is None else content)
        checked = check_labels(visibility=visibility, **labels)
        image = accept_upload(file, owner=owner, name=name, labels=checked, by=acting(owner)).image
        image.refresh_from_db()
        return image

    return bring_in


@pytest.fixture
def share() -> Callable[..., Album]:
    """Put a picture into an album of its owner with a member: share(image, bob)."""

    def put(image: Image, member: User, *, title: str = "Shared") -> Album:
        album = Album.objects.create(owner=image.owner, title=title)
        album.members.add(member)
        AlbumImage.objects.create(album=album, image=image)
        return album

    return put


@pytest.fixture
def own_database() -> Iterator[dict[str, str]]:
    """Give processes of the test's own an empty database: the settings that name it, none for a file of SQLite."""
    if connection.vendor == "sqlite":
        yield {}
        return
    server, name = urlsplit(os.environ["IMAGESEARCH_DATABASE_URL"]), f"own_{secrets.token_hex(8)}"
    with psycopg.connect(server.geturl(), autocommit=True) as maintenance:
        maintenance.execute(f"CREATE DATABASE {name}")
        yield {"IMAGESEARCH_DATABASE_URL": server._replace(path=f"/{name}").geturl()}
        maintenance.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="imagesearch-scratch-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def visitors(alice: User, bob: User, charlie: User, staff: User) -> dict[str, Client]:
    """The whole cast as browsers, by name; "anonymous" is signed out."""
    clients = {"anonymous": Client()}
    for user in (alice, bob, charlie, staff):
        clients[user.username] = Client()
        clients[user.username].force_login(user)
    return clients


@pytest.fixture
def never_at_rest(monkeypatch) -> None:
    """Let lists read everything at each question, so that queries can be counted.

    What else the database's server does, as for tests beside this one, decides whether they may remember.
    """
    monkeypatch.setattr(CommitMark, "now", classmethod(lambda cls: cls(None, (object(),))))


@pytest.fixture
def decoded(monkeypatch) -> list[int]:
    """The size in bytes of each file that is given to a decoder from now on."""
    sizes, real = [], Decoders.decode

    def decode(pool, data, limits, **options):
        sizes.append(len(data))
        return real(pool, data, limits, **options)

    monkeypatch.setattr(Decoders, "decode", decode)
    return sizes
