"""Models, and moving the library to another one."""

from .base import ImageSearchError, gettext_noop


class EncoderUnavailable(ImageSearchError):
    code = "encoder_unavailable"
    http_status = 503
    message = gettext_noop("The encoder “%(encoder)s” cannot be used: %(reason)s. %(remedy)s")


class UnknownEncoder(EncoderUnavailable):
    code = "unknown_encoder"
    http_status = 400
    message = gettext_noop("There is no encoder “%(encoder)s”. Choose one of: %(choices)s.")


class EncoderMismatch(ImageSearchError):
    code = "encoder_mismatch"
    http_status = 409
    message = gettext_noop(
        "The index was made by “%(index_encoder)s” but the encoder in use is “%(encoder)s”. "
        "Set IMAGESEARCH_ENCODER back, or run: manage.py reindex --encoder %(encoder_name)s"
    )


class EncoderRevisionMismatch(EncoderMismatch):
    code = "encoder_revision_mismatch"
    message = gettext_noop(
        "The index was made by “%(index_encoder)s” but this version brings “%(encoder)s”. "
        "Run: manage.py reindex --encoder %(encoder_name)s"
    )


class EncodingFailed(ImageSearchError):
    code = "encoding_failed"
    http_status = 422
    message = gettext_noop(
        "The model “%(encoder)s” fails on this picture: %(reason)s. Try again after an update or with another model."
    )


class EncodingKills(ImageSearchError):
    code = "encoding_kills"
    http_status = 422
    message = gettext_noop(
        "The process that encoded this picture alone was ended by %(cause)s, %(deaths)s times, so the picture is left "
        "out. Try again after an update or with another model."
    )


class EncoderChanged(ImageSearchError):
    """The index moved to another encoder between encoding a query and searching with it: encode it again."""

    code = "encoder_changed"
    http_status = 503
    message = gettext_noop("The model of this index was changed during the search. Search again.")


class ModelChangeUnderWay(ImageSearchError):
    code = "model_change_under_way"
    http_status = 409
    message = gettext_noop(
        "The library is moving to “%(encoder)s”. Finish that first with: manage.py reindex, or give it up with: "
        "manage.py reindex --cancel"
    )


class ModelChangeRunning(ImageSearchError):
    code = "model_change_running"
    http_status = 409
    message = gettext_noop(
        "A reindex is running already. Wait until it has finished, or stop it with: manage.py reindex --cancel"
    )


class ModelChangeCancelled(ImageSearchError):
    code = "model_change_cancelled"
    http_status = 409
    message = gettext_noop("The change to “%(encoder)s” was given up by somebody else. The index is as it was.")


class NoModelChange(ImageSearchError):
    code = "no_model_change"
    http_status = 409
    message = gettext_noop("No change of the model is under way. Begin one with: manage.py reindex --encoder NAME")


class TooManyLosses(ImageSearchError):
    code = "too_many_losses"
    http_status = 409
    message = gettext_noop(
        "%(failed)s of %(count)s searchable pictures would be lost with “%(encoder)s”; the limit is %(limit)s. The "
        "index stays as it is. Mend them and run: manage.py reindex --retry-failed, or give them up with: manage.py "
        "reindex --accept-failures"
    )


class PicturesUnreadable(ImageSearchError):
    code = "pictures_unreadable"
    http_status = 503
    message = gettext_noop(
        "%(count)s pictures cannot be read at the moment (%(reason)s). The index stays as it is; mend the storage and "
        "run the same command again: it goes on where it was."
    )


class EvaluationStopped(ImageSearchError):
    code = "evaluation_stopped"
    message = gettext_noop(
        "The library of “%(encoder_name)s” died while it was measured (status %(status)s). What it said stands above."
    )
