"""What each field takes, as it is said to whoever wrote something else."""

from gallery.errors import Phrase, gettext_noop

from .fields import FieldName

_NUMBER = Phrase(gettext_noop("it takes a whole number, as in width:>2000 or height:500..1000"))
_DATE = Phrase(
    gettext_noop("it takes a year, a month or a day, as in taken:2023, taken:2023-05..2023-08 or added:>2024-01-31")
)
_SIDE = Phrase(gettext_noop("it takes one year, month or day, as in before:2020 or after:2019-05"))
_WORDS = Phrase(gettext_noop('it takes a word, or several between quotes, as in album:"Trip 1"'))

EXPECTED: dict[FieldName, Phrase] = {
    FieldName.TAG: Phrase(gettext_noop("it takes names of tags, as in tag:holiday or tag:beach,sea")),
    FieldName.ALBUM: _WORDS,
    FieldName.OWNER: _WORDS,
    FieldName.NAME: _WORDS,
    FieldName.TEXT: _WORDS,
    FieldName.FORMAT: Phrase(gettext_noop("it takes a format of pictures, as in format:jpeg or format:png")),
    FieldName.COLOUR: Phrase(
        gettext_noop(
            "it takes one of black, grey, white, red, orange, yellow, green, blue, purple, pink and brown, as in "
            "colour:red"
        )
    ),
    FieldName.IS: Phrase(
        gettext_noop(
            "it takes one of portrait, landscape, square, private, shared, public, pending, failed, animated, untagged "
            "and favourite, as in is:portrait"
        )
    ),
    FieldName.WIDTH: _NUMBER,
    FieldName.HEIGHT: _NUMBER,
    FieldName.PIXELS: Phrase(gettext_noop("it takes a number of pixels, as in pixels:>12M")),
    FieldName.SIZE: Phrase(
        gettext_noop("it takes a number of bytes, KB, MB or GB, as in size:<1MB or size:500KB..2MB")
    ),
    FieldName.TAKEN: _DATE,
    FieldName.ADDED: _DATE,
    FieldName.BEFORE: _SIDE,
    FieldName.AFTER: _SIDE,
    FieldName.LIKE: Phrase(gettext_noop("it takes the number of a picture, as in like:123")),
    FieldName.PICTURE: Phrase(gettext_noop("it takes the id of a picture that was searched with before")),
}
BOX = Phrase(
    gettext_noop(
        "a part of a picture is its left, top, width and height as shares of the picture, lies within it and is larger "
        "than nothing, as in like:123[0.1,0.2,0.5,0.4]"
    )
)
