from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0028_claims_and_periodic_work"),
    ]

    operations = [
        migrations.AddField(
            model_name="periodicwork",
            name="failures",
            field=models.PositiveSmallIntegerField(default=0),
        ),
    ]
