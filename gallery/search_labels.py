"""What fields of a search, and their values, are called in the language of the reader."""

from django.utils.translation import gettext_lazy, pgettext_lazy

from gallery.retrieval.tree import Field, State

FIELDS = {
    Field.TAG: gettext_lazy("Tag"),
    Field.ALBUM: gettext_lazy("Album"),
    Field.OWNER: gettext_lazy("Owner"),
    Field.NAME: gettext_lazy("Name"),
    Field.TEXT: gettext_lazy("Text in the picture"),
    Field.FORMAT: gettext_lazy("Format"),
    Field.COLOUR: gettext_lazy("Colour"),
    Field.IS: gettext_lazy("Kind"),
    Field.WIDTH: gettext_lazy("Width"),
    Field.HEIGHT: gettext_lazy("Height"),
    Field.PIXELS: gettext_lazy("Pixels"),
    Field.SIZE: gettext_lazy("Size"),
    Field.TAKEN: gettext_lazy("Taken"),
    Field.ADDED: gettext_lazy("Added"),
    Field.DATE: gettext_lazy("Date"),
}
STATES = {
    State.PORTRAIT: pgettext_lazy("picture", "Portrait"),
    State.LANDSCAPE: pgettext_lazy("picture", "Landscape"),
    State.SQUARE: pgettext_lazy("picture", "Square"),
    State.PRIVATE: pgettext_lazy("picture", "Private"),
    State.SHARED: pgettext_lazy("picture", "Shared"),
    State.PUBLIC: pgettext_lazy("picture", "Public"),
    State.PENDING: gettext_lazy("Waiting to be searchable"),
    State.FAILED: gettext_lazy("Not searchable"),
    State.ANIMATED: pgettext_lazy("picture", "Animated"),
    State.UNTAGGED: pgettext_lazy("picture", "Without tags"),
    State.FAVOURITE: pgettext_lazy("picture", "Favourite"),
}
COLOURS = {
    "black": pgettext_lazy("colour", "black"),
    "grey": pgettext_lazy("colour", "grey"),
    "white": pgettext_lazy("colour", "white"),
    "red": pgettext_lazy("colour", "red"),
    "orange": pgettext_lazy("colour", "orange"),
    "yellow": pgettext_lazy("colour", "yellow"),
    "green": pgettext_lazy("colour", "green"),
    "blue": pgettext_lazy("colour", "blue"),
    "purple": pgettext_lazy("colour", "purple"),
    "pink": pgettext_lazy("colour", "pink"),
    "brown": pgettext_lazy("colour", "brown"),
}
