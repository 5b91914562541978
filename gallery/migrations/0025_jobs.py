"""Imports become one kind of job among others; what their JSON lists held becomes rows."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.apps.registry import Apps
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F

AT_A_TIME = 1_000
STATUSES = ("waiting", "running", "finished", "failed", "cancelled", "interrupted")
UNDER_WAY = ("waiting", "running")


def keep_imports(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    jobs = apps.get_model("gallery", "Job")
    for job_id in list(jobs.objects.order_by("pk").values_list("pk", flat=True)):  # one at a time: lists may be long
        job = jobs.objects.get(pk=job_id)
        _keep_items(apps, job)
        done = job.total if job.status == "finished" else min(job.total, job.added + job.duplicates)
        details = {"added": job.added, "duplicates": job.duplicates, "ignored": job.ignored}
        jobs.objects.filter(pk=job_id).update(
            asked_at=F("started_at"), done=done, failed=len(job.failures), details=details
        )
    _check_now(schema_editor)


def _keep_items(apps: Apps, job: Any) -> None:
    items = apps.get_model("gallery", "JobItem")
    rest = (items(job_id=job.pk, **values) for values in _items_of(job))
    while some := list(islice(rest, AT_A_TIME)):
        items.objects.bulk_create(some)


def _items_of(job: Any) -> Iterator[dict[str, Any]]:
    for failure in job.failures:
        yield {"kind": "failed", "item": failure["path"], "error": failure["error"]}
    for skipped in job.skipped:
        yield {"kind": "skipped", "item": skipped["path"], "error": skipped["reason"]}
    for changed in job.changed:
        ids = {"id": changed["id"], "previous_id": changed["previous_id"]}
        yield {"kind": "changed", "item": changed["path"], "details": ids}


def keep_lists(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Bring the lists back. Other kinds of work, and other ends of an import, were not known before."""
    jobs = apps.get_model("gallery", "Job").objects
    jobs.exclude(kind="import").delete()
    jobs.filter(owner__isnull=True).delete()
    jobs.filter(status="waiting").delete()
    jobs.filter(status__in=["failed", "cancelled"]).update(status="interrupted")
    for job_id in list(jobs.values_list("pk", flat=True)):
        job = jobs.get(pk=job_id)
        items = {kind: list(job.items.filter(kind=kind).order_by("pk")) for kind in ("failed", "skipped", "changed")}
        job.failures = [{"path": each.item, "error": each.error} for each in items["failed"]]
        job.skipped = [{"path": each.item, "reason": each.error} for each in items["skipped"]]
        job.changed = [{"path": each.item, **each.details} for each in items["changed"]]
        job.added, job.duplicates = job.details.get("added", 0), job.details.get("duplicates", 0)
        job.ignored, job.total = job.details.get("ignored", 0), max(job.total, job.added + job.duplicates)
        job.started_at = job.started_at or job.asked_at
        job.save()
    _check_now(schema_editor)


