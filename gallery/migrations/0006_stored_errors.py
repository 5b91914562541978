"""Errors are kept with their code and details, and no longer as their English sentence.

Sentences that were kept are found again by what they look like; the others stay as they are and are shown so.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import Any

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from gallery.errors import ImageSearchError

AT_A_TIME = 500


class Sentences:
    """Finds the error of a sentence, the most particular first."""

    def __init__(self) -> None:
        codes = {kind.message: kind.code for kind in _kinds(ImageSearchError)}
        messages = sorted(codes, key=lambda message: (-len(message), message))
        self._known = [(codes[message], _pattern(message)) for message in messages]

    def error_of(self, sentence: str) -> dict[str, Any] | None:
        """Return its code, message and details; None if it was cut short or is of no known error."""
        for code, pattern in self._known:
            if found := pattern.fullmatch(sentence):
                details = {name: _detail(value) for name, value in found.groupdict().items()}
                return {"code": code, "message": sentence, "details": details}
        return None


def _kinds(kind: type[ImageSearchError]) -> Iterator[type[ImageSearchError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)


def _pattern(message: str) -> re.Pattern[str]:
    parts = re.split(r"%\((\w+)\)s", message)  # plain text and names by turns
    pieces = [f"(?P<{part}>.*)" if place % 2 else re.escape(part) for place, part in enumerate(parts)]
    return re.compile("".join(pieces), re.DOTALL)


def _detail(value: str) -> Any:
    """A number stays; any other text may be a reason that has a translation."""
    return {"template": value.replace("%", "%%"), "values": {}} if re.search(r"[^\d,.]", value) else value


def keep_errors(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    sentences = Sentences()
    _keep_those_of_images(apps, sentences)
    for name in ("NextEmbedding", "ModelChange"):
        for row in list(apps.get_model("gallery", name).objects.exclude(error="")):
            if error := sentences.error_of(row.error):
                row.error, row.kept_error = error["code"], error
                row.save(update_fields=["error", "kept_error"])
    for job in _jobs_with_failures(apps):
        for failure in job.failures:
            failure["error"] = sentences.error_of(failure["error"]) or failure["error"]
        job.save(update_fields=["failures"])


def _keep_those_of_images(apps: Apps, sentences: Sentences) -> None:
    images = apps.get_model("gallery", "Image").objects
    failures = apps.get_model("gallery", "EmbeddingFailure")
    failed = images.filter(embedding_row__isnull=True).exclude(embed_error="")
    rest = iter(list(failed.order_by("pk").values_list("pk", "embed_error")))
    while some := list(islice(rest, AT_A_TIME)):
        errors = {image_id: error for image_id, text in some if (error := sentences.error_of(text))}
        ids_of_code = defaultdict(list)
        for image_id, error in errors.items():
            ids_of_code[error["code"]].append(image_id)
        for code, image_ids in ids_of_code.items():
            images.filter(pk__in=image_ids).update(embed_error=code)
        failures.objects.bulk_create(failures(image_id=image_id, error=error) for image_id, error in errors.items())


def _jobs_with_failures(apps: Apps) -> Iterator[Any]:
    jobs = apps.get_model("gallery", "ImportJob").objects
    for job_id in list(jobs.exclude(failures=[]).values_list("pk", flat=True)):  # one at a time: lists may be long
        yield jobs.get(pk=job_id)


def keep_sentences(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    images = apps.get_model("gallery", "Image").objects
    for failure in list(apps.get_model("gallery", "EmbeddingFailure").objects.all()):
        failed = images.filter(pk=failure.pk, embed_error=failure.error["code"])
        failed.update(embed_error=failure.error["message"][:500])
    for name in ("NextEmbedding", "ModelChange"):
        for row in list(apps.get_model("gallery", name).objects.filter(kept_error__isnull=False)):
            row.error = row.kept_error["message"][:500]
            row.save(update_fields=["error"])
    for job in _jobs_with_failures(apps):
        for failure in job.failures:
            if isinstance(failure["error"], dict):
                failure["error"] = failure["error"]["message"]
        job.save(update_fields=["failures"])


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0005_admin_log"),
    ]

    operations = [
        migrations.CreateModel(
            name="EmbeddingFailure",
            fields=[
                (
                    "image",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="embedding_failure",
                        serialize=False,
                        to="gallery.image",
                    ),
                ),
                ("error", models.JSONField()),
            ],
            options={
                "verbose_name": "embedding failure",
                "verbose_name_plural": "embedding failures",
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="modelchange",
            name="kept_error",
            field=models.JSONField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="nextembedding",
            name="kept_error",
            field=models.JSONField(null=True),
        ),
        migrations.RunPython(keep_errors, keep_sentences),
    ]
