"""Changing many pictures: few at once, more as a job whose batches are one action."""

from typing import Any

import pytest

from gallery import jobs
from gallery.errors import TooManyTags
from gallery.models import AuditEntry, BulkChange, Image, Job, JobSelection
from gallery.services import bulk_changes
from gallery.services.bulk_changes import change_many, may_undo, undo, undo_action
from gallery.services.curation import move_to_trash, restore, set_visibility
from gallery.services.long_kinds import LONG_KINDS
from gallery.services.long_work import JobRun, cancel
from gallery.services.waiting_jobs import end_killed, go_on, run_next
from tests.conftest import acting, drawn_picture

COLOURS = ("red", "lime", "blue", "yellow", "gray")


@pytest.fixture(autouse=True)
def begun(monkeypatch) -> list[str]:
    """What would be run in a process of its own. Two pictures are few here, and one batch."""
    commands: list[str] = []
    monkeypatch.setattr(jobs, "see_to_worker", lambda: commands.append("work"))
    monkeypatch.setattr(bulk_changes, "AT_ONCE", 2)
    monkeypatch.setattr(bulk_changes, "CHANGES_AT_A_TIME", 2)
    return commands


@pytest.fixture
def pictures(alice, upload, quick_encoder, begun) -> list[Image]:
    brought = [upload(alice, f"{colour}.png", content=drawn_picture(colour)) for colour in COLOURS]
    begun.clear()
    return brought


def all_of(user: Any) -> Any:
    return Image.objects.library_of(acting(user))


def stop_after(batches: int, monkeypatch) -> None:
    """Cancel the job once it has done so many batches."""
    real = JobRun.advance

    def advance(run: JobRun, count: int = 1) -> None:
        real(run, count)
        run.write()
        if run.job.done >= batches * 2:
            cancel(Job.objects.all(), by=run.job.actor)
            run.write()

    monkeypatch.setattr(JobRun, "advance", advance)


def test_few_pictures_are_changed_at_once(alice, pictures, begun):
    changed = change_many(
        all_of(alice).filter(pk__in=[1, pictures[0].pk]), BulkChange.ADD_TAGS, "a, b", by=acting(alice)
    )

    assert (changed.count, changed.job, begun, Job.objects.count()) == (1, None, [], 0)
    assert sorted(pictures[0].tags.values_list("name", flat=True)) == ["a", "b"]


@pytest.mark.parametrize(
    ("change", "value", "left"),
    [
        (BulkChange.VISIBILITY, "public", {"visibility": "public"}),
        (BulkChange.ADD_TAGS, "a", {"tags__name": "a"}),
        (BulkChange.TRASH, "", {"trashed_at__isnull": False}),
    ],
)
@pytest.mark.usefixtures("pictures")
def test_many_pictures_are_changed_by_a_worker_in_batches_of_one_action(alice, begun, change, value, left):
    changed = change_many(all_of(alice), change, value, by=acting(alice))

    assert (changed.count, changed.job.status, changed.job.owner, begun) == (5, "waiting", alice, ["work"])
    assert Image.objects.filter(**left).count() == 0
    before = AuditEntry.objects.first().pk

    run_next(LONG_KINDS)

    job = Job.objects.get()
    assert (job.status, job.done, job.total, job.failed) == ("finished", 5, 5, 0)
    assert Image.objects.filter(**left).count() == 5
    written = AuditEntry.objects.filter(pk__gt=before)
    assert written.count() == 5
    assert set(written.values_list("user", "door")) == {(alice.pk, "page")}
    assert [str(each) for each in written.values_list("action", flat=True).distinct().order_by()] == [
        job.details["action"]
    ]


def test_cancelled_bulk_change_leaves_whole_batches_and_goes_on(alice, pictures, monkeypatch):
    change_many(all_of(alice), BulkChange.ADD_TAGS, "a", by=acting(alice))
    with monkeypatch.context() as patch:
        stop_after(1, patch)
        run_next(LONG_KINDS)
    job = Job.objects.get()
    assert (job.status, job.done, Image.objects.filter(tags__name="a").count()) == ("cancelled", 2, 2)

    assert go_on(Job.objects.all(), by=acting(alice)) == 1
    run_next(LONG_KINDS)

    job.refresh_from_db()
    assert (job.status, job.done, job.failure) == ("finished", 5, None)
    assert Image.objects.filter(tags__name="a").count() == 5
    assert AuditEntry.objects.filter(verb="tagged").count() == 5


def test_killed_bulk_change_goes_on_and_writes_nothing_down_twice(alice, pictures):
    change_many(all_of(alice), BulkChange.VISIBILITY, "public", by=acting(alice))
    first = Image.objects.filter(pk__in=Job.objects.get().selection.image_ids[:2].tolist())
    set_visibility(first, "public", by=acting(alice))  # the batch that was done, but not noted, when it was killed
    Job.objects.update(status="running")

    end_killed(LONG_KINDS, Job.objects.all())
    run_next(LONG_KINDS)

    assert Job.objects.get().status == "finished"
    assert AuditEntry.objects.filter(verb="shown_to").count() == 5


