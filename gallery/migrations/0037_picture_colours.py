import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0036_saved_searches"),
    ]

    operations = [
        migrations.CreateModel(
            name="PictureColours",
            fields=[
                (
                    "image",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="picture_colours",
                        serialize=False,
                        to="gallery.image",
                    ),
                ),
                ("revision", models.PositiveSmallIntegerField()),
                ("colours", models.PositiveSmallIntegerField()),
            ],
            options={
                "verbose_name": "colours of a picture",
                "verbose_name_plural": "colours of pictures",
                "default_permissions": (),
                "indexes": [models.Index(fields=["revision"], name="picture_colours_revision")],
            },
        ),
    ]
