"""Altered copies of a picture, as people make and pass them on. The same picture gives the same copies."""

from collections.abc import Callable
from io import BytesIO

from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps
from PIL.Image import Image as Pixels

CAPTION = "When you finally find that one picture"
CAPTION_SHARE = 0.15  # of the picture's height
JPEG_QUALITY = 30
TURN_DEGREES = 5
BRIGHTNESS, SATURATION = 1.3, 0.5


def _centre_crop(picture: Pixels) -> Pixels:
    width, height = _scaled(picture, 0.8)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


def _corner_crop(picture: Pixels) -> Pixels:
    return picture.crop((0, 0, *_scaled(picture, 0.7)))


def _half(picture: Pixels) -> Pixels:
    return picture.resize(_scaled(picture, 0.5), Image.Resampling.LANCZOS)


def _quarter(picture: Pixels) -> Pixels:
    return picture.resize(_scaled(picture, 0.25), Image.Resampling.LANCZOS)


def _jpeg(picture: Pixels) -> Pixels:
    file = BytesIO()
    picture.save(file, "JPEG", quality=JPEG_QUALITY)
    with Image.open(file) as copy:
        return copy.convert("RGB")


def _colour(picture: Pixels) -> Pixels:
    brighter = ImageEnhance.Brightness(picture).enhance(BRIGHTNESS)
    return ImageEnhance.Color(brighter).enhance(SATURATION)


def _grey(picture: Pixels) -> Pixels:
    return picture.convert("L").convert("RGB")


def _caption(picture: Pixels) -> Pixels:
    bar_px = max(1, round(picture.height * CAPTION_SHARE))
    copy = Image.new("RGB", (picture.width, picture.height + bar_px), "white")
    copy.paste(picture, (0, 0))
    font = ImageFont.load_default(size=max(1, bar_px // 2))
    place = (picture.width / 20, picture.height + bar_px / 4)
    ImageDraw.Draw(copy).text(place, CAPTION, fill="black", font=font)
    return copy


def _turn(picture: Pixels) -> Pixels:
    return picture.rotate(TURN_DEGREES, Image.Resampling.BICUBIC, expand=True, fillcolor="white")


def _scaled(picture: Pixels, share: float) -> tuple[int, int]:
    return max(1, round(picture.width * share)), max(1, round(picture.height * share))


ALTERATIONS: dict[str, Callable[[Pixels], Pixels]] = {
    "centre_crop": _centre_crop,
    "corner_crop": _corner_crop,
    "half_size": _half,
    "quarter_size": _quarter,
    "jpeg_30": _jpeg,
    "flip": ImageOps.mirror,
    "colour": _colour,
    "grey": _grey,
    "caption": _caption,
    "turn": _turn,
}
KINDS = tuple(ALTERATIONS)


def altered_copies(picture: Pixels) -> list[Pixels]:
    """Return one RGB copy of an RGB picture for each of KINDS, in that order."""
    return [alter(picture) for alter in ALTERATIONS.values()]
