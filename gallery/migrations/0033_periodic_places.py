from django.db import migrations, models


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
    ]
