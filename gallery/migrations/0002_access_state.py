from django.db import migrations, models

from gallery.models import access_triggers


def install(apps, schema_editor):
    access_triggers.install(schema_editor.connection, apps)


def remove(apps, schema_editor):
    access_triggers.remove(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('gallery', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='AccessState',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveBigIntegerField(verbose_name='version')),
            ],
            options={
                'verbose_name': 'access state',
                'verbose_name_plural': 'access state',
                'default_permissions': (),
                'constraints': [models.CheckConstraint(condition=models.Q(('pk', 1)), name='access_state_is_one_row')],
            },
        ),
        migrations.RunPython(install, remove),
    ]
