"""What members are shown is kept by nobody; all else by nobody between."""

import pytest
from django.test import Client

from tests.addresses import every_address
from tests.integration.api_client import Api
from tests.pages import as_user

pytestmark = pytest.mark.usefixtures("quick_encoder")


@pytest.fixture
def addresses(alice, upload) -> list[str]:
    image = upload(alice, tags="red", visibility="public")
    values = {
        **dict.fromkeys(("pk", "object_id", "id"), image.pk),
        **{"size": 256, "sha256": image.sha256, "app_label": "gallery", "url": "nowhere/", "content_type_id": 1},
        **{"uidb64": "MQ", "token": "set-password", "format": "json"},
    }
    return [path for path in every_address(_Values(values)) if "query-picture" not in path]


class _Values(dict[str, object]):
    def __missing__(self, name: str) -> object:
        return "11111111-1111-4111-8111-111111111111"


def kept(client: Client, path: str) -> set[str]:
    header = client.get(path).headers.get("Cache-Control", "")
    return {part.strip() for part in header.split(",")}


def test_no_answer_to_a_member_or_a_token_is_kept_but_pictures_files(addresses, staff, alice):
    staff.is_superuser = True
    staff.save()
    doors = {"session": as_user(staff), "token": Api(alice).client}
    files = ("/original/", ".webp", "/thumbnail/256/")

    for name, client in doors.items():
        told = {path: kept(client, path) for path in addresses if not path.endswith(files)}
        assert len(told) > 80
        assert {path: parts for path, parts in told.items() if not {"private", "no-store"} <= parts} == {}, name


def test_every_answer_to_a_visitor_is_private(addresses, db):
    told = {path: kept(Client(raise_request_exception=False), path) for path in addresses}

    assert {path: parts for path, parts in told.items() if "private" not in parts} == {}
    assert {path: parts for path, parts in told.items() if not parts & {"no-cache", "no-store", "immutable"}} == {}
