from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from gallery.admin.site import view_on_site

urlpatterns = [
    path("admin/r/<path:content_type_id>/<path:object_id>/", view_on_site),  # before Django's, which asks for no right
    path("admin/gallery/importjob/", RedirectView.as_view(url="/admin/gallery/job/?kind__exact=import")),  # once so
    path("admin/gallery/importjob/<path:place>", RedirectView.as_view(url="/admin/gallery/job/%(place)s")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/", include("gallery.api.urls")),
    path("", include("gallery.urls")),
]
handler400 = "gallery.views.errors.bad_request"
handler403 = "gallery.views.errors.permission_denied"
handler404 = "gallery.views.errors.page_not_found"
handler500 = "gallery.views.errors.server_error"
