"""What lies among the pictures of a folder and is none, told by its name alone: such files are never opened."""

import re
from collections.abc import Sequence
from fnmatch import translate
from pathlib import PurePath

from gallery.errors import (
    ArchiveLeftOut,
    AudioLeftOut,
    DocumentLeftOut,
    LeftOut,
    OtherFormatLeftOut,
    RawBesidePictureLeftOut,
    RawLeftOut,
    SidecarLeftOut,
    VideoLeftOut,
    shown,
)
from gallery.imaging import ALL_EXTENSIONS


def _extensions(words: str) -> frozenset[str]:
    return frozenset(f".{word}" for word in words.split())


VIDEO = _extensions(
    """
    mp4 m4v mov qt avi mkv webm wmv asf flv f4v mpg mpeg mpe m2v mts m2ts m2t ts vob 3gp 3g2 ogv mxf dv rm rmvb
    divx lrv insv 360 mjpg mjpeg mp braw r3d
    """
)
AUDIO = _extensions("mp3 m4a aac wav flac ogg oga opus wma aif aiff amr caf mid midi")
DOCUMENT = _extensions(
    "pdf doc docx odt rtf xls xlsx ods csv ppt pptx odp key pages numbers epub mobi djvu htm html xps ps eml msg"
)
ARCHIVE = _extensions("zip rar 7z tar gz tgz bz2 xz zst cbz cbr iso dmg")
# thm is a video's thumbnail: a JPEG, but not a picture that anybody took.
SIDECAR = _extensions("xmp aae thm pp3 dop cos cop arp vrd nks on1 photo-edit srt lrf gpx")
RAW = _extensions(
    """
    dng cr2 cr3 crw nef nrw arw srf sr2 arq raf orf ori rw2 rwl raw pef ptx srw x3f 3fr fff iiq cap eip erf kdc dcr
    dcs k25 mef mos mrw mdc gpr bay cine
    """
)
OTHER_FORMAT = _extensions(
    """
    svg svgz psd psb ai eps xcf kra ora clip sai afphoto afdesign cdr indd sketch fig ico icns cur jp2 j2k jpf jpx
    jpm jxr wdp hdp tga pcx ppm pgm pbm pnm exr hdr dds qoi wmf emf fits fit dcm pns flif bpg xbm xpm insp pct pict
    ras sgi
    """
)
_BY_EXTENSION: dict[str, type[LeftOut]] = {
    extension: kind
    for kind, extensions in (
        (VideoLeftOut, VIDEO),
        (AudioLeftOut, AUDIO),
        (DocumentLeftOut, DOCUMENT),
        (ArchiveLeftOut, ARCHIVE),
        (SidecarLeftOut, SIDECAR),
    )
    for extension in extensions
}


class NamesToIgnore:
    """Globs of names, in any case, that are left out of a walk without being named."""

    def __init__(self, globs: Sequence[str]) -> None:
        self._pattern = re.compile("|".join(map(translate, globs)) or r"(?!)", re.IGNORECASE)

    def __contains__(self, name: str) -> bool:
        return self._pattern.match(name) is not None


class FolderNames:
    """The names of one folder's files, which tell together what each of them is."""

    def __init__(self, names: Sequence[str]) -> None:
        pictures = [name for name in names if extension_of(name) in ALL_EXTENSIONS and extension_of(name) not in RAW]
        self._picture_of_stem = {stem_of(name): name for name in reversed(pictures)}

    def reason_against(self, name: str) -> LeftOut | None:
        """Return why this file is left out, None if it may be a picture."""
        extension = extension_of(name)
        if extension in RAW:
            return self._reason_against_raw(name)
        if extension in ALL_EXTENSIONS:
            return None
        if extension in OTHER_FORMAT:
            return OtherFormatLeftOut(extension=extension)
        kind = _BY_EXTENSION.get(extension)
        return kind() if kind is not None else None

    def _reason_against_raw(self, name: str) -> LeftOut | None:
        """Beside its picture a raw file is the same shot again: IMG_1.DNG and IMG_1.JPG, or IMG_1.JPG.DNG."""
        stem = stem_of(name)
        picture = self._picture_of_stem.get(stem) or self._picture_of_stem.get(stem_of(stem))
        if picture is not None:
            return RawBesidePictureLeftOut(picture=shown(picture))
        return None if extension_of(name) in ALL_EXTENSIONS else RawLeftOut(extension=extension_of(name))


def extension_of(name: str) -> str:
    """Return the last extension in small letters, with its dot; "" if there is none."""
    return PurePath(name).suffix.lower()


def stem_of(name: str) -> str:
    """Return what stands before the last extension, in small letters."""
    return PurePath(name).stem.lower()
