"""Why an import leaves something out with which nothing is wrong. Each code is a kind that programs may rely on."""

from .base import ImageSearchError, gettext_noop


class LeftOut(ImageSearchError):
    code = "left_out"
    http_status = 400
    message = gettext_noop("This was left out.")


class VideoLeftOut(LeftOut):
    code = "video"
    message = gettext_noop("This is a video; only pictures are brought in.")


class AudioLeftOut(LeftOut):
    code = "audio"
    message = gettext_noop("This is a sound recording; only pictures are brought in.")


class DocumentLeftOut(LeftOut):
    code = "document"
    message = gettext_noop("This is a document. Export the pictures in it and bring those in.")


class ArchiveLeftOut(LeftOut):
    code = "archive"
    message = gettext_noop("This is an archive. Unpack it and bring in the pictures that are in it.")


class SidecarLeftOut(LeftOut):
    code = "sidecar"
    message = gettext_noop("This is a sidecar: it goes with a picture and is none itself.")


class RawBesidePictureLeftOut(LeftOut):
    code = "raw_beside_picture"
    message = gettext_noop("This is a camera's raw file; “%(picture)s” beside it is brought in instead.")


class RawLeftOut(LeftOut):
    code = "raw"
    message = gettext_noop(
        "This is a camera's raw file, and no picture of its name lies beside it. Export one as JPEG."
    )


class OtherFormatLeftOut(LeftOut):
    code = "other_format"
    message = gettext_noop("This is a picture of a kind that cannot be read (%(extension)s). Export it as JPEG or PNG.")


class SubFolderLeftOut(LeftOut):
    code = "sub_folder"
    message = gettext_noop("This folder was not looked into. Name it, or add --recursive.")


class KnownFolderLeftOut(LeftOut):
    code = "known_folder"
    message = gettext_noop("This folder was looked into already, as “%(path)s”.")


class LoopLeftOut(LeftOut):
    code = "loop"
    message = gettext_noop("This link leads back to a folder that it lies in, so it was not followed.")


class OwnFilesLeftOut(LeftOut):
    code = "own_files"
    message = gettext_noop("This folder holds the files of this site itself, so it was not looked into.")


class InTrashLeftOut(LeftOut):
    code = "in_trash"
    message = gettext_noop(
        "It lies in its owner's trash. Bring it back there, or delete it forever and import it again."
    )
