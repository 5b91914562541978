from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GalleryConfig(AppConfig):
    """Loads no weights and opens no file: commands such as `migrate` start at once."""

    name = "gallery"
    verbose_name = _("Gallery")

    def ready(self) -> None:
        from gallery import checks, jobs  # noqa: F401, PLC0415 -- they register themselves; they need the app registry
