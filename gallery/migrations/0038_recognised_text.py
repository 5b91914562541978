import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('gallery', '0037_picture_colours'),
    ]

    operations = [
        migrations.CreateModel(
            name='FoldedRecognisedText',
            fields=[
                ('image', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='folded_recognised_text', serialize=False, to='gallery.image')),
                ('revision', models.PositiveSmallIntegerField()),
                ('text', models.TextField()),
            ],
            options={
                'verbose_name': 'folded text of a picture',
                'verbose_name_plural': 'folded texts of pictures',
                'default_permissions': (),
                'indexes': [models.Index(fields=['revision'], name='folded_recognised_revision')],
            },
        ),
        migrations.CreateModel(
            name='RecognisedText',
            fields=[
                ('image', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='recognised_text', serialize=False, to='gallery.image')),
                ('revision', models.CharField(max_length=64)),
                ('lines', models.JSONField(null=True)),
                ('error', models.JSONField(null=True)),
            ],
            options={
                'verbose_name': 'recognised text',
                'verbose_name_plural': 'recognised texts',
                'default_permissions': (),
                'indexes': [models.Index(fields=['revision'], name='recognised_text_revision')],
            },
        ),
    ]
