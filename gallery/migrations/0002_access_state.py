from django.db import migrations, models


class Migration(migrations.Migration):
    """The triggers that move the version are made after all migrations: see gallery/models/access_triggers.py."""

    dependencies = [
        ("gallery", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccessState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveBigIntegerField(verbose_name="version")),
                ("departures", models.PositiveBigIntegerField(db_default=0, verbose_name="departures")),
            ],
            options={
                "verbose_name": "access state",
                "verbose_name_plural": "access state",
                "default_permissions": (),
                "constraints": [models.CheckConstraint(condition=models.Q(pk=1), name="access_state_is_one_row")],
            },
        ),
    ]
