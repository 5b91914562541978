"""Pictures that failed because processes had died at them are tried again, alone: many of those were killed.

None of a million pictures is read but those without a row.
"""

from django.db import migrations

from gallery.models.conditions import HasNoRow

OLD_CODE = "encoding_kills"


def suspect_again(apps, schema_editor):
    alias = schema_editor.connection.alias
    images = apps.get_model("gallery", "Image")._base_manager.using(alias)
    images.filter(HasNoRow(), embed_error=OLD_CODE).update(embed_error="", embed_deaths=1)
    next_embeddings = apps.get_model("gallery", "NextEmbedding")._base_manager.using(alias)
    next_embeddings.filter(row__isnull=True, error=OLD_CODE).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0026_quotas"),
    ]

    operations = [
        migrations.RunPython(suspect_again, migrations.RunPython.noop),
    ]
