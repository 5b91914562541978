"""What can be wrong with a picture, or with decoding it."""

from .base import ImageSearchError, gettext_noop


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


class UnsupportedTiff(InvalidPicture):
    """A sound file of a kind that no program here can show. `kind` is for people who know TIFF."""

    code = "unsupported_tiff"
    http_status = 415
    message = gettext_noop(
        "This kind of TIFF (%(kind)s) cannot be shown. Save it with 8 or 16 bits a colour, without compression, "
        "or as PNG, and try again."
    )


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


class ReadingFailed(ImageSearchError):
    code = "reading_failed"
    http_status = 422
    message = gettext_noop(
        "What is written in this picture could not be read: %(reason)s. Have it read again after an update."
    )


class ReadingKills(ImageSearchError):
    code = "reading_kills"
    http_status = 422
    message = gettext_noop(
        "The process that read this picture was ended by %(cause)s, %(deaths)s times, so what is written in it is not "
        "known. Have it read again after an update."
    )


class ReaderUnavailable(ImageSearchError):
    code = "reader_unavailable"
    http_status = 503
    message = gettext_noop("What is written in pictures cannot be read now: %(reason)s.")


class DecoderUnavailable(ImageSearchError):
    code = "decoder_unavailable"
    http_status = 503
    message = gettext_noop(
        "No picture can be read now, because the decoder process does not start: %(reason)s. "
        "Try again in a moment, or ask the operator."
    )


class WordsLeftOut(InvalidPicture):
    """A picture that is brought in, but for something that its file says."""

    code = "words_left_out"
    message = gettext_noop("Not all that this file says was taken over: %(reason)s.")


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


class NoPlainCopy(ImageSearchError):
    """`reason` is the code of what is wrong with the picture."""

    code = "no_plain_copy"
    http_status = 409
    message = gettext_noop(
        "Only its owner gets this file as it is, and no copy without its metadata can be made of it. "
        "Look at the large version on its page, or ask the owner to give others the whole file."
    )


class OriginalMissing(ImageSearchError):
    code = "original_missing"
    http_status = 410
    message = gettext_noop(
        "The original file of this picture is no longer in the storage. Upload it again, or ask the operator."
    )
