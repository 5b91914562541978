"""A change of the model as a job: begun by a page for a worker, or noted while a command carries it out."""

from django.db import transaction

from gallery.models import Actor, Image, Job, JobKind, ModelChange
from gallery.services.long_work import JobRun, ask_for, cancel, noted
from gallery.services.waiting_jobs import job_waits

from .model_change import change_model, note_begin
from .model_change_run import ModelChangeReport
from .waiting_images import Progress


def begin_model_change(
    change: ModelChange, *, by: Actor, retry_failed: bool = False, accept_failures: bool = False
) -> Job:
    """Have a change of the model carried out by a worker. What waited for one already is replaced by this."""
    note_begin(change, by=by, retry_failed=retry_failed, accept_failures=accept_failures)
    with transaction.atomic():
        cancel(Job.objects.of_kind(JobKind.MODEL_CHANGE).waiting(), by=by)
        job = ask_for(
            JobKind.MODEL_CHANGE,
            by=by,
            subject=change.encoder_id,
            retry_failed=retry_failed,
            accept_failures=accept_failures,
        )
        job_waits(job)
    return job


def carry_out_model_change(run: JobRun) -> None:
    """Do what is left of the change that the job is about; raises what `change_model` raises."""
    job = run.job
    run.start_over()  # what an earlier run failed on is told again
    report = change_model(
        job.subject,
        by=job.actor,
        retry_failed=job.details["retry_failed"],
        accept_failures=job.details["accept_failures"],
        progress=_progress_of(run),
    )
    _note_failures(run, report)


def change_model_noted(
    encoder_name: str | None, *, by: Actor, retry_failed: bool, accept_failures: bool, progress: Progress
) -> ModelChangeReport:
    """Change the model as `change_model` does, with a job that says how far it is and by which it can be cancelled."""
    with noted(JobKind.MODEL_CHANGE, by=by, subject=_subject(encoder_name)) as run:
        to_job = _progress_of(run)

        def both(count: int) -> None:
            progress(count)
            to_job(count)

        report = change_model(
            encoder_name, by=by, retry_failed=retry_failed, accept_failures=accept_failures, progress=both
        )
        _note_failures(run, report)
    return report


def _subject(encoder_name: str | None) -> str:
    if encoder_name:
        return encoder_name
    change = ModelChange.objects.current()
    return change.encoder_id if change is not None else ""


def _progress_of(run: JobRun) -> Progress:
    """Return what is told first how many pictures were done before, then of each batch; it ends what is cancelled."""
    is_begun = False

    def progress(count: int) -> None:
        nonlocal is_begun
        if is_begun:
            run.advance(count)
        else:
            run.set_counts(done=count, total=count + Image.objects.not_in_next_epoch().count())
        is_begun = True
        run.check_cancelled()

    return progress


def _note_failures(run: JobRun, report: ModelChangeReport) -> None:
    for failure in report.failures:
        run.note(failure.name, failure.error, id=failure.image_id)
