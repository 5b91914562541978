from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/", include("gallery.api.urls")),
    path("", include("gallery.urls")),
]
handler400 = "gallery.views.errors.bad_request"
handler403 = "gallery.views.errors.permission_denied"
handler404 = "gallery.views.errors.page_not_found"
handler500 = "gallery.views.errors.server_error"
