"""What may stand behind `is:`, `colour:` and `format:`, in both languages."""

from gallery.encoders.offline import colours
from gallery.imaging.formats import BY_EXTENSION, LABELS
from gallery.retrieval.tree import Field, State

_STATES = {state.value: state.value for state in State} | {
    "favorite": State.FAVOURITE.value,
    "横图": State.LANDSCAPE.value,
    "竖图": State.PORTRAIT.value,
    "方图": State.SQUARE.value,
    "私有": State.PRIVATE.value,
    "共享": State.SHARED.value,
    "公开": State.PUBLIC.value,
    "等待": State.PENDING.value,
    "失败": State.FAILED.value,
    "动图": State.ANIMATED.value,
    "无标签": State.UNTAGGED.value,
    "收藏": State.FAVOURITE.value,
}
_COLOURS = colours.ENGLISH | colours.CHINESE | {f"{name}色": colour for name, colour in colours.CHINESE.items()}
_FORMATS = {
    **{extension.removeprefix("."): name for extension, name in BY_EXTENSION.items()},
    **{label.lower(): name for name, label in LABELS.items()},
    **{name.lower(): name for name in LABELS},
}
CHOICES: dict[Field, dict[str, str]] = {Field.IS: _STATES, Field.COLOUR: _COLOURS, Field.FORMAT: _FORMATS}
"""Each spelling, in NFKC and lower case, and the value that is meant."""
