"""Every page and endpoint that reads, with who may ask for it: first and deep parts, filters and orders."""

from collections.abc import Iterator
from dataclasses import dataclass

EVERYBODY = ("anonymous", "member", "owner", "curator")
SIGNED_IN = ("member", "owner", "curator")
OWNERS = ("member", "owner")
NOBODY = ("anonymous",)
CURATOR = ("curator",)
ADMIN = "admin"


@dataclass(frozen=True)
class Address:
    """`url` has places like {public}, which a library fills. Of `followed` the next part by its cursor is asked for."""

    name: str
    url: str
    roles: tuple[str, ...] = EVERYBODY
    followed: bool = False

    @property
    def is_admin(self) -> bool:
        return self.name.startswith(ADMIN)


def addresses() -> list[Address]:
    return [*_pages(), *_endpoints(), *_for_machines(), *_admin()]


def _pages() -> Iterator[Address]:
    yield Address("home", "/")
    yield Address("home, deep", "/?page={deep}")
    yield Address("home, deep by cursor", "/?page={deep}", followed=True)
    yield Address("search", "/search/?q=1")
    yield Address("search, tag", "/search/?q=1&tag=tag+3")
    yield Address("search by tag alone", "/search/?tag=tag+3")
    yield Address("search like a picture", "/search/?like={public}")
    yield Address("picture", "/images/{public}/")
    yield Address("picture, edit", "/images/{own}/edit/", OWNERS)
    for order in ("newest", "oldest", "name", "taken", "size"):
        yield Address(f"library, {order}", f"/library/?order={order}", SIGNED_IN)
        yield Address(f"library, {order}, last", f"/library/?order={order}&page=999999", SIGNED_IN)
    yield Address("library, by cursor", "/library/?page=2", OWNERS, followed=True)
    yield Address("library, tag", "/library/?tag=tag+3", SIGNED_IN)
    yield Address("library, dates", "/library/?added_from=2019-01-01&added_to=2019-06-30", SIGNED_IN)
    yield Address("library, rare words", "/library/?q=IMG_0001234", SIGNED_IN)
    yield Address("library, common words", "/library/?q=日落", SIGNED_IN)
    yield Address("library, waiting", "/library/?status=pending", SIGNED_IN)
    yield Address("library, all filters", "/library/?tag=tag+1&visibility=public&format=JPEG&order=size", SIGNED_IN)
    yield Address("library, clear", "/library/clear/", SIGNED_IN)
    yield Address("upload", "/upload/", SIGNED_IN)
    yield Address("trash", "/trash/", SIGNED_IN)
    yield Address("account", "/accounts/", SIGNED_IN)


def _endpoints() -> Iterator[Address]:
    for order in ("-created_at", "created_at", "name", "-taken_at", "-size_bytes"):
        yield Address(f"api images, {order}", f"/api/v1/images/?ordering={order}")
    yield Address("api images, last", "/api/v1/images/?page=last")
    yield Address("api images, deep by cursor", "/api/v1/images/", followed=True)
    yield Address("api images, md5", "/api/v1/images/?md5={md5}")
    yield Address("api images, tag", "/api/v1/images/?tag=tag+3")
    yield Address("api images, dates", "/api/v1/images/?added_from=2019-01-01&added_to=2019-06-30")
    yield Address("api images, rare words", "/api/v1/images/?q=IMG_0001234")
    yield Address("api image", "/api/v1/images/{public}/")
    yield Address("api similar", "/api/v1/images/{public}/similar/")
    yield Address("api search", "/api/v1/search/?q=2")
    yield Address("api search, tags", "/api/v1/search/?q=2&tag=tag+3&tag=tag+4")
    yield Address("api suggestions", "/api/v1/suggestions/?q=walk+tag+1")
    yield Address("api suggestions, tag", "/api/v1/suggestions/?q=tag:t")
    yield Address("api suggestions, owner", "/api/v1/suggestions/?q=owner:")
    yield Address("api tags", "/api/v1/tags/")
    yield Address("api tags, last", "/api/v1/tags/?page=last")
    yield Address("api albums", "/api/v1/albums/", SIGNED_IN)
    yield Address("api albums, last", "/api/v1/albums/?page=last", SIGNED_IN)
    yield Address("api album", "/api/v1/albums/{album}/", ("member", "curator"))
    yield Address("api album, pictures", "/api/v1/albums/{album}/images/", ("member", "curator"))
    yield Address("api stats", "/api/v1/stats/")
    yield Address("api account", "/api/v1/account/", SIGNED_IN)


def _for_machines() -> Iterator[Address]:
    yield Address("metrics", "/metrics", NOBODY)
    yield Address("readyz", "/readyz", NOBODY)


def _admin() -> Iterator[Address]:
    images = "/admin/gallery/image/"
    yield Address("admin", "/admin/", CURATOR)
    yield Address("admin, pictures", images, CURATOR)
    yield Address("admin, pictures, deep", images + "?p={deep_admin}", CURATOR)
    for order, number in (("name", 2), ("size", 7), ("added", 8)):
        yield Address(f"admin, pictures by {order}", f"{images}?o={number}", CURATOR)
    yield Address("admin, pictures, rare words", images + "?q=IMG_0001234", CURATOR)
    yield Address("admin, pictures, common words", images + "?q=日落", CURATOR)
    yield Address("admin, pictures, sentence", images + "?q=3+of+something", CURATOR)
    yield Address("admin, pictures, sentence, less likely", images + "?q=4&less_likely=1", CURATOR)
    yield Address("admin, pictures, tag", images + "?tag=tag+3", CURATOR)
    yield Address("admin, pictures, owner", images + "?owner={owner}", CURATOR)
    yield Address("admin, pictures, public", images + "?visibility__exact=public", CURATOR)
    yield Address("admin, pictures, failed", images + "?search_status=failed", CURATOR)
    yield Address("admin, pictures of a year", images + "?created_at__year=2019", CURATOR)
    yield Address("admin, pictures of a month", images + "?created_at__month=5&created_at__year=2019", CURATOR)
    yield Address("admin, picture", images + "{public}/change/", CURATOR)
    yield Address("admin, picture, history", images + "{public}/history/", CURATOR)
    for model in ("tag", "album", "user", "apitoken", "auditentry"):
        yield Address(f"admin, {model} list", f"/admin/gallery/{model}/", CURATOR)
    yield Address("admin, tag list, deep", "/admin/gallery/tag/?p=15", CURATOR)
    yield Address("admin, tag list by pictures", "/admin/gallery/tag/?o=-2", CURATOR)
    yield Address("admin, auditentry list, deep", "/admin/gallery/auditentry/?p={deep_admin}", CURATOR)
    yield Address("admin, tag", "/admin/gallery/tag/{tag}/change/", CURATOR)
    yield Address("admin, album", "/admin/gallery/album/{album}/change/", CURATOR)
    yield Address("admin, user", "/admin/gallery/user/{owner}/change/", CURATOR)
    complete = "/admin/autocomplete/?app_label=gallery&model_name=image&field_name=tags&term=tag+3"
    yield Address("admin, tags to choose", complete, CURATOR)
