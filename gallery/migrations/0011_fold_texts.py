"""Tags, albums and accounts are folded, and so many pictures as take seconds; `embed_pending` folds the rest."""

from collections.abc import Callable
from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from gallery.text.folding import REVISION, folded, folded_lines
from gallery.text.tag_names import folded_tag

AT_A_TIME = 1_000
IMAGES_AT_ONCE = 20_000  # some three seconds


def fold_texts(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _fill(apps, "Tag", "folded_name", lambda tag: folded_tag(tag.name))
    _fill(apps, "Album", "folded_text", lambda album: folded_lines(album.title, album.description))
    _fill(apps, "User", "folded_username", lambda user: folded(user.username))
    _fill(apps, "User", "folded_names", lambda user: folded_lines(user.first_name, user.last_name, user.email))
    texts = apps.get_model("gallery", "FoldedText").objects
    images = apps.get_model("gallery", "Image").objects.order_by("-pk")[:IMAGES_AT_ONCE]
    rows = (
        texts.model(image_id=pk, revision=REVISION, text=folded_lines(name, description))
        for pk, name, description in images.values_list("pk", "original_name", "description")
    )
    texts.bulk_create(rows, batch_size=AT_A_TIME)


def _fill(apps: Apps, model_name: str, column: str, fold: Callable[[Any], str]) -> None:
    rows = apps.get_model("gallery", model_name).objects
    last_id = 0
    while some := list(rows.filter(pk__gt=last_id).order_by("pk")[:AT_A_TIME]):
        for row in some:
            setattr(row, column, fold(row))
        rows.bulk_update(some, [column])
        last_id = some[-1].pk


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0010_folded_texts"),
    ]

    operations = [
        migrations.RunPython(fold_texts, migrations.RunPython.noop),
    ]
