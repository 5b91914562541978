import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0033_periodic_places"),
    ]

    operations = [
        migrations.CreateModel(
            name="RecognisedThings",
            fields=[
                (
                    "image",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="recognised_things",
                        serialize=False,
                        to="gallery.image",
                    ),
                ),
                ("revision", models.CharField(max_length=410)),
                ("things", models.JSONField(null=True)),
            ],
            options={
                "verbose_name": "recognised things",
                "verbose_name_plural": "recognised things",
                "default_permissions": (),
                "indexes": [models.Index(fields=["revision"], name="recognised_things_revision")],
            },
        ),
    ]
