"""How often somebody may do what costs the site much: searching with pictures, sending pictures."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from threading import Lock

from gallery.conf import gallery
from gallery.errors import (
    Phrase,
    PictureSearchUnderWay,
    TooManyPictureSearches,
    UploadedTooMuch,
    gettext_noop,
)
from gallery.models import ActKind, Actor, CountedAct, Door, User
from gallery.retrieval.request import SearchRequest
from gallery.rooms import Room, go_on_in

from .quotas import MB, Share

AT_ONCE = 1  # searches with a picture by one visitor in this process: the other decoder is for the others
MEMBER_AT_ONCE = 2
AT_ONCE_WAIT_SECONDS = 2


class _UnderWay:
    """Who searches with a picture in this process, and how many times at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()

    @contextmanager
    def one_of(self, who: str, *, limit: int) -> Iterator[None]:
        """Raises PictureSearchUnderWay."""
        with self._lock:
            if self._counts[who] >= limit:
                raise PictureSearchUnderWay(limit=limit, seconds=AT_ONCE_WAIT_SECONDS)
            self._counts[who] += 1
        try:
            yield
        finally:
            with self._lock:
                self._counts[who] -= 1
                if not self._counts[who]:
                    del self._counts[who]


_under_way = _UnderWay()


@contextmanager
def searching_with_picture(*, by: Actor, client: str | None) -> Iterator[None]:
    """Count a search with a picture, of a member by his account, else by the visitor's address, and run the body.

    A visitor whose address is unknown is not told from others, so not counted.
    Raises TooManyPictureSearches, PictureSearchUnderWay.
    """
    visitors, members = gallery().visitor_picture_searches_per_minute, gallery().member_picture_searches_per_minute
    who, limit, at_once = (client, visitors, AT_ONCE) if by.user is None else (_name(by.user), members, MEMBER_AT_ONCE)
    if who is None or limit == 0:
        yield
        return
    with _under_way.one_of(who, limit=at_once):
        seconds = CountedAct.objects.seconds_to_wait(ActKind.PICTURE_SEARCH, who, limit=limit)
        if seconds:
            is_more_for_members = by.user is None and (members == 0 or members > visitors)
            raise TooManyPictureSearches(
                seconds=seconds, limit=limit, remedy=_remedy(seconds, may_sign_in=is_more_for_members)
            )
        yield


@contextmanager
def asking_with(request: SearchRequest, *, by: Actor, client: str | None) -> Iterator[None]:
    """Run the body, which answers a request. One for parts of kept pictures is counted as a search with a picture, and
    goes on in the room of these: pixels are decoded and encoded for it.

    Raises what `searching_with_picture` does.
    """
    if not request.has_kept_regions:
        yield
        return
    go_on_in(Room.PICTURE_SEARCH)
    with searching_with_picture(by=by, client=client):
        yield


def _remedy(seconds: int, *, may_sign_in: bool) -> Phrase:
    if may_sign_in:
        template = gettext_noop("Wait %(seconds)s seconds, or sign in: members may search more often.")
        return Phrase(template, seconds=seconds)
    return Phrase(gettext_noop("Wait %(seconds)s seconds and try again."), seconds=seconds)


def count_sent_bytes(owner: User, size_bytes: int, *, by: Actor) -> None:
    """Count what a member sends by a page or the API, whatever becomes of it. Raises UploadedTooMuch."""
    if by.door not in (Door.PAGE, Door.API):
        return
    limit = gallery().upload_bytes_per_hour
    acts, who = CountedAct.objects, _name(owner)
    seconds = acts.seconds_to_wait(ActKind.UPLOADED_BYTES, who, limit=limit, amount=size_bytes)
    if seconds:
        used = acts.counted(ActKind.UPLOADED_BYTES, who)
        raise UploadedTooMuch(
            seconds=seconds, minutes=ceil(seconds / 60), used_mb=round(used / MB), limit_mb=limit // MB
        )


def sent_bytes_of(owner: User) -> Share:
    """Return how much of what may be sent in an hour is used."""
    limit = gallery().upload_bytes_per_hour
    used = CountedAct.objects.counted(ActKind.UPLOADED_BYTES, _name(owner)) if limit else 0
    return Share(used, limit or None)


def _name(user: User) -> str:
    return f"account {user.pk}"
