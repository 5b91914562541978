from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from gallery.views import health, home, image, search

soon = RedirectView.as_view(pattern_name="home")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("search/", search.search, name="search"),
    path("search/picture/<uuid:pk>/", search.query_picture, name="query-picture"),
    path("images/<int:pk>/", image.image, name="image"),
    path("images/<int:pk>/edit/", image.edit, name="image-edit"),
    path("images/<int:pk>/delete/", image.delete, name="image-delete"),
    path("images/<int:pk>/restore/", image.bring_back, name="image-restore"),
    path("images/<int:pk>/similar/", image.similar, name="image-similar"),
    path("images/<int:pk>/original/", image.original, name="image-original"),
    path("images/<int:pk>/thumbnail/<int:size>/", image.thumbnail, name="image-thumbnail"),
    # Each of these four lines is replaced when its page lands.
    path("upload/", soon, name="upload"),
    path("library/", soon, name="library"),
    path("library/clear/", soon, name="library-clear"),
    path("trash/", soon, name="trash"),
    path("accounts/", include("gallery.urls_accounts")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
