from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _


class GalleryConfig(AppConfig):
    """Loads no weights and opens no file: commands such as `migrate` start at once."""

    name = "gallery"
    verbose_name = _("Gallery")

    def ready(self) -> None:
        from gallery import checks, jobs  # noqa: F401, PLC0415 -- they register themselves; they need the app registry
        from gallery.conf import gallery  # noqa: PLC0415 -- with the registry
        from gallery.encoders.registry import use_precision  # noqa: PLC0415 -- slow import
        from gallery.models import access_triggers, table_statistics  # noqa: PLC0415 -- need the app registry

        use_precision(lambda: gallery().precision)
        pre_migrate.connect(access_triggers.remove_before_migrations, sender=self)
        post_migrate.connect(access_triggers.install_after_migrations, sender=self)
        post_migrate.connect(table_statistics.collect_after_migrations, sender=self)
