"""The site's addresses, and beside them a page and an API door in each room, which wait while a test keeps it shut."""

import threading
from collections.abc import Callable

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from gallery.rooms import Room, go_on_in, in_room
from imagesearch_project.urls import urlpatterns as urls_of_site
from tests.waiting import PATIENCE_SECONDS

LARGE_FILE = "large file"
open_rooms = {room: threading.Event() for room in Room}
entered = {room: threading.Semaphore(0) for room in Room}


def waiting_view(room: Room) -> Callable[[HttpRequest], HttpResponse]:
    @csrf_exempt
    @in_room(room)
    def view(request: HttpRequest) -> HttpResponse:
        entered[room].release()
        assert open_rooms[room].wait(PATIENCE_SECONDS)
        return HttpResponse(request.body)

    return view


@csrf_exempt
@in_room(Room.TEXT_SEARCH, post=Room.PICTURE_SEARCH)
def search(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body)


@in_room(Room.FILES)
def moving(request: HttpRequest) -> HttpResponse:
    """Go on in the room of downloads, and say so as soon as the test lets that room go on."""
    go_on_in(Room.DOWNLOAD)
    return waiting_view(Room.DOWNLOAD)(request)


@in_room(Room.DOWNLOAD)
def large_file(_request: HttpRequest) -> HttpResponseBase:
    return FileResponse((settings.DATA_DIR / LARGE_FILE).open("rb"))


urlpatterns = [
    path("rooms/search/", search),
    *[path(f"{door}{room}/", waiting_view(room)) for door in ("rooms/", "api/rooms/") for room in Room],
    path("large/", large_file),
    path("moving/", moving),
    *urls_of_site,
]
