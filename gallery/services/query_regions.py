"""Parts of pictures to search with, as pixels."""

from contextlib import suppress
from io import BytesIO

from PIL.Image import Image as Pixels

from gallery.errors import InvalidPicture, OriginalMissing
from gallery.imaging import PREVIEW_PX, load_part, load_pixels, part_of
from gallery.models import Image, QueryPicture
from gallery.retrieval.tree import Box
from gallery.rooms import Room, go_on_in

from .decode_limits import search_limits
from .media import open_kept_thumbnail, open_original

ENOUGH_PX = 260  # shorter side of a part: encoders look at 224 to 512, and less is only enlarged


def part_of_image(image: Image, box: Box) -> Pixels:
    """Return a part of an image of the library, RGB: of its preview, or of its original where that shows too little.

    An original that is lost, or larger than what anybody may have decoded, is no reason to fail.
    Raises ServerBusy, DecoderUnavailable, OriginalMissing where the preview is gone too.
    """
    go_on_in(Room.PICTURE_SEARCH)
    if _is_small_in_preview(image, box):
        with suppress(InvalidPicture, OriginalMissing):
            return _part_of_original(image, box)
    try:
        preview = open_kept_thumbnail(image, PREVIEW_PX)
    except FileNotFoundError:
        return _part_of_original(image, box)
    with preview:
        return load_part(preview, box.shares, limits=search_limits())


def part_of_kept(picture: QueryPicture, box: Box) -> Pixels:
    """Return a part of a picture that was searched with before, RGB. Raises ServerBusy, DecoderUnavailable."""
    go_on_in(Room.PICTURE_SEARCH)
    return part_of(load_pixels(BytesIO(picture.preview), limits=search_limits()), box.shares)


def _is_small_in_preview(image: Image, box: Box) -> bool:
    """Say whether a part has fewer pixels in the preview than an encoder looks at, and more in the original."""
    scale = PREVIEW_PX / max(image.width_px, image.height_px)
    return scale < 1 and min(box.width * image.width_px, box.height * image.height_px) * scale < ENOUGH_PX


def _part_of_original(image: Image, box: Box) -> Pixels:
    with open_original(image) as original:
        return load_part(original, box.shares, limits=search_limits())
