"""A picture's metadata, and every question that is asked about pictures."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Self
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from gallery.errors import StoredError
from gallery.imaging import LABELS
from gallery.retrieval.plan import Condition
from gallery.text.wall_clock import offset_text, wall_clock_text

from . import access
from .access import Visibility
from .actor import Actor
from .album import Album
from .audit_entry import AuditEntry, AuditVerb
from .conditions import Fingerprint, HasNoRow
from .days import start_of_day
from .folded_text import FOLDED_FIELDS, FoldedText, is_not_folded, mentions
from .search_conditions import NOTHING_KNOWN, KnownConditions, condition_q
from .search_filters import carries_tag

MAX_NAME_CHARACTERS = 255
IDS_AT_A_TIME = 1_000  # in one statement: SQLite may allow no more than 32,766 variables
MAX_DESCRIPTION_CHARACTERS = 2000


class SearchStatus(models.TextChoices):
    """Whether a picture can be found by what it shows. It is always in one of these states."""

    SEARCHABLE = "searchable", _("searchable")
    PENDING = "pending", _("waiting")
    FAILED = "failed", _("failed")


@dataclass(frozen=True, slots=True)
class LibraryStatistics:
    """Counts of pictures; each is searchable, failed or pending. `formats` has the commonest first."""

    images: int
    size_bytes: int
    searchable: int
    failed: int
    pending: int
    formats: dict[str, int]


class ImageQuerySet(models.QuerySet["Image"]):
    _fingerprint: Fingerprint | None = None  # of this very one: what is made from it has its own

    # Access, as `access` decides it, everywhere.

    def visible_to(self, actor: Actor) -> Self:
        """Pictures that the actor may see, none of them in the trash."""
        return self.filter(access.may_see_image(actor))

    def editable_by(self, actor: Actor) -> Self:
        """Pictures that the actor may change or move to the trash, those in the trash included."""
        return self.filter(access.may_edit_image(actor))

    def deletable_by(self, actor: Actor) -> Self:
        """Pictures that the actor may delete for good."""
        return self.filter(access.may_delete_image(actor))

    def curated_by(self, actor: Actor) -> Self:
        """Pictures that the admin lists for the actor, those in the trash for who may change them all."""
        return self.filter(access.may_curate_image(actor))

    def owned_by(self, actor: Actor) -> Self:
        """All that is a member's own, the trash included."""
        return self.filter(access.is_own(actor))

    def library_of(self, actor: Actor) -> Self:
        """A member's own pictures, none of them in the trash."""
        return self.owned_by(actor).live()

    def in_trash_of(self, actor: Actor) -> Self:
        """What a member deleted and can still bring back."""
        return self.owned_by(actor).trashed()

    # State

    def live(self) -> Self:
        return self.filter(trashed_at__isnull=True)

    def trashed(self) -> Self:
        return self.filter(trashed_at__isnull=False)

    def trashed_by_action(self, action_id: UUID) -> Self:
        """Pictures that lie in the trash as this action left them: what was trashed anew since is not among them."""
        trashings = AuditEntry.objects.of_images(AuditVerb.TRASHED).filter(object_id=OuterRef("pk"))
        last = trashings.newest().values("action")[:1]
        return self.trashed().alias(last_trashing=Subquery(last)).filter(last_trashing=action_id)

    def pending(self) -> Self:
        """Not embedded yet and not failed: the queue. Oldest first."""
        return self.filter(embedding_row__isnull=True, embed_error="").order_by("pk")

    def searchable(self) -> Self:
        return self.filter(embedding_row__isnull=False)

    def without_row(self) -> Self:
        """Pictures that wait or have failed: few of a library, found without going through the others."""
        return self.filter(HasNoRow())

    def waiting(self) -> Self:
        """What `pending` gives, in no order: to be counted."""
        return self.without_row().filter(embed_error="")

    def failed(self) -> Self:
        return self.without_row().exclude(embed_error="")

    def unsuspected(self) -> Self:
        """Pictures that no process died at: those that are encoded together."""
        return self.filter(embed_deaths=0)

    def suspects(self) -> Self:
        """Pictures that a process died at, or had no memory for: each is tried alone, in a process of its own."""
        return self.filter(embed_deaths__gt=0)

    def with_status(self, status: SearchStatus) -> Self:
        return {
            SearchStatus.SEARCHABLE: self.searchable,
            SearchStatus.PENDING: self.waiting,
            SearchStatus.FAILED: self.failed,
        }[status]()

    def not_in_next_epoch(self) -> Self:
        """Searchable pictures that the epoch under construction has neither a vector nor a failure of, by age."""
        return self.searchable().filter(next_embedding__isnull=True).order_by("pk")

    def trashed_before(self, moment: datetime) -> Self:
        return self.filter(trashed_at__lt=moment)

    # Reads

    def newest(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def for_listing(self) -> Self:
        """With what a list shows, at the same number of queries for any length."""
        return self.select_related("owner", "embedding_failure").with_tags()

    def with_tags(self) -> Self:
        """With the tags of each, at the same number of queries for any length."""
        return self.prefetch_related("tags")

    def tagged(self, keys: Iterable[str]) -> Self:
        """Pictures that carry a tag like each of these keys."""
        return self.filter(*map(carries_tag, keys))

    def satisfying(self, conditions: Iterable[Condition], *, by: Actor, known: KnownConditions = NOTHING_KNOWN) -> Self:
        """Pictures of which all of these conditions of a search are true, see `condition_q`."""
        return self.filter(*(condition_q(each, by=by, known=known) for each in conditions))

    def added_from(self, day: date) -> Self:
        """Pictures that were added on this day of the site's time zone or later."""
        return self.filter(created_at__gte=start_of_day(day))

    def added_to(self, day: date) -> Self:
        """Pictures that were added on this day of the site's time zone or before."""
        return self.filter(created_at__lt=start_of_day(day + timedelta(days=1))) if day < date.max else self

    def in_album(self, album: Album) -> Self:
        """The pictures that an album shows, in its order."""
        return self.filter(access.is_shown_by(album)).order_by("albumimage__position", "albumimage__pk")

    def mentioning(self, text: str) -> Self:
        """Pictures with this text in their name or description, whatever its case and marks."""
        return self.filter(mentions(text))

    def not_folded(self) -> Self:
        """Pictures whose name and description are yet to be folded, by age."""
        return self.filter(is_not_folded()).order_by("pk")

    def fold_texts(self) -> None:
        """Write down these pictures' names and descriptions, folded.

        Call it in a transaction that has locked or changed their rows, so that whatever others write comes after.
        """
        FoldedText.objects.write(self.values_list("pk", "original_name", "description"))

    def update(self, **values: Any) -> int:
        """Change these pictures all at once. Names and descriptions that change so are folded later."""
        if FOLDED_FIELDS.isdisjoint(values):
            return super().update(**values)
        with transaction.atomic(using=self.db):
            FoldedText.objects.filter(image__in=self.order_by().values("pk")).delete()
            return super().update(**values)

    def ids(self) -> npt.NDArray[np.int64]:
        """Return the pictures' ids, ascending: (n,) int64."""
        rows = self.order_by("pk").values_list("pk", flat=True)
        return np.fromiter(rows.iterator(chunk_size=10_000), dtype=np.int64)

    def rows(self) -> npt.NDArray[np.int64]:
        """Return (n, 2) int64: embedding row and id of every embedded picture, ascending by row."""
        pairs = self.searchable().order_by("embedding_row").values_list("embedding_row", "pk")
        flat = itertools.chain.from_iterable(pairs.iterator(chunk_size=100_000))
        return np.fromiter(flat, dtype=np.int64).reshape(-1, 2)

    def in_rows(self, rows: range) -> Self:
        """Return the pictures of these embedding rows."""
        return self.filter(embedding_row__gte=rows.start, embedding_row__lt=rows.stop)

    def rows_by_id(self, image_ids: Sequence[int]) -> dict[int, int]:
        """Return the embedding row of those of these pictures that have one."""
        found = self.searchable().filter(pk__in=image_ids).order_by().values_list("pk", "embedding_row")
        return {image_id: row for image_id, row in found if row is not None}

    def embedding_rows(self) -> npt.NDArray[np.int64]:
        """Return the embedding rows, in no order: (n,) int64."""
        rows = self.searchable().order_by().values_list("embedding_row", flat=True)
        return np.fromiter(rows.iterator(chunk_size=100_000), dtype=np.int64)

    def new_embedding_rows(self, *, start: int) -> npt.NDArray[np.int64]:
        """Return those from `start` on, asking for few pictures by their ids.

        Without statistics, which nobody collects for it, SQLite would rather go through all that are not in the trash.
        """
        new = Image.objects.filter(embedding_row__gte=start).order_by()
        new_ids = new.values_list("pk", flat=True).iterator(chunk_size=10_000)
        rows = [np.empty(0, dtype=np.int64)]
        while some := list(itertools.islice(new_ids, IDS_AT_A_TIME)):
            rows.append(self.filter(pk__in=some).embedding_rows())
        return np.concatenate(rows)

    def fingerprint(self) -> Fingerprint:
        """Return what the database will be asked: equal for two querysets that give the same pictures.

        Made once for each queryset, as making it costs a millisecond. Raises EmptyResultSet where nothing is asked.
        """
        if self._fingerprint is None:
            sql, parameters = self.order_by().values_list("pk").query.sql_with_params()
            self._fingerprint = sql, tuple(parameters)
        return self._fingerprint

    def statistics(self) -> LibraryStatistics:
        totals = self.aggregate(
            images=Count("pk"),
            size_bytes=Sum("size_bytes", default=0),
            searchable=Count("pk", filter=Q(embedding_row__isnull=False)),
            failed=Count("pk", filter=Q(embedding_row__isnull=True) & ~Q(embed_error="")),
        )
        formats = self.order_by().values("format").annotate(images=Count("pk")).order_by("-images", "format")
        return LibraryStatistics(
            **totals,
            pending=totals["images"] - totals["searchable"] - totals["failed"],
            formats={row["format"]: row["images"] for row in formats},
        )


class Image(models.Model):
    """A picture of one owner. Its bytes lie once at a content address, however many owners have them."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="images", db_index=False, verbose_name=_("owner")
    )
    md5 = models.CharField(_("MD5"), max_length=32)
    sha256 = models.CharField(_("SHA-256"), max_length=64, db_index=True)
    size_bytes = models.PositiveBigIntegerField(_("size in bytes"))
    format = models.CharField(_("format"), max_length=16)
    width_px = models.PositiveIntegerField(_("width in pixels"))
    height_px = models.PositiveIntegerField(_("height in pixels"))
    frame_count = models.PositiveIntegerField(_("frames"), default=1)
    # The clock on the photographer's wall, kept as if that were UTC, so that it sorts and groups as people read it.
    taken_at = models.DateTimeField(_("taken"), null=True, blank=True, db_index=True)
    taken_offset_minutes = models.SmallIntegerField(_("minutes of the clock from UTC"), null=True, blank=True)
    exif = models.JSONField(_("EXIF"), default=dict, blank=True)

    original_name = models.CharField(_("file name"), max_length=MAX_NAME_CHARACTERS)
    description = models.TextField(_("description"), blank=True, max_length=MAX_DESCRIPTION_CHARACTERS)
    tags = models.ManyToManyField("gallery.Tag", related_name="images", blank=True, verbose_name=_("tags"))
    visibility = models.CharField(_("visibility"), max_length=8, choices=Visibility.choices, default=Visibility.PRIVATE)
    gives_whole_original = models.BooleanField(  # null: as the owner's account says
        _("others get the whole original"), null=True, blank=True
    )
    created_at = models.DateTimeField(pgettext_lazy("when", "added"), default=timezone.now, db_index=True)
    trashed_at = models.DateTimeField(_("moved to the trash"), null=True, blank=True)

    embedding_row = models.PositiveBigIntegerField(_("embedding row"), null=True, blank=True, unique=True)
    embed_error = models.CharField(_("why it is not searchable"), max_length=500, blank=True)  # the error's code
    embed_deaths = models.PositiveSmallIntegerField(_("processes that died at it"), default=0, db_default=0)

    objects = ImageQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        constraints = [
            models.UniqueConstraint(fields=["owner", "md5"], name="image_once_per_owner"),
            models.CheckConstraint(condition=Q(md5__regex=r"^[0-9a-f]{32}$"), name="image_md5_is_hex"),
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="image_sha256_is_hex"),
            models.CheckConstraint(condition=Q(width_px__gte=1, height_px__gte=1), name="image_has_pixels"),
            models.CheckConstraint(condition=Q(size_bytes__gte=1), name="image_has_bytes"),
            models.CheckConstraint(
                condition=Q(visibility__in=[choice.value for choice in Visibility]), name="image_visibility_known"
            ),
            models.CheckConstraint(
                condition=Q(embedding_row__isnull=True) | Q(embed_error=""), name="image_embedded_or_failed"
            ),
        ]
        # No index of what most pictures have in common (not in the trash, public, JPEG): where no statistics say so, a
        # database goes through all of those. Lists are answered by columns (gallery/search_index) in every order.
        indexes = [
            models.Index(fields=["owner", "created_at"], name="image_owner_added"),
            models.Index(fields=["owner", "trashed_at"], name="image_trash", condition=Q(trashed_at__isnull=False)),
            models.Index(
                Coalesce("embedding_row", -1),  # first, so that it is taken without statistics too
                *("created_at", "owner", "visibility", "trashed_at", "embed_error", "embedding_row"),
                name="image_without_row",
                condition=Q(HasNoRow()),
            ),
            models.Index(
                fields=["id"], name="image_pending", condition=Q(embedding_row__isnull=True) & Q(embed_error="")
            ),
        ]

    def __str__(self) -> str:
        return self.original_name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Also fold what people wrote, where it may have changed."""
        fields, is_new = kwargs.get("update_fields"), self._state.adding
        with transaction.atomic():
            super().save(*args, **kwargs)
            if is_new:
                FoldedText.objects.write([(self.pk, self.original_name, self.description)])
            elif fields is None or not FOLDED_FIELDS.isdisjoint(fields):
                Image.objects.filter(pk=self.pk).fold_texts()

    def get_absolute_url(self) -> str:
        return reverse("image", args=[self.pk])

    @property
    def format_label(self) -> str:
        """Return what people call the format."""
        return LABELS.get(self.format, self.format)

    @property
    def taken_wall_clock(self) -> datetime | None:
        """Return when it was taken as the photographer's clock showed it, without a zone."""
        return self.taken_at and self.taken_at.replace(tzinfo=None)

    @property
    def taken_offset(self) -> str:
        """Return `+08:00`, nothing where the offset of that clock from UTC is unknown."""
        return offset_text(self.taken_offset_minutes)

    @property
    def taken_text(self) -> str | None:
        """Return when it was taken in ISO 8601, with the offset where it is known."""
        return None if self.taken_at is None else wall_clock_text(self.taken_at, self.taken_offset_minutes)

    @property
    def rating(self) -> int | None:
        """Return the stars that the file had, 1 to 5."""
        rating: int | None = self.exif.get("rating")
        return rating

    @property
    def is_searchable(self) -> bool:
        return self.embedding_row is not None

    @property
    def search_status(self) -> SearchStatus:
        if self.is_searchable:
            return SearchStatus.SEARCHABLE
        return SearchStatus.FAILED if self.embed_error else SearchStatus.PENDING

    @property
    def is_pending(self) -> bool:
        return self.search_status is SearchStatus.PENDING

    @property
    def is_failed(self) -> bool:
        return self.search_status is SearchStatus.FAILED

    @property
    def failure(self) -> StoredError | None:
        """Return why it could not be embedded, None if it is searchable or waits."""
        if not self.is_failed:
            return None
        kept = getattr(self, "embedding_failure", None)
        return StoredError.with_code(self.embed_error, kept.error if kept is not None else None)
