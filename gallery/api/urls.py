"""Everything under /api/: version 1, and JSON also for an address that does not exist."""

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect, JsonResponse
from django.urls import Resolver404, URLPattern, URLResolver, include, path, re_path, resolve
from django.views.decorators.csrf import csrf_exempt
from rest_framework.routers import SimpleRouter

from .account import AccountView
from .albums import AlbumViewSet
from .errors import body_of_status
from .images import ImageViewSet
from .jobs import JobViewSet
from .root import RootView
from .saved_searches import SavedSearchViewSet
from .schema import DocsView, SchemaView
from .search import FacetsView, SearchView
from .statistics import RetryView, StatisticsView
from .suggestions import SuggestionsView
from .tags import TagViewSet


@csrf_exempt
def unknown_address(request: HttpRequest) -> HttpResponse:
    """A forgotten slash at the end is mended, method and body included; everything else is not here."""
    if not request.path_info.endswith("/") and _is_known(f"{request.path_info}/"):
        return HttpResponsePermanentRedirect(request.get_full_path(force_append_slash=True), preserve_request=True)
    return JsonResponse(body_of_status(404), status=404)


def _is_known(path_info: str) -> bool:
    try:
        return resolve(path_info).func is not unknown_address
    except Resolver404:
        return False


router = SimpleRouter()
router.register("images", ImageViewSet, basename="image")
router.register("albums", AlbumViewSet, basename="album")
router.register("jobs", JobViewSet, basename="job")
router.register("saved-searches", SavedSearchViewSet, basename="saved-search")
router.register("tags", TagViewSet, basename="tag")

version_1: list[URLPattern | URLResolver] = [
    path("", RootView.as_view(), name="root"),
    path("", include(router.urls)),
    path(
        "images/<int:pk>/thumbnail/<int:size>/<str:sha256>.webp",
        ImageViewSet.as_view({"get": "thumbnail_content"}),
        name="image-thumbnail-content",
    ),
    path("search/", SearchView.as_view(), name="search"),
    path("search/facets/", FacetsView.as_view(), name="search-facets"),
    path("suggestions/", SuggestionsView.as_view(), name="suggestions"),
    path("account/", AccountView.as_view(), name="account"),
    path("stats/", StatisticsView.as_view(), name="stats"),
    path("stats/retry/", RetryView.as_view(), name="stats-retry"),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", DocsView.as_view(), name="docs"),
]
app_name = "api"
urlpatterns = [path("v1/", include(version_1)), re_path("", unknown_address)]