def _check_now(schema_editor: BaseDatabaseSchemaEditor) -> None:
    """PostgreSQL changes no table for which checks of foreign keys are put off to the end of the transaction."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        schema_editor.execute("SET CONSTRAINTS ALL DEFERRED")


def rename_rights(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _rename_rights(apps, "importjob", "job")


def rename_rights_back(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _rename_rights(apps, "job", "importjob")


def _rename_rights(apps: Apps, old: str, new: str) -> None:
    """Whoever may see imports may see jobs: Django renames the kind of object, not what may be done with it."""
    rights = apps.get_model("auth", "Permission").objects.filter(content_type__app_label="gallery")
    for what in ("add", "change", "delete", "view"):
        rights.filter(codename=f"{what}_{old}").update(codename=f"{what}_{new}", name=f"Can {what} {new}")


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("gallery", "0023_access_marks"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="importjob", name="import_job_status_known"),
        migrations.RemoveConstraint(model_name="importjob", name="import_job_counts_fit"),
        migrations.RenameModel(old_name="ImportJob", new_name="Job"),
        migrations.RenameField(model_name="job", old_name="source", new_name="subject"),
        migrations.AddField(
            model_name="job",
            name="kind",
            field=models.CharField(
                choices=[("import", "import"), ("model_change", "change of the model"), ("bulk_change", "bulk change")],
                default="import",
                max_length=32,
                verbose_name="kind",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="job",
            name="asked_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="asked by",
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="actor_kind",
            field=models.CharField(
                choices=[
                    ("member", "member"),
                    ("visitor", "visitor"),
                    ("operator", "operator"),
                    ("worker", "background work"),
                ],
                default="operator",
                max_length=16,
                verbose_name="kind of actor",
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="door",
            field=models.CharField(
                choices=[
                    ("page", "page"),
                    ("api", "API"),
                    ("admin", "admin"),
                    ("command", "command"),
                    ("worker", "background work"),
                ],
                default="command",
                max_length=16,
                verbose_name="door",
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="is_for_worker",
            field=models.BooleanField(default=False, verbose_name="carried out by a worker"),
        ),
        migrations.AddField(
            model_name="job", name="tries", field=models.PositiveSmallIntegerField(default=0, verbose_name="runs")
        ),
        migrations.AddField(
            model_name="job", name="done", field=models.PositiveBigIntegerField(default=0, verbose_name="done")
        ),
        migrations.AddField(
            model_name="job", name="failed", field=models.PositiveBigIntegerField(default=0, verbose_name="failed")
        ),
        migrations.AddField(
            model_name="job",
            name="per_second",
            field=models.FloatField(blank=True, null=True, verbose_name="per second"),
        ),
        migrations.AddField(
            model_name="job",
            name="asked_at",
            field=models.DateTimeField(default=django.utils.timezone.now, verbose_name="asked for"),
        ),
        migrations.AddField(
            model_name="job",
            name="heartbeat_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="last sign of life"),
        ),
        migrations.AddField(
            model_name="job",
            name="cancel_asked_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="cancelling asked for"),
        ),
        migrations.AddField(
            model_name="job", name="holder", field=models.CharField(blank=True, max_length=300, verbose_name="process")
        ),
        migrations.AddField(
            model_name="job", name="error", field=models.JSONField(blank=True, null=True, verbose_name="why it stopped")
        ),
        migrations.AddField(
            model_name="job", name="details", field=models.JSONField(blank=True, default=dict, verbose_name="details")
        ),
        migrations.AlterField(
            model_name="job",
            name="owner",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="jobs",
                to=settings.AUTH_USER_MODEL,
                verbose_name="owner",
            ),
        ),
        migrations.AlterField(
            model_name="job", name="subject", field=models.TextField(blank=True, verbose_name="what it works at")
        ),
        migrations.AlterField(
            model_name="job",
            name="status",
            field=models.CharField(
                choices=[
                    ("waiting", "waiting"),
                    ("running", "running"),
                    ("finished", "finished"),
                    ("failed", "failed"),
                    ("cancelled", "cancelled"),
                    ("interrupted", "interrupted"),
                ],
                default="waiting",
                max_length=12,
                verbose_name="status",
            ),
        ),
        migrations.AlterField(
            model_name="job", name="total", field=models.PositiveBigIntegerField(default=0, verbose_name="total")
        ),
        migrations.AlterField(
            model_name="job",
            name="started_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="started"),
        ),
        migrations.CreateModel(
            name="JobItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("failed", "failed"), ("skipped", "skipped"), ("changed", "changed")],
                        max_length=12,
                        verbose_name="kind",
                    ),
                ),
                ("item", models.TextField(verbose_name="item")),
                ("error", models.JSONField(null=True, verbose_name="reason")),
                ("details", models.JSONField(default=dict, verbose_name="details")),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="items", to="gallery.job"
                    ),
                ),
            ],
            options={
                "verbose_name": "item of a job",
                "verbose_name_plural": "items of jobs",
                "ordering": ["pk"],
                "default_permissions": (),
                "indexes": [models.Index(fields=["job", "kind"], name="job_item_of_kind")],
            },
        ),
        migrations.CreateModel(
            name="JobSelection",
            fields=[
                (
                    "job",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="selection",
                        serialize=False,
                        to="gallery.job",
                    ),
                ),
                ("packed_ids", models.BinaryField()),
            ],
            options={
                "verbose_name": "pictures of a bulk change",
                "verbose_name_plural": "pictures of bulk changes",
                "default_permissions": (),
            },
        ),
        migrations.RunPython(rename_rights, rename_rights_back),
        migrations.RunPython(keep_imports, keep_lists),
        migrations.RemoveField(model_name="job", name="added"),
        migrations.RemoveField(model_name="job", name="duplicates"),
        migrations.RemoveField(model_name="job", name="ignored"),
        migrations.RemoveField(model_name="job", name="failures"),
        migrations.RemoveField(model_name="job", name="skipped"),
        migrations.RemoveField(model_name="job", name="changed"),
        migrations.AlterModelOptions(
            name="job", options={"ordering": ["-pk"], "verbose_name": "job", "verbose_name_plural": "jobs"}
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", list(STATUSES))), name="job_status_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(("total__gte", models.F("done"))), name="job_counts_fit"
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("status__in", list(UNDER_WAY))), fields=["status"], name="job_under_way"
            ),
        ),
    ]