def test_tags_that_are_too_many_change_nothing(alice, pictures):
    with pytest.raises(TooManyTags):
        change_many(all_of(alice), BulkChange.ADD_TAGS, ",".join(f"t{n}" for n in range(101)), by=acting(alice))

    assert (Job.objects.count(), JobSelection.objects.count()) == (0, 0)


def test_what_is_no_longer_ones_own_is_left_alone(alice, bob, pictures):
    change_many(all_of(alice), BulkChange.VISIBILITY, "public", by=acting(alice))
    Image.objects.filter(pk=pictures[0].pk).update(owner=bob)

    run_next(LONG_KINDS)

    pictures[0].refresh_from_db()
    assert pictures[0].visibility == "private"
    assert Image.objects.filter(visibility="public").count() == 4


def test_trash_of_a_job_is_undone_once(alice, pictures):
    change_many(all_of(alice), BulkChange.TRASH, by=acting(alice))
    run_next(LONG_KINDS)
    job = Job.objects.get()
    assert may_undo(job)

    back = undo(job, by=acting(alice))
    run_next(LONG_KINDS)

    job.refresh_from_db()
    assert (back.count, back.job.what, Image.objects.live().count()) == (5, "bring back from the trash", 5)
    assert not may_undo(job)


def trashed_by_a_job(user: Any) -> Job:
    change_many(all_of(user), BulkChange.TRASH, by=acting(user))
    run_next(LONG_KINDS)
    return Job.objects.get(details__change=BulkChange.TRASH)


def test_undo_leaves_alone_what_others_had_trashed_before_the_job(alice, pictures):
    everything = all_of(alice).live()
    change_many(everything, BulkChange.TRASH, by=acting(alice))
    move_to_trash(all_of(alice).filter(pk=pictures[0].pk), by=acting(alice))
    run_next(LONG_KINDS)

    undo(Job.objects.get(), by=acting(alice))
    run_next(LONG_KINDS)

    assert list(Image.objects.trashed()) == [pictures[0]]


def test_undo_leaves_alone_what_was_brought_back_and_trashed_anew(alice, pictures):
    job = trashed_by_a_job(alice)
    again = Image.objects.filter(pk=pictures[1].pk)
    restore(again, by=acting(alice))
    move_to_trash(again, by=acting(alice))

    undo(job, by=acting(alice))
    run_next(LONG_KINDS)

    assert list(Image.objects.trashed()) == [pictures[1]]


def test_undo_leaves_alone_what_is_trashed_anew_while_it_waits(alice, pictures):
    undo(trashed_by_a_job(alice), by=acting(alice))
    again = Image.objects.filter(pk=pictures[1].pk)
    restore(again, by=acting(alice))
    move_to_trash(again, by=acting(alice))

    run_next(LONG_KINDS)

    assert list(Image.objects.trashed()) == [pictures[1]]


def test_undo_brings_back_the_batch_that_a_killed_job_had_not_noted(alice, pictures):
    job = trashed_by_a_job(alice)
    Job.objects.filter(pk=job.pk).update(status="interrupted", done=2)
    job.refresh_from_db()

    undo(job, by=acting(alice))
    run_next(LONG_KINDS)

    assert not Image.objects.trashed().exists()


def test_undo_of_few_pictures_leaves_alone_what_others_had_trashed(alice, pictures):
    first_two = all_of(alice).filter(pk__in=[pictures[0].pk, pictures[1].pk])
    done = change_many(first_two, BulkChange.TRASH, by=acting(alice))
    again = Image.objects.filter(pk=pictures[1].pk)
    restore(again, by=acting(alice))
    move_to_trash(again, by=acting(alice))

    assert undo_action(done.action, by=acting(alice)) == 1
    assert list(Image.objects.trashed()) == [pictures[1]]


def test_undo_of_few_pictures_is_for_those_who_may_change_them(alice, bob, pictures):
    done = change_many(all_of(alice).filter(pk=pictures[0].pk), BulkChange.TRASH, by=acting(alice))

    assert undo_action(done.action, by=acting(bob)) == 0
    assert list(Image.objects.trashed()) == [pictures[0]]


def test_title_says_what_is_changed(alice, pictures):
    for change, value in ((BulkChange.VISIBILITY, "public"), (BulkChange.ADD_TAGS, "a, b"), (BulkChange.TRASH, "")):
        change_many(all_of(alice), change, value, by=acting(alice))

    titles = [job.title for job in Job.objects.order_by("pk")]
    assert titles == ["change the visibility: public: everyone", "add tags: a, b", "move to the trash"]
