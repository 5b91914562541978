"""What changed with each version of who may see what, so that what is kept in memory is brought up to date."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connections, models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from .access_state import AccessState

MOST_CHANGES = 10_000  # that anybody reads one by one: behind more, all is asked for anew
CHANGES_KEPT = 50_000
RowOfImage = tuple[int, int]  # its row of the index, its id


class ChangeKind(models.IntegerChoices):
    IMAGE = 1
    TAG = 2
    ALBUM = 3
    EVERYTHING = 4


@dataclass(frozen=True, slots=True)
class AccessChanges:
    """What may differ between two versions: never less than what does.

    `image_rows` are those that the pictures had when they changed, perhaps of an epoch before this one; a picture that
    has got another row since is found by `image_ids`. A tag or an album stands for all pictures on it.
    """

    version: int
    image_rows: frozenset[int]
    image_ids: frozenset[int]
    tag_ids: frozenset[int]
    album_ids: frozenset[int]


class AccessChangeQuerySet(models.QuerySet["AccessChange"]):
    def since(self, version: int, up_to: AccessState) -> AccessChanges | None:
        """Return what has changed after `version`, up to a state that was read before.

        None where all may have changed: there are too many changes, one that counts as everything, or the log does not
        know all of them any more. Each version is in the log with what made it, so a gap is seen.
        """
        span = up_to.version - version
        if not 0 <= span <= MOST_CHANGES:
            return None
        found = self.filter(version__gt=version, version__lte=up_to.version) if span else self.none()
        entries = list(found.values_list("version", "kind", "object_id", "row")[: MOST_CHANGES + 1])
        kinds = {kind for _version, kind, _object_id, _row in entries}
        if len(entries) > MOST_CHANGES or ChangeKind.EVERYTHING in kinds:
            return None
        if len({changed for changed, *_rest in entries}) < span:
            return None

        def ids_of(wanted: ChangeKind) -> frozenset[int]:
            return frozenset(
                object_id for _version, kind, object_id, _row in entries if kind == wanted and object_id is not None
            )

        return AccessChanges(
            version=up_to.version,
            image_rows=frozenset(row for _version, _kind, _object_id, row in entries if row is not None),
            image_ids=ids_of(ChangeKind.IMAGE),
            tag_ids=ids_of(ChangeKind.TAG),
            album_ids=ids_of(ChangeKind.ALBUM),
        )

    def leads_on_from(self, version: int, mark: int | None, *, to: AccessState) -> bool:
        """Say whether this database was once at this version with this mark, up to a state that was read before.

        No mark is that of a database in which nothing had changed yet.
        """
        if version == to.version:
            return mark == to.mark
        return mark is None or self.filter(version=version, mark=mark).exists()

    def note_departure(self, images: Iterable[RowOfImage] = ()) -> None:
        """Say in the present transaction that pictures leave their rows of the index, which no trigger sees.

        Where that is because all move to another epoch none need be named: who reads them sees the epoch.
        """
        images = list(images)
        connection = connections[self.db]
        if connection.vendor == "postgresql":
            rows, ids = [row for row, _id in images], [image_id for _row, image_id in images]
            with connection.cursor() as cursor:
                cursor.execute("SELECT gallery_note_departure(%s::bigint[], %s::bigint[])", [rows, ids])
            return
        state = AccessState.objects.using(self.db).filter(pk=1)
        state.update(departures=F("departures") + 1)
        if images:
            state.update(version=F("version") + 1, mark=new_mark())
            for one in state:
                self.bulk_create(self._departed(one, images), batch_size=1_000)

    def _departed(self, state: AccessState, images: list[RowOfImage]) -> "list[AccessChange]":
        made = {"version": state.version, "mark": state.mark}
        if len(images) > MOST_CHANGES:
            return [AccessChange(**made, kind=ChangeKind.EVERYTHING)]
        return [AccessChange(**made, kind=ChangeKind.IMAGE, object_id=image_id, row=row) for row, image_id in images]


def new_mark() -> int:
    return secrets.randbits(62)


class AccessChange(models.Model):
    """One entry of the log that the triggers of `access_triggers` write beside `AccessState.version`.

    Ids ascend in the order of the commits, and each version has an entry at least. The newest `CHANGES_KEPT` are kept,
    and some more: the database itself removes older ones. `row` is the picture's row of the index at that moment.
    """

    version = models.PositiveBigIntegerField(db_index=True)
    kind = models.PositiveSmallIntegerField(choices=ChangeKind)
    object_id = models.BigIntegerField(null=True)
    row = models.BigIntegerField(null=True)
    mark = models.BigIntegerField(null=True)  # that AccessState had with this version

    objects = AccessChangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("change of access")
        verbose_name_plural = _("changes of access")
        default_permissions = ()  # the database alone writes it

    def __str__(self) -> str:
        return f"v{self.version}: {ChangeKind(self.kind).name} {self.object_id}"
