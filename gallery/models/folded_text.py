"""What people wrote about an image, as searches compare it."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from django.db import models
from django.db.models import Q
from django.db.models.lookups import Contains, Exact
from django.utils.translation import gettext_lazy as _

from gallery.text.chinese import written_otherwise
from gallery.text.folding import REVISION, folded, folded_lines

from .conditions import Mentioning, Named
from .text_parts import FirstLine, Like, like_pattern

FOLDED_FIELDS = frozenset({"original_name", "description"})


class FoldedTextQuerySet(models.QuerySet["FoldedText"]):
    def write(self, texts: Iterable[tuple[int, str, str]]) -> None:
        """Fold the name and description of images, each given as (pk, name, description)."""
        rows = [
            self.model(image_id=pk, revision=REVISION, text=folded_lines(name, description))
            for pk, name, description in texts
        ]
        self.bulk_create(rows, update_conflicts=True, unique_fields=["image"], update_fields=["revision", "text"])

    def are_complete(self) -> bool:
        """Say whether each of all images has its folded text, by two numbers: nobody goes through the images."""
        images = self.model._meta.get_field("image").related_model
        has_outdated = self.filter(revision__lt=REVISION).exists()
        return not has_outdated and self.count() == images._default_manager.count()


class FoldedText(models.Model):
    """An image's name and description, folded, a line each.

    A missing row, or one of another revision, means "to do": until then the image is found as its database compares
    letters. Every save of an image writes it, so only what came before this table, or in bulk, is to do.
    """

    image = models.OneToOneField("gallery.Image", models.CASCADE, primary_key=True, related_name="folded_text")
    revision = models.PositiveSmallIntegerField()
    text = models.TextField()

    objects = FoldedTextQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["revision"], name="folded_text_revision")]
        verbose_name = _("folded text")
        verbose_name_plural = _("folded texts")
        default_permissions = ()

    def __str__(self) -> str:
        return self.text


def is_folded() -> Q:
    """Return the condition that an image's text is folded, as `folded` does it now."""
    return Q(folded_text__revision__gte=REVISION)


def is_not_folded() -> Q:
    return Q(folded_text__isnull=True) | Q(folded_text__revision__lt=REVISION)


def mentions(text: str) -> Q:
    """Return the condition that an image's name or description has this text in it, whatever its case, its marks and
    the characters that Chinese is written in.
    """
    found = Q()
    for spelling in sorted(written_otherwise(text)):
        found |= _has(spelling)
    return found


def is_named(pieces: Sequence[str]) -> Q:
    """Return the condition that an image's whole file name is these pieces, in this order, with anything or nothing
    between two of them, whatever its case, its marks and the characters that Chinese is written in.
    """
    found = Q()
    for spelling in sorted(written_otherwise("\n".join(pieces))):
        found |= _is_named(spelling.split("\n"))
    return found


def has_first_line(field: str, line: str) -> Q:
    """Return the condition that the first line of a text with several is this one."""
    return Q(Exact(FirstLine(field), line))


def has_in_first_line(field: str, part: str) -> Q:
    return Q(Contains(FirstLine(field), part))


def _has(text: str) -> Q:
    typed = unicodedata.normalize("NFC", text)
    as_stored = Q(original_name__icontains=typed) | Q(description__icontains=typed)
    compared = folded(text)
    if not compared:  # signs that nobody sees
        return as_stored
    return Q(Mentioning(_either(Q(folded_text__text__contains=compared), as_stored), folded=compared))


def _is_named(pieces: Sequence[str]) -> Q:
    typed = ".*".join(re.escape(unicodedata.normalize("NFC", piece)) for piece in pieces)
    compared = _compared(pieces)
    as_folded = Q(Like(FirstLine("folded_text__text"), like_pattern(compared)))
    return Q(Named(_either(as_folded, Q(original_name__iregex=f"^{typed}$")), pieces=compared))


def _compared(pieces: Sequence[str]) -> tuple[str, ...]:
    if len(pieces) == 1:
        return (folded(pieces[0]),)
    first, *middle, last = map(_folded_piece, pieces)
    return (first.lstrip(), *(piece for piece in middle if piece), last.rstrip())


def _either(as_folded: Q, as_stored: Q) -> Q:
    """Return the one condition or, of an image whose text is not folded, the other. It is true or false of each."""
    return (Q(folded_text__isnull=False) & is_folded() & as_folded) | (is_not_folded() & as_stored)


def _folded_piece(piece: str) -> str:
    """Return a part of a text folded; white space at its ends is some of that text, too."""
    before, after = (" " if piece[place : place + 1].isspace() else "" for place in (0, len(piece) - 1))
    inside = folded(piece)
    return before + inside + after if inside else before
