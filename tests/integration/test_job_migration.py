"""Libraries of before: imports become jobs, what their lists held becomes rows, rights and links stay."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.test import Client
from django.utils.timezone import now

from gallery.errors import BrokenPicture, StoredError, VideoLeftOut
from gallery.models import Actor, AuditEntry, AuditVerb, Door, ImportedImage, Job, User, access_triggers

BEFORE = "0023_access_marks"
BROKEN = StoredError.of(BrokenPicture(format="PNG", reason="?")).as_json()
VIDEO = StoredError.of(VideoLeftOut()).as_json()


def as_before() -> Any:
    access_triggers.remove(connection)  # as `migrate` does before
    MigrationExecutor(connection).migrate([("gallery", BEFORE)])
    return MigrationLoader(connection).project_state(("gallery", BEFORE)).apps


@pytest.fixture
def library_of_before(alice: User) -> User:
    """One import that finished with something in each list, one that was killed, and a group that sees imports."""
    try:
        apps = as_before()
        jobs = apps.get_model("gallery", "ImportJob").objects
        jobs.create(
            owner_id=alice.pk,
            source="/photos\n/more",
            total=9,
            added=5,
            duplicates=2,
            ignored=3,
            status="finished",
            finished_at=now(),
            failures=[{"path": "/photos/a.png", "error": BROKEN}, {"path": "/photos/b.png", "error": "A sentence."}],
            skipped=[{"path": "/photos/c.mov", "reason": VIDEO}],
            changed=[{"path": "/photos/d.png", "id": 7, "previous_id": 3}],
        )
        killed = jobs.create(owner_id=alice.pk, source="/killed", total=4, added=1)
        apps.get_model("gallery", "ImportedImage").objects.create(job=killed, image_id=7)
        apps.get_model("gallery", "AuditEntry").objects.create(
            action="0" * 32,
            actor_kind="operator",
            door="command",
            verb=AuditVerb.IMPORTED,
            object_kind="gallery.importjob",
            object_id=1,
        )
        group = Group.objects.create(name="watchers")
        group.permissions.add(
            Permission.objects.filter(codename__endswith="importjob", codename__startswith="view").get()
        )
    finally:
        call_command("migrate", verbosity=0, skip_checks=True)
    return alice


def test_imports_of_before_are_jobs_with_their_counts(library_of_before):
    finished, killed = Job.objects.order_by("pk")

    assert (finished.kind, finished.owner, finished.status) == ("import", library_of_before, "finished")
    assert (finished.subject, finished.total, finished.done, finished.failed) == ("/photos\n/more", 9, 9, 2)
    assert finished.details == {"added": 5, "duplicates": 2, "ignored": 3}
    assert finished.asked_at == finished.started_at
    assert (killed.status, killed.done, killed.total) == ("running", 1, 4)
    assert ImportedImage.objects.get().job == killed
    assert (finished.actor.door, finished.actor.user) == (Door.COMMAND, None)


def test_lists_of_before_are_rows(library_of_before):
    finished = Job.objects.get(status="finished")

    failed = [(each.item, each.reason) for each in finished.items.failed()]
    assert failed == [
        ("/photos/a.png", StoredError.from_json(BROKEN)),
        ("/photos/b.png", StoredError("A sentence.")),
    ]
    assert [(each.item, each.reason) for each in finished.items.skipped()] == [
        ("/photos/c.mov", StoredError.from_json(VIDEO))
    ]
    assert [(each.item, each.details) for each in finished.items.changed()] == [
        ("/photos/d.png", {"id": 7, "previous_id": 3})
    ]


def test_way_back_brings_the_lists_back(library_of_before):
    Job.objects.create(kind="bulk_change", subject="a, b")
    try:
        jobs = as_before().get_model("gallery", "ImportJob").objects
        job = jobs.get(status="finished")
        assert (job.source, job.total, job.added, job.duplicates, job.ignored) == ("/photos\n/more", 9, 5, 2, 3)
        assert [each["path"] for each in job.failures] == ["/photos/a.png", "/photos/b.png"]
        assert job.skipped == [{"path": "/photos/c.mov", "reason": VIDEO}]
        assert job.changed == [{"path": "/photos/d.png", "id": 7, "previous_id": 3}]
        assert jobs.count() == 2
    finally:
        call_command("migrate", verbosity=0, skip_checks=True)


def test_whoever_might_see_imports_may_see_jobs(library_of_before):
    watcher = User.objects.create_user("watcher", is_staff=True)
    watcher.groups.set(Group.objects.all())

    assert watcher.has_perm("gallery.view_job")
    assert Job.objects.visible_to(Actor.of(watcher, door=Door.ADMIN)).count() == 2
    assert not Permission.objects.filter(codename__endswith="importjob").exists()


def test_links_and_entries_of_before_still_lead_to_their_job(library_of_before, staff):
    job, client = Job.objects.get(status="finished"), Client()
    client.force_login(staff)

    for old, new in (("", "?kind__exact=import"), (f"{job.pk}/change/", f"{job.pk}/change/")):
        assert client.get(f"/admin/gallery/importjob/{old}").url == f"/admin/gallery/job/{new}"
        assert client.get(f"/admin/gallery/job/{new}").status_code == 200
    entry = AuditEntry.objects.get()
    assert entry.kind_label == "job"
    assert list(AuditEntry.objects.about(Job(pk=1))) == [entry]
