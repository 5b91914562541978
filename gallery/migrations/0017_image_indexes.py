"""Indexes of pictures for what is asked of the database, and none of what most pictures have in common.

A million pictures take some 5 s of a processor on SQLite, of which 4 s are Django's look at every foreign key.

The fields' own indexes are dropped by themselves: Django would write the whole table of SQLite anew for each.
"""

import django.db.models.deletion
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models.functions import Coalesce

from gallery.models.conditions import HasNoRow

FIELDS = ("owner", "format", "visibility", "trashed_at")


def drop_indexes(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    images = apps.get_model("gallery", "Image")
    for column in (images._meta.get_field(name).column for name in FIELDS):
        for index in schema_editor._constraint_names(images, [column], unique=False, index=True):
            schema_editor.execute(schema_editor._delete_index_sql(images, index))
    for index in schema_editor._constraint_names(images, ["sha256"], unique=False, index=True):
        if index.endswith("_like"):  # PostgreSQL's second one, for the beginnings of texts
            schema_editor.execute(schema_editor._delete_index_sql(images, index))


def make_indexes(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    images = apps.get_model("gallery", "Image")
    for name in FIELDS:
        schema_editor.execute(schema_editor._create_index_sql(images, fields=[images._meta.get_field(name)]))


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0015_access_changes"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="image", name="image_visibility_newest"),
        migrations.RemoveIndex(model_name="image", name="image_owner_newest"),
        migrations.AddIndex(
            model_name="image", index=models.Index(fields=["owner", "created_at"], name="image_owner_added")
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(drop_indexes, make_indexes)],
            state_operations=[
                migrations.AlterField(
                    model_name="image",
                    name="format",
                    field=models.CharField(max_length=16, verbose_name="format"),
                ),
                migrations.AlterField(
                    model_name="image",
                    name="owner",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="images",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="owner",
                    ),
                ),
                migrations.AlterField(
                    model_name="image",
                    name="trashed_at",
                    field=models.DateTimeField(blank=True, null=True, verbose_name="moved to the trash"),
                ),
                migrations.AlterField(
                    model_name="image",
                    name="visibility",
                    field=models.CharField(
                        choices=[
                            ("private", "private: only me"),
                            ("shared", "shared: members of its albums"),
                            ("public", "public: everyone"),
                        ],
                        default="private",
                        max_length=8,
                        verbose_name="visibility",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="image",
            index=models.Index(
                condition=models.Q(trashed_at__isnull=False), fields=["owner", "trashed_at"], name="image_trash"
            ),
        ),
        migrations.AddIndex(
            model_name="image",
            index=models.Index(
                Coalesce("embedding_row", -1),
                models.F("created_at"),
                models.F("owner"),
                models.F("visibility"),
                models.F("trashed_at"),
                models.F("embed_error"),
                models.F("embedding_row"),
                condition=models.Q(HasNoRow()),
                name="image_without_row",
            ),
        ),
    ]
