"""Why long work ended before it was done."""

from .base import ImageSearchError, gettext_noop


class WorkCancelled(ImageSearchError):
    """Raised between batches: whole batches are done, nothing else is begun."""

    code = "work_cancelled"
    http_status = 409
    message = gettext_noop("This was cancelled after %(done)s of %(total)s. What is done stays; it can be run again.")


class WorkInterrupted(ImageSearchError):
    code = "work_interrupted"
    http_status = 503
    message = gettext_noop(
        "Its process ended after %(done)s of %(total)s. What is done stays. Run it again: nothing is lost or doubled."
    )


class WorkNeverGetsOn(ImageSearchError):
    code = "work_never_gets_on"
    http_status = 503
    message = gettext_noop(
        "Its process has ended %(tries)s times without getting any further, so it is left. Look into the log of the "
        "worker, mend the cause and begin it again."
    )


class WorkFailed(ImageSearchError):
    code = "work_failed"
    http_status = 500
    message = gettext_noop("An unexpected error ended this after %(done)s of %(total)s. The log says more.")


class AskerGone(ImageSearchError):
    code = "asker_gone"
    http_status = 409
    message = gettext_noop("The account that began this is gone, or may no longer do it. What is done stays.")
