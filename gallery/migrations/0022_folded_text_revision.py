"""An index that says whether any text is of an old revision. A million pictures take about a second."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0021_audit_entry_what"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="foldedtext",
            index=models.Index(fields=["revision"], name="folded_text_revision"),
        ),
    ]
