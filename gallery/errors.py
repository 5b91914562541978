"""The one error tree: a code for machines, a sentence for people, an HTTP status for the doors.

Nothing here imports Django, so that the encoders, the vector store and imaging can raise these anywhere.
Each sentence is an English message id with named placeholders; the page, API and command doors translate it
(`gallery.doors.sentence`) and never invent text of their own.
"""

from typing import Any, ClassVar, Self

LONGEST_VALUE = 300  # characters; paths must stay whole, a pasted novel must not


def gettext_noop(message: str) -> str:
    """Mark a sentence for translation; the door that shows it translates it."""
    return message


class Phrase(str):
    """A part of a sentence, such as a reason. It is English; the doors say it in the reader's language."""

    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, **values: Any) -> Self:
        phrase = super().__new__(cls, template % _readables(values))
        phrase.template, phrase.values = template, values
        return phrase

    def translated(self, template: str) -> str:
        """Return `template`, the translation of this phrase's own, with its values filled in."""
        return template % _readables(self.values)


def readable(value: Any) -> Any:
    """Return numbers with thousands separators, long texts cut, everything else unchanged."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        return value[: LONGEST_VALUE - 1] + "…"
    return value


def _readables(values: dict[str, Any]) -> dict[str, Any]:
    """An id is a name, not an amount: it stays as it is."""
    return {name: value if name.endswith("_id") else readable(value) for name, value in values.items()}


class ImageSearchError(Exception):
    """Base of every error that a person may read. `details` holds the values that the sentence names."""

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500
    message: ClassVar[str] = gettext_noop("Something went wrong on our side. Try again in a moment.")

    def __init__(self, **details: Any) -> None:
        self.details = details
        super().__init__(self.sentence(self.message))

    def sentence(self, template: str, values: dict[str, Any] | None = None) -> str:
        """Return `template` (the message id or its translation) with `values`, or this error's own, filled in."""
        return template % _readables(self.details if values is None else values)


# Pictures


class InvalidPicture(ImageSearchError):
    code = "invalid_picture"
    http_status = 400
    message = gettext_noop("This file is not a picture that can be used: %(reason)s.")


class EmptyFile(InvalidPicture):
    code = "empty_file"
    message = gettext_noop("This file is empty (0 bytes). Choose the picture again.")


class FileTooLarge(InvalidPicture):
    code = "file_too_large"
    http_status = 413
    message = gettext_noop(
        "This file has %(size_bytes)s bytes; the limit is %(limit_bytes)s. Make it smaller and try again."
    )


class TooManyPixels(InvalidPicture):
    code = "too_many_pixels"
    http_status = 413
    message = gettext_noop(
        "This picture has %(size_px)s pixels; the limit is %(limit_px)s. Make it smaller and try again."
    )


class TooManyFrames(InvalidPicture):
    code = "too_many_frames"
    http_status = 413
    message = gettext_noop(
        "This animation has more than %(limit)s frames, which is the limit. Shorten it and try again."
    )


class UnsupportedFormat(InvalidPicture):
    code = "unsupported_format"
    http_status = 415
    message = gettext_noop("This file is not one of the picture formats that can be read: %(formats)s.")


class BrokenPicture(InvalidPicture):
    """`reason` is for programs only: it is the decoder's own English."""

    code = "broken_picture"
    message = gettext_noop("This %(format)s file is damaged or cut short. Export or copy the picture again.")


class DecodingTooSlow(InvalidPicture):
    code = "decoding_too_slow"
    message = gettext_noop(
        "Reading this picture took more than %(limit_seconds)s seconds, which is the limit. "
        "Make it smaller or save it in another format, and try again."
    )


class DecodingOutOfMemory(InvalidPicture):
    code = "decoding_out_of_memory"
    http_status = 413
    message = gettext_noop(
        "Reading this picture takes more than %(limit_mb)s MB of memory, which is the limit. "
        "Make it smaller and try again."
    )


class DecoderCrashed(InvalidPicture):
    code = "decoder_crashed"
    message = gettext_noop(
        "The picture decoder crashed on this file of %(size_bytes)s bytes. "
        "Open it in another program, export it from there and try again."
    )


class DecoderUnavailable(ImageSearchError):
    code = "decoder_unavailable"
    http_status = 503
    message = gettext_noop(
        "No picture can be read now, because the decoder process does not start: %(reason)s. "
        "Try again in a moment, or ask the operator."
    )


class ContentCollision(InvalidPicture):
    code = "content_collision"
    http_status = 409
    message = gettext_noop(
        "Another of your pictures has the same MD5 (%(md5)s) but different content. Save this one again and retry."
    )


class NotSearchable(ImageSearchError):
    code = "not_searchable"
    http_status = 409
    message = gettext_noop(
        "Picture %(image_id)s is not searchable (%(status)s), so nothing can be compared with it yet."
    )


class OriginalMissing(ImageSearchError):
    code = "original_missing"
    http_status = 410
    message = gettext_noop(
        "The original file of this picture is no longer in the storage. Upload it again, or ask the operator."
    )


# What people type


class InvalidInput(ImageSearchError):
    code = "invalid"
    http_status = 400
    message = gettext_noop("This request is not valid: %(reason)s.")


class EmptyQuery(InvalidInput):
    code = "empty_query"
    message = gettext_noop("The search is empty. Type what the picture shows, or choose a picture.")


class QueryWithoutWords(InvalidInput):
    code = "query_without_words"
    message = gettext_noop("“%(query)s” has no letters or digits. Type what the picture shows.")


class QueryTooLong(InvalidInput):
    code = "query_too_long"
    message = gettext_noop("The search has %(length)s characters; the limit is %(limit)s. Use a shorter sentence.")


