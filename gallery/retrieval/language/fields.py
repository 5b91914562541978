"""What stands before the colon of a filter, in both languages."""

import unicodedata
from enum import StrEnum

from rapidfuzz.distance import OSA


class FieldName(StrEnum):
    TAG = "tag"
    ALBUM = "album"
    OWNER = "owner"
    NAME = "name"
    TEXT = "text"
    FORMAT = "format"
    COLOUR = "colour"
    IS = "is"
    WIDTH = "width"
    HEIGHT = "height"
    PIXELS = "pixels"
    SIZE = "size"
    TAKEN = "taken"
    ADDED = "added"
    BEFORE = "before"
    AFTER = "after"
    LIKE = "like"
    PICTURE = "picture"


MEANINGS = frozenset({FieldName.LIKE, FieldName.PICTURE})  # these say what is searched for; all others narrow it
CHINESE = {
    "标签": FieldName.TAG,
    "相册": FieldName.ALBUM,
    "主人": FieldName.OWNER,
    "名称": FieldName.NAME,
    "文字": FieldName.TEXT,
    "格式": FieldName.FORMAT,
    "颜色": FieldName.COLOUR,
    "是": FieldName.IS,
    "宽": FieldName.WIDTH,
    "高": FieldName.HEIGHT,
    "像素": FieldName.PIXELS,
    "大小": FieldName.SIZE,
    "拍摄": FieldName.TAKEN,
    "添加": FieldName.ADDED,
    "早于": FieldName.BEFORE,
    "晚于": FieldName.AFTER,
    "像": FieldName.LIKE,
    "图": FieldName.PICTURE,
}
SPELLINGS = {name.value: name for name in FieldName} | {"color": FieldName.COLOUR} | CHINESE


def field_called(spelling: str) -> FieldName | None:
    """Return the field that is written so, in any case and width."""
    return SPELLINGS.get(_plain(spelling))


def spellings_near(spelling: str) -> list[str]:
    """Return the spellings of fields that are one edit away: a letter more, fewer, another, or two that change places.

    Those of one sign are near to every other sign, so none is near to them.
    """
    plain = _plain(spelling)
    return [near for near in SPELLINGS if len(near) > 1 and OSA.distance(near, plain, score_cutoff=1) == 1]


def _plain(spelling: str) -> str:
    return unicodedata.normalize("NFKC", spelling).lower()
