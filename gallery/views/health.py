"""For machines that look after the site: does it live, is it ready, how is it doing."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from gallery import __version__
from gallery.conf import gallery
from gallery.models import Image, IndexState
from gallery.rooms import Room, in_room
from gallery.search_index import search_index
from gallery.services.readiness import part_states
from gallery.services.reading.state import reading, reading_state

PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@in_room(Room.HEALTH)
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nothing else, so that a database that is away restarts no process.

    The site's own server answers so by itself (`imagesearch_project/serving/adapter.py`), whatever host it is asked as.
    """
    return JsonResponse({"status": "ok"})


@in_room(Room.HEALTH)
@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    states = part_states()
    is_ready = all(state.ok for state in states)
    body = {
        "status": "ready" if is_ready else "not ready",
        "parts": {state.part: state.problem or "ok" for state in states},
        "text_in_pictures": reading_state(),
    }
    return JsonResponse(body, status=200 if is_ready else 503)


@in_room(Room.HEALTH)
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not gallery().metrics_enabled:
        raise Http404
    totals = search_index().lists.statistics(Image.objects.live())
    lines = [
        *_gauge("images", "Pictures that are not in the trash.", totals.images),
        *_gauge("images_pending", "Pictures that wait for a vector.", totals.pending),
        *_gauge("images_failed", "Pictures that cannot get a vector.", totals.failed),
        *_gauge("images_unread", "Pictures in which nobody has read yet what is written.", reading().waiting),
        *_gauge("images_size_bytes", "Size of their originals.", totals.size_bytes),
        *_gauge("index_rows", "Rows of the vector file.", IndexState.objects.current().row_count),
        *_gauge("info", "The version that runs.", 1, labels=f'{{version="{__version__}"}}'),
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type=PROMETHEUS_TEXT)


def _gauge(name: str, description: str, value: int, *, labels: str = "") -> list[str]:
    full_name = f"imagesearch_{name}"
    return [f"# HELP {full_name} {description}", f"# TYPE {full_name} gauge", f"{full_name}{labels} {value}"]
