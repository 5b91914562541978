import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0035_favourites"),
    ]

    operations = [
        migrations.CreateModel(
            name="SearchHistory",
            fields=[
                (
                    "owner",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="search_history",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("is_kept", models.BooleanField(default=True)),
                ("queries", models.JSONField(default=list)),
            ],
            options={
                "verbose_name": "search history",
                "verbose_name_plural": "search histories",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SavedSearch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                ("query", models.TextField()),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("deleted_at", models.DateTimeField(null=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_searches",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "saved search",
                "verbose_name_plural": "saved searches",
                "ordering": ["-created_at", "-pk"],
                "default_permissions": (),
                "indexes": [models.Index(fields=["owner", "-created_at", "-id"], name="saved_searches_of_owner")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True), name="saved_search_name_not_empty"
                    )
                ],
            },
        ),
    ]
