"""Portions of periodic work have places; the first is that of pictures whose metadata a worker is to read once more."""

from datetime import timedelta

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.utils import timezone


def have_metadata_read(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """All pictures that are there may have come before metadata were read: nothing in their rows says so."""
    newest = apps.get_model("gallery", "Image").objects.order_by("-pk").values_list("pk", flat=True).first()
    if newest is not None:
        begun_at = timezone.now() - timedelta(days=1)
        apps.get_model("gallery", "PeriodicWork").objects.create(name="metadata", begun_at=begun_at, place=newest)


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0031_periodic_failures"),
    ]

    operations = [
        migrations.AddField(
            model_name="periodicwork",
            name="place",
            field=models.BigIntegerField(null=True),
        ),
        migrations.RunPython(have_metadata_read, migrations.RunPython.noop),
    ]
