"""Folders of the learning project (testbed)."""

from .base import gettext_noop
from .inputs import InvalidInput


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
