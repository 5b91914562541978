from django.urls import URLPattern, URLResolver, include, path

from gallery.views import health, home, image, library, search, trash, upload

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
    path("images/<int:pk>/thumbnail/<int:size>/<str:sha256>.webp", image.thumbnail, name="image-thumbnail-content"),
    path("upload/", upload.upload, name="upload"),
    path("upload/file/", upload.upload_file, name="upload-file"),
    path("library/", library.library, name="library"),
    path("library/bulk/", library.bulk, name="library-bulk"),
    path("library/clear/", library.clear, name="library-clear"),
    path("library/embed/", library.embed, name="library-embed"),
    path("library/retry/", library.retry, name="library-retry"),
    path("trash/", trash.trash, name="trash"),
    path("trash/restore/", trash.restore_many, name="trash-restore"),
    path("trash/delete/", trash.delete_many, name="trash-delete"),
    path("trash/empty/", trash.empty, name="trash-empty"),
    path("accounts/", include("gallery.urls_accounts")),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
