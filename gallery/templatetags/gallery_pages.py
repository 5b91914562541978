"""What the templates ask for: the current page in the navigation, how facts are written, the Undo of a message."""

from typing import Any

from django import template
from django.contrib.messages.storage.base import Message
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator

from gallery.byte_amounts import bytes_in_words
from gallery.error_messages import stored_sentence
from gallery.errors import StoredError
from gallery.media_responses import thumbnail_address
from gallery.models import Image
from gallery.views.search_words import reason_in_words
from gallery.views.undo import undo_url_of

register = template.Library()


@register.simple_tag(takes_context=True)
def current_page(context: dict[str, Any], url_name: str) -> SafeString | str:
    """Return the attribute that marks a link to the page one is on."""
    match = getattr(context.get("request"), "resolver_match", None)
    is_current = match is not None and match.url_name == url_name
    return mark_safe(' aria-current="page"') if is_current else ""


@register.simple_tag(takes_context=True)
def query_with(context: dict[str, Any], **changes: Any) -> str:
    """Return this page's query string with some values changed; a value of None takes the name out."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = str(value)
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def like_address(context: dict[str, Any], image: Image, *, is_less: bool = False) -> str:
    """Return where the search of this page goes on with what resembles a picture, or with what does not."""
    address: str = context["page"].address_like(image, is_less=is_less)
    return address


register.simple_tag(reason_in_words)
register.simple_tag(thumbnail_address)
register.filter("bytes", bytes_in_words)


@register.simple_tag
def shown_size(image: Image, longest_px: int) -> SafeString:
    """Return the attributes that keep a picture's place until it has loaded; never larger than it is."""
    scale = min(1.0, longest_px / max(image.width_px, image.height_px))
    width_px, height_px = max(1, round(image.width_px * scale)), max(1, round(image.height_px * scale))
    return format_html('width="{}" height="{}"', str(width_px), str(height_px))


@register.filter
def undo_url(message: Message) -> str:
    """Return where the Undo button of a message posts to, or nothing."""
    return undo_url_of(message)


@register.filter(name="stored_sentence")
def stored_sentence_filter(error: StoredError | None) -> str:
    """Return why a picture is not searchable, which is stored in English, in the reader's language."""
    return stored_sentence(error)


@register.filter
def alternative_text(image: Image, longest: int | None = None) -> str:
    """Return what a picture shows, as far as its owner said, else its file name; so many characters at most."""
    text = image.description or image.original_name
    return text if longest is None or len(text) <= longest else Truncator(text).chars(longest)


@register.filter
def text_beside_name(image: Image, longest: int) -> str:
    """Return what a picture shows where its file name stands beside it: nothing where its owner said no more."""
    return "" if image.description in ("", image.original_name) else alternative_text(image, longest)


@register.filter
def exposure(seconds: float) -> str:
    """Return an exposure time as photographers write it: 0.004 is "1/250"."""
    if 0 < seconds < 0.3:
        return f"1/{round(1 / seconds)}"
    return f"{seconds:g}"


@register.filter
def score_number(score: float) -> str:
    """Return a score from 0 to 1 as HTML wants numbers: with a point in every language."""
    return f"{min(max(score, 0.0), 1.0):.4f}"
