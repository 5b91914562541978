"""What the filters and phrases of a search ask of an image."""

from django.apps import apps
from django.db.models import OuterRef, Q

from gallery.retrieval.tree import Field, Filter, Phrase
from gallery.text.chinese import written_otherwise
from gallery.text.tag_names import folded_tag

from .actor import Actor
from .conditions import Tagged
from .folded_text import mentions


def carries_tag(key: str) -> Q:
    """Return the condition that an image carries a tag like this key: `cafe` is found on a `Café`, 貓 on a 猫."""
    links = apps.get_model("gallery", "Image").tags.through.objects.filter(image=OuterRef("pk"))
    return Q(Tagged(links, folded_names=sorted(map(folded_tag, written_otherwise(key)))))


def filter_q(asked: Filter, *, by: Actor) -> Q:
    """Return the condition that a filter is true of an image, for whoever asks.

    Raises UnknownAlbum for an album that they may not see, NobodySignedIn where their own pictures are meant and they
    have none.
    """
    if asked.field is Field.TAG:
        return carries_tag(str(asked.value))
    raise NotImplementedError(asked.field)


def phrase_q(asked: Phrase, *, by: Actor) -> Q:
    """Return the condition that a phrase stands in an image's name, description, tags or albums that they may see."""
    return mentions(asked.text)
