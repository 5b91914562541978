"""A program that talks to the API as one of the cast."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from gallery.models import ApiToken, User

API = "/api/v1"


class Api:
    """`Api(alice).get("/images/")`; without a user it is an anonymous visitor."""

    def __init__(self, user: User | None = None, *, read_only: bool = False, token: str | None = None) -> None:
        if user is not None:
            token = ApiToken.objects.issue(user, read_only=read_only)
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self.client = Client(headers=headers, raise_request_exception=False)

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(API + path, query)

    def json(self, path: str, **query: Any) -> Any:
        response = self.get(path, **query)
        assert response.status_code == 200, response.content
        return response.json()

    def post(self, path: str, body: Any = None) -> Any:
        return self.client.post(API + path, body or {}, content_type="application/json")

    def post_form(self, path: str, **fields: Any) -> Any:
        return self.client.post(API + path, fields)

    def patch(self, path: str, **changes: Any) -> Any:
        return self.client.patch(API + path, changes, content_type="application/json")

    def put(self, path: str) -> Any:
        return self.client.put(API + path)

    def delete(self, path: str) -> Any:
        return self.client.delete(API + path)

    def upload(self, content: bytes, name: str = "picture.png", **fields: Any) -> Any:
        return self.post_form("/images/", file=SimpleUploadedFile(name, content), **fields)


def ids(body: dict[str, Any]) -> list[int]:
    return [row["id"] for row in body["results"]]
