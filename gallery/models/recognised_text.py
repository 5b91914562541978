"""What is written in a picture, and where."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Self

import numpy as np
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from gallery.errors import StoredError
from gallery.reading import REVISION, Line
from gallery.text.chinese import written_otherwise
from gallery.text.folding import REVISION as FOLDING
from gallery.text.folding import folded
from gallery.text.misread import misreadings, spaced_otherwise

from .conditions import ImageIds
from .image import Image
from .text_parts import Like, like_with_any_sign

Lines = tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class TextRead:
    """The lines in a picture or, where they could not be read, why."""

    lines: Lines = ()
    error: StoredError | None = None


class RecognisedTextQuerySet(models.QuerySet["RecognisedText"]):
    def write(self, texts: Mapping[int, TextRead]) -> None:
        """Keep what was read in images, by their ids, and what of it searches compare. Call it in a transaction."""
        rows = [
            self.model(image_id=image_id, revision=REVISION, lines=_as_json(read), error=_error_as_json(read))
            for image_id, read in texts.items()
        ]
        fields = ["revision", "lines", "error"]
        self.bulk_create(rows, update_conflicts=True, unique_fields=["image"], update_fields=fields)
        FoldedRecognisedText.objects.write({image_id: read.lines for image_id, read in texts.items()})

    def told_of(self, image: Image) -> TextRead | None:
        """Return what was read in an image; None while nobody has read it."""
        row = self.filter(image=image).first()
        return None if row is None else row.read

    def lines_of(self, image_ids: Collection[int]) -> dict[int, tuple[str, ...]]:
        """Return what the lines say in those of these images in which there are any."""
        rows = self.filter(image__in=image_ids).exclude(lines=None).values_list("image_id", "lines")
        return {image_id: tuple(line["text"] for line in lines or ()) for image_id, lines in rows}

    def unreadable(self) -> Self:
        """Return the rows of images whose text could not be read."""
        return self.filter(lines__isnull=True)

    def read_again(self) -> int:
        """Have these read once more; until then what is known of them is as true as it was. Return how many."""
        return self.update(revision="")

    def missing_in(self, images: models.QuerySet[Image]) -> models.QuerySet[Image]:
        """Return those of these images that nobody has read in this revision, by age."""
        read = self.filter(image=models.OuterRef("pk"), revision=REVISION)
        return images.filter(~models.Exists(read)).order_by("pk")

    def waiting(self) -> int:
        """Return how many searchable images are yet to be read, by two numbers: nobody goes through them."""
        return max(0, Image.objects.searchable().count() - self.filter(revision=REVISION).count())


class RecognisedText(models.Model):
    """The lines that stand in an image, from above to below; null where they could not be read, with the reason.

    A missing row, or one of another revision, means "to do"; until then what an older one says is as true as it was.
    """

    image = models.OneToOneField(Image, models.CASCADE, primary_key=True, related_name="recognised_text")
    revision = models.CharField(max_length=64)  # of the reader; empty: to be read again
    lines = models.JSONField(null=True)  # a list of Line.as_json
    error = models.JSONField(null=True)  # StoredError.as_json

    objects = RecognisedTextQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["revision"], name="recognised_text_revision")]
        verbose_name = _("recognised text")
        verbose_name_plural = _("recognised texts")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.image_id)

    @property
    def read(self) -> TextRead:
        if self.lines is None:
            return TextRead(error=StoredError.from_json(self.error or ""))
        return TextRead(tuple(map(Line.of_json, self.lines)))


class FoldedRecognisedTextQuerySet(models.QuerySet["FoldedRecognisedText"]):
    def write(self, lines: Mapping[int, Iterable[Line]]) -> None:
        """Fold the lines of images, by their ids; images without any have no row."""
        texts = {image_id: folded(" ".join(line.text for line in of_image)) for image_id, of_image in lines.items()}
        rows = [self.model(image_id=pk, revision=FOLDING, text=text) for pk, text in texts.items() if text]
        self.filter(image__in=[pk for pk, text in texts.items() if not text]).delete()
        self.bulk_create(rows, update_conflicts=True, unique_fields=["image"], update_fields=["revision", "text"])

    def fold_some(self, count: int) -> int:
        """Fold again some of those that an earlier revision has folded; return how many."""
        outdated = list(self.filter(revision__lt=FOLDING).values_list("pk", flat=True)[:count])
        rows = RecognisedText.objects.filter(pk__in=outdated)
        self.write({row.pk: row.read.lines for row in rows})
        return len(outdated)

    def mentioning(self, text: str) -> ImageIds:
        """Return the images, whoever may see them, in which this is written: whatever its case, width and marks, in
        simplified or traditional characters, with or without spaces, one sign misread where it is long enough.
        """
        spellings = {each for spelling in written_otherwise(text) for each in spaced_otherwise(folded(spelling))}
        if not spellings:
            return ImageIds(np.empty(0, dtype=np.int64))
        found = self.filter(reduce(or_, map(_stands_in, sorted(spellings)))).order_by("pk")
        return ImageIds(np.fromiter(found.values_list("pk", flat=True), dtype=np.int64))


class FoldedRecognisedText(models.Model):
    """The lines of an image in one, folded, as searches compare them: apart from where they stand, to be gone through
    quickly. Images without text have none.
    """

    image = models.OneToOneField(Image, models.CASCADE, primary_key=True, related_name="folded_recognised_text")
    revision = models.PositiveSmallIntegerField()  # of the folding
    text = models.TextField()

    objects = FoldedRecognisedTextQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["revision"], name="folded_recognised_revision")]
        verbose_name = _("folded text of a picture")
        verbose_name_plural = _("folded texts of pictures")
        default_permissions = ()

    def __str__(self) -> str:
        return self.text


def _stands_in(words: str) -> Q:
    """Return the condition that folded words stand in a folded text; `gallery.text.misread` says the same in Python."""
    found = Q(text__contains=words)
    for misread in misreadings(words):
        as_read = Q(Like(models.F("text"), like_with_any_sign(misread.before, misread.after)))
        found |= Q(text__contains=misread.other_half) & as_read
    return found


def _as_json(read: TextRead) -> list[dict[str, Any]] | None:
    return None if read.error is not None else [line.as_json() for line in read.lines]


def _error_as_json(read: TextRead) -> dict[str, Any] | None:
    return None if read.error is None else read.error.as_json()