class InvalidTop(InvalidInput):
    code = "invalid_top"
    message = gettext_noop("The number of results is “%(value)s”; it must be a whole number from 1 to %(limit)s.")


class InvalidTag(InvalidInput):
    code = "invalid_tag"
    message = gettext_noop("The tag “%(tag)s” has %(length)s characters; the limit is %(limit)s. Use a shorter tag.")


class TooManyTags(InvalidInput):
    code = "too_many_tags"
    message = gettext_noop("There are %(count)s tags; the limit is %(limit)s. Remove some of them.")


class InvalidVisibility(InvalidInput):
    code = "invalid_visibility"
    message = gettext_noop("The visibility is “%(value)s”; it must be one of %(choices)s.")


class NoFiles(InvalidInput):
    code = "no_files"
    message = gettext_noop("No file came with this upload. Choose at least one picture.")


class TooManyFiles(InvalidInput):
    code = "too_many_files"
    http_status = 413
    message = gettext_noop("There are more than %(limit)s files, which is the limit. Upload them in several batches.")


class DescriptionTooLong(InvalidInput):
    code = "description_too_long"
    message = gettext_noop("The description has %(length)s characters; the limit is %(limit)s. Shorten it.")


class UnknownUser(InvalidInput):
    code = "unknown_user"
    message = gettext_noop("There is no user “%(username)s”. Create it with: manage.py createsuperuser, or sign up.")


class UnreadablePath(InvalidInput):
    code = "unreadable_path"
    message = gettext_noop("“%(path)s” cannot be read: %(reason)s.")


class UnwritablePath(InvalidInput):
    code = "unwritable_path"
    message = gettext_noop("“%(path)s” cannot be written: %(reason)s. Name another folder or change its permissions.")


class InvalidQueryFile(InvalidInput):
    code = "invalid_query_file"
    message = gettext_noop(
        "“%(path)s” is not a query file: %(reason)s. Each of its “queries” needs a “query”, a “lang” and a list "
        "“relevant” of file names."
    )


class NoPictures(InvalidInput):
    code = "no_pictures"
    message = gettext_noop(
        "There is no picture that can be read in “%(path)s” (files there: %(files)s). Name the folder of the pictures."
    )


# Folders of the learning project (testbed)


class UnreadableTestbed(InvalidInput):
    code = "unreadable_testbed"
    message = gettext_noop("“%(path)s” cannot be brought in: %(reason)s. Copy the whole folder again and retry.")


class InvalidTestbedEntry(InvalidInput):
    code = "invalid_testbed_entry"
    message = gettext_noop("The entry “%(entry)s” of image_index.json is not used: %(reason)s. Correct it and retry.")


class IncompleteTestbedEntry(InvalidInput):
    """A picture that is brought in, but for something."""

    code = "incomplete_testbed_entry"
    message = gettext_noop("Of the entry “%(entry)s” in image_index.json not all is used: %(reason)s.")


class UnusableVectors(InvalidInput):
    code = "unusable_vectors"
    http_status = 409
    message = gettext_noop(
        "The vectors of “%(path)s” cannot be taken over: %(reason)s. Nothing was changed. "
        "Add --reembed to compute all vectors with the encoder of this library."
    )


class NotTestbedEncoder(InvalidInput):
    code = "not_testbed_encoder"
    http_status = 409
    message = gettext_noop(
        "The vectors of this library are of “%(encoder)s”, %(dimension)s numbers each; such a folder holds those of "
        "OpenAI CLIP ViT-B/32, 512 each. Run: manage.py reindex --encoder clip, or add --without-vectors."
    )


class NotExported(InvalidInput):
    code = "not_exported"
    message = gettext_noop("Picture %(image_id)s is not exported: %(reason)s.")


class FolderNotEmpty(InvalidInput):
    code = "folder_not_empty"
    http_status = 409
    message = gettext_noop("“%(path)s” exists and is not an empty folder. Name a folder that does not exist yet.")


class FolderNotWritable(InvalidInput):
    code = "folder_not_writable"
    message = gettext_noop("“%(path)s” cannot be written: %(reason)s. Name another folder or fix its permissions.")


# Encoders


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
        "This picture has ended its process %(deaths)s times while it was read, so it is left out. "
        "Try again after an update or with another model."
    )


class EncoderChanged(ImageSearchError):
    """The index moved to another encoder between encoding a query and searching with it: encode it again."""

    code = "encoder_changed"
    http_status = 503
    message = gettext_noop("The model of this index was changed during the search. Search again.")


# A change of the model


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


# Vectors and storage


class InvalidVector(ImageSearchError):
    code = "invalid_vector"
    http_status = 400
    message = gettext_noop("The vector of picture %(image_id)s cannot be indexed: %(reason)s.")


class StoreDamaged(ImageSearchError):
    code = "store_damaged"
    http_status = 503
    message = gettext_noop("The vector file “%(path)s” is damaged: %(reason)s. Run: manage.py verify_index --repair")


class StoreBusy(ImageSearchError):
    code = "store_busy"
    http_status = 503
    message = gettext_noop("The vector file has been locked by another process for %(seconds)s seconds. Try again.")


class StorageFull(ImageSearchError):
    code = "storage_full"
    http_status = 507
    message = gettext_noop("There is no free space left in the storage. Nothing was saved; free some space and retry.")


class StorageNotWritable(ImageSearchError):
    code = "storage_not_writable"
    http_status = 503
    message = gettext_noop(
        "The data folder “%(path)s” cannot be written (%(reason)s). Fix its permissions or set IMAGESEARCH_DATA_DIR."
    )


class DatabaseBusy(ImageSearchError):
    code = "database_busy"
    http_status = 503
    message = gettext_noop("The database is busy with another change. Nothing was saved; try again in a moment.")
