import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0009_import_job_skipped"),
    ]

    operations = [
        migrations.CreateModel(
            name="FoldedText",
            fields=[
                (
                    "image",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="folded_text",
                        serialize=False,
                        to="gallery.image",
                    ),
                ),
                ("revision", models.PositiveSmallIntegerField()),
                ("text", models.TextField()),
            ],
            options={
                "verbose_name": "folded text",
                "verbose_name_plural": "folded texts",
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="album",
            name="folded_text",
            field=models.TextField(default="", editable=False, verbose_name="folded text"),
        ),
        migrations.AddField(
            model_name="tag",
            name="folded_name",
            field=models.CharField(
                db_index=True, default="", editable=False, max_length=1152, verbose_name="folded name"
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="folded_username",
            field=models.TextField(default="", editable=False, verbose_name="folded user name"),
        ),
        migrations.AddField(
            model_name="user",
            name="folded_names",
            field=models.TextField(default="", editable=False, verbose_name="folded names"),
        ),
    ]
